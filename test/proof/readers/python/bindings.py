"""The parser of python-dotenv, as it is.

Each line of standard input is the JSON text of a file. The answer to each is one line, {"bindings"}: a list of
[key, value] for each statement that the parser finds, with null for what a statement lacks.
"""

import io
import json
import sys

from dotenv.parser import parse_stream

for line in sys.stdin.buffer:
    # As from a file that is opened as text.
    stream = io.TextIOWrapper(io.BytesIO(json.loads(line).encode("utf-8")), encoding="utf-8")
    bindings = [[binding.key, binding.value] for binding in parse_stream(stream)]
    sys.stdout.write(json.dumps({"bindings": bindings}) + "\n")

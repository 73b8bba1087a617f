"""The parser of python-dotenv, unmodified.

Each line of standard input is the text of a file as JSON. The answer to each is one line,
{"bindings"}: a list with [key, value] for each statement that the parser finds, and null for a key
or value that a statement lacks.
"""

import io
import json
import sys

from dotenv.parser import parse_stream

for line in sys.stdin.buffer:
    # A file that is opened as text is read in the same way.
    stream = io.TextIOWrapper(io.BytesIO(json.loads(line).encode("utf-8")), encoding="utf-8")
    bindings = [[binding.key, binding.value] for binding in parse_stream(stream)]
    sys.stdout.write(json.dumps({"bindings": bindings}) + "\n")

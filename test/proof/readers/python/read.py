"""python-dotenv, unmodified.

Each line of standard input is the text of a file as JSON. The answer to each is one line,
{"values"}. A name without a value is null; no file that the vault accepts has one.
"""

import json
import logging
import os
import sys
import tempfile

from dotenv import dotenv_values

logging.disable(logging.CRITICAL)

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "file.env")
    for line in sys.stdin.buffer:
        with open(path, "wb") as file:
            file.write(json.loads(line).encode("utf-8"))
        # This encoding is the default of load_dotenv and dotenv_values.
        values = dotenv_values(path, interpolate=True, encoding="utf-8")
        sys.stdout.write(json.dumps({"values": values}) + "\n")

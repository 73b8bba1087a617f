"""python-dotenv, as it is.

Each line of standard input is the JSON text of a file; the answer to each is one line, {"values"}. A name
without a value, which no file that the vault accepts holds, is null.
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
        # The encoding is what load_dotenv and dotenv_values take by default.
        values = dotenv_values(path, interpolate=True, encoding="utf-8")
        sys.stdout.write(json.dumps({"values": values}) + "\n")

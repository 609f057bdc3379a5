"""The floor of a first client, to its first token: the libraries of the package, and one check.

The token and its key are in the file that the first argument names.
"""

import asyncio  # noqa: F401 - what takes the time
import json
import sys
from pathlib import Path

import attrs  # noqa: F401 - what takes the time
from jose import jwt

made = json.loads(Path(sys.argv[1]).read_text())
jwt.decode(made["tokens"][0], made["jwk"], algorithms=["RS256"])

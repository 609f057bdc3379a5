"""The floor of the memory of a process with tokens: Python, and the tokens in a list. Nobody validates them.

They are in the file that the first argument names.
"""

import json
import sys
from pathlib import Path

held = json.loads(Path(sys.argv[1]).read_text())["tokens"]

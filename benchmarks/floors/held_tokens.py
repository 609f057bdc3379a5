"""The floor of memory: the tokens themselves, in a list.

They are in the file that the first argument names.
"""

import json
import sys
from pathlib import Path

held = json.loads(Path(sys.argv[1]).read_text())["tokens"]

"""The floor of tokens that somebody holds: their texts.

The text of the file that the second argument names is there already, as it is for the others. Nobody
validates the tokens.
"""

import json
import sys
from pathlib import Path

text = Path(sys.argv[2]).read_text()


def hold() -> list[str]:
    """Read the tokens."""
    tokens: list[str] = json.loads(text)["tokens"]
    return tokens

"""An import that fails is told as that, and not as a fault of what the caller gave."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from descope_async.emulator.mint import TokenMint

#: Prints what a use raises where a module cannot be imported.
USING = """
import asyncio, json, sys
import descope_async

class Finder:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            raise ImportError("it is broken")

sys.meta_path.insert(0, Finder())
project_id, keys = json.load(sys.stdin)

async def main():
    try:
        {use}
    except Exception as error:
        print(type(error).__name__, error)

asyncio.run(main())
"""
PINNED = "descope_async.DescopeClient(project_id, public_key=keys)"
KEPT = "descope_async.DescopeClient(project_id, key_set=keys)"
#: What a verifier does with the key in a caller's proof.
PROOF = """
        from descope_async._tokens.signatures import load_key
        load_key(json.loads(keys)["keys"][0])"""
#: What a token source does with a callable.
SOURCE = """
        from descope_async._keys.key_reader import KeyReader
        from descope_async._values.secret import Secret
        await KeyReader(Secret(lambda: "K2key")).read()"""


@pytest.mark.parametrize(
    ("use", "module"),
    [(PINNED, "jose"), (KEPT, "jose"), (PROOF, "jose"), (SOURCE, "anyio.to_thread")],
    ids=["public_key", "key_set", "proof", "callable"],
)
def test_a_library_that_cannot_be_imported_is_named(use: str, module: str) -> None:
    mint = TokenMint("P1")
    done = subprocess.run(
        [sys.executable, "-c", USING.replace("{use}", use), module],
        input=json.dumps([mint.project_id, mint.key_set]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("ImportError it is broken\n", "")

"""Contenders that each need a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .answers import PROJECT
from .rounds import Setting, in_rounds

FLOORS: Final = Path(__file__).parent / "floors"
#: Name files of certificates. A contender that reads a large one needs tens of milliseconds for that.
_CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
#: A client whose signing key is in the file of `tokens` that the first argument names.
_PINNED: Final = """
import json, sys
from {module} import DescopeClient
made = json.load(open(sys.argv[1]))
client = DescopeClient({project!r}, public_key=made["jwk"])
validate = client.{method}
"""


def floor(name: str) -> str:
    """The text of a floor's script."""
    return (FLOORS / f"{name}.py").read_text()


def with_pinned_key(body: str) -> dict[str, str]:
    """The same code for ours and for the peer, in which `validate` checks one of the tokens `made`."""
    methods = {
        "ours": ("descope_async", "validate_session_nowait"),
        "peer": ("descope", "validate_session"),
    }
    return {
        who: _PINNED.format(module=module, method=method, project=PROJECT) + body
        for who, (module, method) in methods.items()
    }


def printed(
    setting: Setting,
    script: str,
    bodies: Mapping[str, str],
    *arguments: str,
    times: int = 1,
) -> dict[str, list[float]]:
    """What processes print, one number for each round.

    Args:
        setting: How many rounds.
        script: What each process runs. Its ``BODY`` is the code of the contender.
        bodies: What the contenders do.
        arguments: For the script.
        times: How many processes each contender gets in a round. The least number counts, because
            processes that start are often interrupted.
    """
    with _compiling() as environment:

        def run(who: str) -> float:
            command = [sys.executable, "-c", script, *arguments]
            done = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                env={**environment, "BODY": bodies[who]},
            )
            return float(done.stdout.splitlines()[-1])

        for who in bodies:  # to compile
            run(who)
        repeats = range(1 if setting.is_quick else times)
        return in_rounds(setting, bodies, lambda who: min(run(who) for _ in repeats))


def lasting(
    setting: Setting, commands: Mapping[str, Sequence[str]], variables: Mapping[str, str]
) -> dict[str, list[float]]:
    """Seconds that processes take from their start to their end, one of each for each round."""
    with _compiling() as environment:

        def run(who: str) -> float:
            start = time.perf_counter()
            subprocess.run(
                commands[who],
                check=True,
                stdout=subprocess.DEVNULL,
                env={**environment, **variables},
            )
            return time.perf_counter() - start

        for who in commands:  # to compile
            run(who)
        return in_rounds(setting, commands, run)


@contextmanager
def tokens(setting: Setting, count: int) -> Iterator[Path]:
    """A file with so many session tokens, the key that signed them, and where the server is."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tokens.json"
        made = {
            "jwk": setting.signer.jwk(),
            "tokens": [setting.signer.token(number) for number in range(count)],
            "url": setting.server.plain.url,
        }
        file.write_text(json.dumps(made))
        yield file


@contextmanager
def _compiling() -> Iterator[dict[str, str]]:
    """An environment in which the modules are compiled once, and for every contender.

    Not all installers compile, and some machines forbid it: otherwise a contender could find its
    modules compiled, and another would have to do that in every process. No certificates are named.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _CERTIFICATES}
    with tempfile.TemporaryDirectory() as compiled:
        yield {**kept, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}

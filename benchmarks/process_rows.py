"""Rows that need processes of their own: micro-benchmarks by pyperf, imports, and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyperf  # type: ignore[import-untyped]

from .answers import PROJECT
from .bars import Bar, Line, line
from .rounds import Setting

_TOKENS: Final = 1_000
_OFFICIAL: Final = "official"

_IMPORT: Final = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"

#: What a process does before it says how much memory it has.
_HOLD: Final = {
    "ours": f"""
from descope_async import DescopeClient
client = DescopeClient({PROJECT!r}, public_key=json.dumps(made["jwk"]))
held = [client.validate_session_nowait(token) for token in made["tokens"]]
""",
    "peer": f"""
from descope import DescopeClient
client = DescopeClient({PROJECT!r}, public_key=made["jwk"])
held = [client.validate_session(token) for token in made["tokens"]]
""",
}
_RESIDENT: Final = """
import json, pathlib, sys
made = json.loads(pathlib.Path(sys.argv[1]).read_text())
{}
status = pathlib.Path("/proc/self/status")
if status.exists():
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    print(int(fields["VmRSS"].split()[0]) * 1024)
else:  # not on Linux: the most it ever had, which macOS counts in bytes
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def validate(setting: Setting) -> list[Line]:
    """Checks of session tokens, the signing keys being known."""
    taken = _micro(
        setting,
        "ours_new",
        "ours_new_read",
        "ours_new_threads",
        "official",
        "floor_new",
        "ours_seen",
        "ours_seen_sync",
    )
    pairs = zip(taken["ours_new"], taken["ours_new_threads"], strict=True)
    rates = tuple(one / many for one, many in pairs)
    threads = Bar("≥ 0.8 of one thread's rate", rates, 0.8, at_least=True)
    return [
        line(
            "validate, RS256, token not seen before",
            _contest(taken, "ours_new", "official", "floor_new"),
            peer=_OFFICIAL,
            floor="cryptography verify",
            times_floor=2.1,
            times_ahead=5,
        ),
        line(
            "validate, RS256, token not seen before, and its grants",
            _contest(taken, "ours_new_read", "official", "floor_new"),
            peer=_OFFICIAL,
            floor="cryptography verify",
            times_floor=2.5,
        ),
        Line(
            "validate, RS256, token not seen before, from 16 threads",
            {"ours": taken["ours_new_threads"], "floor": taken["ours_new"]},
            {"floor": "one thread"},
            (threads,),
        ),
        line(
            "validate, token seen before, awaited",
            _contest(taken, "ours_seen", "official"),
            peer=_OFFICIAL,
            at_most=(4e-6, "4 µs"),
        ),
        line(
            "validate, token seen before, blocking",
            _contest(taken, "ours_seen_sync", "official"),
            peer=_OFFICIAL,
            at_most=(4e-6, "4 µs, no thread hop"),
        ),
    ]


def fresh_token(setting: Setting) -> list[Line]:
    """A fresh token from a source."""
    taken = _micro(setting, "ours_source", "ours_source_sync", "google_auth", "botocore")
    sync, awaited = (0.5e-6, "0.5 µs"), (1e-6, "1 µs")
    return [
        line(
            f"fresh token, {how}",
            _contest(taken, ours, peer),
            peer=peer.replace("_", "-"),
            at_most=bar,
        )
        for how, ours, peer, bar in (
            ("blocking", "ours_source_sync", "google_auth", sync),
            ("blocking", "ours_source_sync", "botocore", sync),
            ("awaited", "ours_source", "google_auth", awaited),
        )
    ]


def imports(setting: Setting) -> list[Line]:
    """What an import costs, and what the first client costs beyond it."""
    lines: list[Line] = []
    for package in ("descope_async", "descope_sync"):
        taken = _processes(
            setting, _IMPORT, {"ours": f"import {package}", "peer": "import descope"}
        )
        lines.append(line(f"import {package}", taken, peer="import descope", times_peer=0.2))
    first = "from {0} import DescopeClient; DescopeClient('" + PROJECT + "')"
    taken = _processes(
        setting,
        _IMPORT,
        {"ours": first.format("descope_async"), "peer": first.format("descope")},
    )
    return [*lines, line("import and first client", taken, peer=_OFFICIAL)]


def memory(setting: Setting) -> list[Line]:
    """A process with a client and many session tokens that it has validated."""
    with tempfile.TemporaryDirectory() as folder:
        taken = _processes(setting, _RESIDENT, _HOLD, str(_write_tokens(setting, Path(folder))))
    count = _count(setting)
    return [line(f"memory with {count:,} tokens", taken, peer=_OFFICIAL, unit="bytes")]


def _processes(
    setting: Setting, script: str, bodies: dict[str, str], *arguments: str
) -> dict[str, list[float]]:
    """What processes print, one of each for each round."""
    printed: dict[str, list[float]] = {who: [] for who in bodies}
    with tempfile.TemporaryDirectory() as compiled:
        # Not all installers compile, and some machines forbid it: without this, a contender could
        # find its modules compiled and another would have to do it in every process.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        for number in range(-1, setting.rounds):
            for who in list(bodies) if number % 2 == 0 else list(bodies)[::-1]:
                command = [sys.executable, "-c", script.format(bodies[who]), *arguments]
                done = subprocess.run(
                    command, capture_output=True, text=True, check=True, env=environment
                )
                if number >= 0:  # before that, to compile
                    printed[who].append(float(done.stdout))
    return printed


def _micro(setting: Setting, *contenders: str) -> dict[str, list[float]]:
    """Seconds per call by contender: the mean of what pyperf measured in each round."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory() as folder:
        tokens = _write_tokens(setting, Path(folder))
        for number in range(setting.rounds):
            for name in contenders:
                result = Path(folder, f"{name}-{number}.json")
                command = [sys.executable, "-m", "benchmarks.micro", "--contender", name]
                command += ["--tokens", str(tokens), "--quiet", "--output", str(result)]
                if setting.is_quick:
                    command += ["--debug-single-value"]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                taken[name].append(pyperf.Benchmark.load(str(result)).mean())
    return taken


def _contest(
    taken: dict[str, list[float]], ours: str, peer: str, floor: str | None = None
) -> dict[str, Sequence[float]]:
    found: dict[str, Sequence[float]] = {"ours": taken[ours], "peer": taken[peer]}
    return found if floor is None else {**found, "floor": taken[floor]}


def _count(setting: Setting) -> int:
    return 10 if setting.is_quick else _TOKENS


def _write_tokens(setting: Setting, folder: Path) -> Path:
    file = folder / "tokens.json"
    tokens = [setting.signer.token(number) for number in range(_count(setting))]
    url = setting.server.plain.url
    file.write_text(json.dumps({"jwk": setting.signer.jwk(), "tokens": tokens, "url": url}))
    return file

"""Rows about tokens that are at hand: what needs no network, measured by pyperf."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Final

import pyperf  # type: ignore[import-untyped]

from .bars import Bar, Line, line
from .contenders import OFFICIAL_SYNC
from .processes import tokens
from .rounds import Setting, in_rounds

_TOKENS: Final = 1_000
_NEW: Final = "validate, RS256, token not seen before"


def validate(setting: Setting) -> list[Line]:
    """Checks of session tokens, the signing keys being known."""
    taken = _micro(
        setting,
        "ours_new",
        "ours_new_read",
        "ours_new_threads",
        "official",
        "floor_new",
        "floor_new_threads",
        "floor_read",
        "ours_seen",
        "ours_seen_sync",
        "floor_seen",
    )
    pairs = zip(taken["ours_new"], taken["ours_new_threads"], strict=True)
    rates = tuple(one / many for one, many in pairs)
    threads = Bar("≥ 0.8 of one thread's rate", rates, 0.8, at_least=True)
    return [
        line(
            _NEW,
            _contest(taken, "ours_new", "official", "floor_new"),
            peer=OFFICIAL_SYNC,
            floor="cryptography verify",
            times_floor=2.1,
            times_ahead=5,
        ),
        line(
            f"{_NEW}, and its grants",
            _contest(taken, "ours_new_read", "official", "floor_new"),
            peer=OFFICIAL_SYNC,
            floor="cryptography verify",
            times_floor=2.5,
        ),
        line(
            f"{_NEW}, and its grants, beside one that is only read",
            _contest(taken, "ours_new_read", "official", "floor_read"),
            peer=OFFICIAL_SYNC,
            floor="verify, base64, json.loads",
        ),
        Line(
            f"{_NEW}, from 16 threads",
            {"ours": taken["ours_new_threads"], "floor": taken["ours_new"]},
            {"floor": "one thread"},
            (threads,),
        ),
        Line(
            "the signature alone, from 16 threads",
            {"ours": taken["floor_new_threads"], "floor": taken["floor_new"]},
            {"ours": "cryptography verify", "floor": "one thread"},
        ),
        *(
            line(
                f"validate, token seen before, {how}",
                _contest(taken, ours, "official", "floor_seen"),
                peer=OFFICIAL_SYNC,
                floor="a dict and the clock",
                at_most=(4e-6, bar),
            )
            for how, ours, bar in (
                ("awaited", "ours_seen", "4 µs"),
                ("blocking", "ours_seen_sync", "4 µs, no thread hop"),
            )
        ),
    ]


def fresh_token(setting: Setting) -> list[Line]:
    """A fresh token from a source."""
    contenders = ("ours_source", "ours_source_sync", "google_auth", "botocore", "floor_source")
    taken = _micro(setting, *contenders)
    sync, awaited = (0.5e-6, "0.5 µs"), (1e-6, "1 µs")
    return [
        line(
            f"fresh token, {how}",
            _contest(taken, ours, peer, "floor_source"),
            peer=peer.replace("_", "-"),
            floor="the clock",
            at_most=bar,
        )
        for how, ours, peer, bar in (
            ("blocking", "ours_source_sync", "google_auth", sync),
            ("blocking", "ours_source_sync", "botocore", sync),
            ("awaited", "ours_source", "google_auth", awaited),
        )
    ]


def _micro(setting: Setting, *contenders: str) -> dict[str, list[float]]:
    """Seconds per call by contender: the mean of what pyperf measured in each round."""
    with (
        tokens(setting, 10 if setting.is_quick else _TOKENS) as made,
        tempfile.TemporaryDirectory() as folder,
    ):
        numbers = count()

        def run(name: str) -> float:
            result = Path(folder, f"{name}-{next(numbers)}.json")
            command = [sys.executable, "-m", "benchmarks.micro", "--contender", name]
            command += ["--tokens", str(made), "--quiet", "--output", str(result)]
            if setting.is_quick:
                command += ["--debug-single-value"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            mean: float = pyperf.Benchmark.load(str(result)).mean()
            return mean

        return in_rounds(setting, contenders, run)


def _contest(
    taken: Mapping[str, list[float]], ours: str, peer: str, floor: str
) -> dict[str, Sequence[float]]:
    return {"ours": taken[ours], "peer": taken[peer], "floor": taken[floor]}

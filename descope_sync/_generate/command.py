"""Write the modules of descope_sync from the source text of descope_async.

Run from anywhere by path, as ``python -P descope_sync/_generate [--check]``. With ``--check`` it
writes nothing and fails on any difference.

Each public method becomes one that hands the core's method to the portal, with the annotations,
defaults and docstring of the core. What cannot be carried over so is refused with file and line.

Exit status: 0 all well, 1 a difference or an orphan, 2 a refusal or no ruff.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from .facades import FACADES, HAND_WRITTEN, Facade
from .modules import ROOT, render
from .source import Refused


def main(
    arguments: Sequence[str],
    core: Path = ROOT / "descope_async",
    target: Path = ROOT / "descope_sync",
    facades: Sequence[Facade] = FACADES,
) -> int:
    """Write or check the facade, and return the exit status."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    try:
        expected = render(core, facades)
    except Refused as refusal:
        print(refusal)
        return 2
    failed = False
    for name, text in expected.items():
        path = target / name
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old == text:
            continue
        if arguments:
            failed = True
            lines = old.splitlines(keepends=True), text.splitlines(keepends=True)
            sys.stdout.writelines(difflib.unified_diff(*lines, str(path), "expected"))
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    for name in orphans(target, expected):
        failed = True
        print(f"{target / name}: nothing generates this; remove it, or list it in HAND_WRITTEN")
    if failed and arguments:
        print("run nox -s facade")
    return int(failed)


def orphans(target: Path, expected: Iterable[str]) -> list[str]:
    """What lies in the facade, is not generated and has no right to be there."""
    known = {Path(name) for name in (*expected, *HAND_WRITTEN)}
    found = [path.relative_to(target) for path in target.rglob("*") if path.is_file()]
    return sorted(
        path.as_posix()
        for path in found
        if path not in known
        and known.isdisjoint(path.parents)
        and path.parent.name != "__pycache__"
    )

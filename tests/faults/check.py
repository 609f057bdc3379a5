"""What a run gave, compared with what is promised."""

from __future__ import annotations

from collections.abc import Sequence

from .cases import CASES, promised
from .matrix import Cell
from .operations import ROUNDS


def deviations(cells: Sequence[Cell]) -> list[str]:
    """What is not as promised, in words."""
    found: list[str] = []
    for cell in cells:
        allowed = promised(cell.case, cell.operation, cell.mode)
        problems = list(cell.problems)
        if cell.outcome not in allowed:
            problems.append(f"{cell.outcome} is none of {allowed}")
        call = f"{cell.operation.name}{' (reconciles)' * cell.operation.reconciles}"
        found += [f"{cell.case.title}, {cell.mode}: {call}: {each}" for each in problems]
    return found


def size() -> int:
    """How many cells there are."""
    return sum(len(case.modes) for case in CASES) * sum(map(len, ROUNDS))

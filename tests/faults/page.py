"""The tables of docs/explanation/faults.md, made of what a run gave."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .cases import CASES, Outcome
from .matrix import Cell
from .operations import COLUMNS

PAGE: Final = Path(__file__).parents[2] / "docs/explanation/faults.md"
_BEGIN, _END = "<!-- {0}: written by `nox -s faults` -->", "<!-- {0}: end -->"
MODES: Final = ("once", "always")


def page_with(cells: Sequence[Cell]) -> str:
    """The page with these cells in its tables."""
    text = PAGE.read_text()
    for mode in MODES:
        begin, end = _BEGIN.format(mode), _END.format(mode)
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{_table(cells, mode)}\n\n{end}{after}"
    return text


def _table(cells: Sequence[Cell], mode: str) -> str:
    """One row for all that ends in the same way."""
    titles: dict[tuple[str, ...], list[str]] = {}
    for case in (each for each in CASES if mode in each.modes):
        row = [cell for cell in cells if cell.mode == mode and cell.case == case]
        columns = [[cell for cell in row if cell.operation.column == each] for each in COLUMNS]
        titles.setdefault(tuple(map(_shown, columns)), []).append(case.title)
    rows = [["what goes wrong", *COLUMNS], ["---"] * (1 + len(COLUMNS))]
    rows += [["; ".join(alike), *endings] for endings, alike in titles.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _shown(column: Sequence[Cell]) -> str:
    """How the calls of a column end, and which of them end in another way than most."""
    if any(cell.case.is_race and cell.operation.is_once for cell in column):
        return "it depends"
    endings: dict[str, list[str]] = {}
    for cell in column:
        name = cell.operation.name.removeprefix("access_key.")
        endings.setdefault(_ending(cell.outcome), []).append(name)
    usual = max(endings, key=lambda ending: len(endings[ending]))
    others = [
        f"{', '.join(f'`{name}`' for name in sorted(names))}: {ending}"
        for ending, names in endings.items()
        if ending != usual
    ]
    return "; ".join([usual, *others])


def _ending(outcome: Outcome) -> str:
    if outcome.error is None:
        return f"result, attempt {outcome.attempts}" if outcome.attempts else "result"
    text = f"`{outcome.error.__name__}`"
    if outcome.has_secret:
        text += " with the secret"
    return f"{text}, {outcome.attempts} attempts" if (outcome.attempts or 0) > 1 else text

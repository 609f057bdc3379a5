"""The result: as a table for people, in Markdown for the docs, and as JSON."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

from .bars import Bar, Line, Unit, interval
from .rounds import Taken

_HEADINGS: Final = ("what", "ours", "peer", "floor", "ours / floor", "peer / ours", "bar")
#: Of the second table, for the rows about calls.
_CALL_HEADINGS: Final = (
    "what",
    "p99, ours",
    "p99, peer",
    "p99, floor",
    "processor, ours",
    "processor, floor",
    "processor, ours / floor",
)
_SCALES: Final[dict[Unit, tuple[tuple[float, str], ...]]] = {
    "seconds": ((1, "s"), (1e-3, "ms"), (1e-6, "µs")),
    "bytes": ((1e6, "MB"), (1e3, "kB"), (1, "B")),
}
_DISTRIBUTIONS: Final = (
    "descope-async",
    "descope",
    "aiohttp",
    "httpx",
    "cryptography",
    "google-auth",
    "botocore",
    "python-jose",
    "msgspec",
)
#: Between these, the docs hold the tables.
_BEGIN, _END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


def as_text(lines: Sequence[Line]) -> str:
    """Columns of equal width."""
    return "\n\n".join(_in_columns(rows) for rows in _tables(lines))


def as_json(lines: Sequence[Line], machine: dict[str, str]) -> dict[str, Any]:
    """Everything that was measured, in seconds and bytes."""
    return {
        "machine": machine,
        "lines": [
            {
                "title": line.title,
                "unit": line.unit,
                "against": dict(line.against),
                "samples": {who: list(values) for who, values in line.samples.items()},
                "p99": line.calls.p99 if line.calls else {},
                "processor": line.calls.processor if line.calls else {},
                "bars": [
                    {
                        "text": bar.text,
                        "limit": bar.limit,
                        "median": median(bar.values),
                        "interval": interval(bar.values),
                        "verdict": bar.verdict,
                    }
                    for bar in line.bars
                ],
            }
            for line in lines
        ],
    }


def write_docs(file: Path, lines: Sequence[Line], about: Sequence[str]) -> None:
    """Replace the tables in a page of the docs.

    Args:
        file: The page.
        lines: What was measured.
        about: Sentences that stand before the tables.
    """
    before, _, rest = file.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    tables = "\n\n".join(_in_markdown(rows) for rows in _tables(lines))
    file.write_text(f"{before}{_BEGIN}{' '.join(about)}\n\n{tables}\n{_END}{after}")


def describe_machine(server: str) -> dict[str, str]:
    """Where and with what it was measured."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [
        text.partition(":")[2].strip()
        for text in (cpuinfo.read_text().splitlines() if cpuinfo.exists() else ())
        if text.startswith("model name")
    ]
    model = models[0] if models else platform.processor() or platform.machine()
    return {
        time.strftime("%Y-%m-%d", time.gmtime()): "",
        f"{os.cpu_count()} x {model}": "",
        platform.system(): platform.release(),
        platform.python_implementation(): platform.python_version(),
        server: "",
        **{name: version(name) for name in _DISTRIBUTIONS},
    }


def _tables(lines: Sequence[Line]) -> list[list[tuple[str, ...]]]:
    """The rows of each table, headings first: what was measured, and more about the calls."""
    calls = [_call_cells(line.title, line.calls) for line in lines if line.calls]
    first = [_HEADINGS, *map(_cells, lines)]
    return [first, [_CALL_HEADINGS, *calls]] if calls else [first]


def _in_columns(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _in_markdown(rows: Sequence[tuple[str, ...]]) -> str:
    ruled = [rows[0], ("---",) * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def _call_cells(title: str, calls: Taken) -> tuple[str, ...]:
    ours, floor = calls.processor["ours"], calls.processor["floor"]
    return (
        title,
        *(
            _value(calls.p99[who], "seconds") if who in calls.p99 else ""
            for who in ("ours", "peer", "floor")
        ),
        _value(ours, "seconds"),
        _value(floor, "seconds"),
        _spread([a / b for a, b in zip(ours, floor, strict=True)]),
    )


def _cells(line: Line) -> tuple[str, ...]:
    shown = {who: _value(values, line.unit) for who, values in line.samples.items()}
    for who, name in line.against.items():
        if who in shown:
            shown[who] += f" ({name})"
    bars = "; ".join(_bar(bar) for bar in line.bars)
    return (
        line.title,
        *(shown.get(who, "") for who in ("ours", "peer", "floor")),
        _ratio(line, "ours", "floor"),
        _ratio(line, "peer", "ours"),
        bars or "reported",
    )


def _value(values: Sequence[float], unit: Unit) -> str:
    middle, (low, high) = median(values), interval(values)
    scale, name = next((pair for pair in _SCALES[unit] if middle >= pair[0]), _SCALES[unit][-1])
    spread = f" ±{(high - low) / middle / 2:.0%}" if low < high else ""
    return f"{middle / scale:.3g} {name}{spread}"


def _ratio(line: Line, over: str, under: str) -> str:
    if over not in line.samples or under not in line.samples:
        return ""
    return _spread(line.ratios(over, under))


def _spread(values: Sequence[float]) -> str:
    low, high = interval(values)
    spread = f" ({low:.3g} to {high:.3g})" if low < high else ""
    return f"{median(values):.3g}{spread}"


def _bar(bar: Bar) -> str:
    return f"{bar.text}: {bar.verdict}"

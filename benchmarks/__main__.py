"""``python -m benchmarks``: measure the rows and print the table."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from . import batch_rows, command_line_rows, http_rows, large_answers, process_rows
from .answers import Signer, answers
from .bars import Line
from .rounds import Setting
from .servers import serving
from .table import as_json, as_text, describe_machine, write_docs

ROWS: Final[dict[str, Callable[[Setting], list[Line]]]] = {
    "async": http_rows.async_loads,
    "sync": http_rows.sync_loads,
    "validate": process_rows.validate,
    "source": process_rows.fresh_token,
    "cold-source": http_rows.cold_source,
    "search": http_rows.search,
    "large-answers": large_answers.large_answers,
    "import": process_rows.imports,
    "memory": process_rows.memory,
    "concurrency": http_rows.concurrency,
    "batch": batch_rows.batch,
    "command-line": command_line_rows.command_line,
}
_KEYS: Final = 10_000
_PAGE: Final = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> None:
    """Measure, show, and say by the exit status whether a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=ROWS, action="append", help="a row; may be repeated")
    parser.add_argument("--rounds", type=int, default=9, help="runs of each contender")
    parser.add_argument("--seconds", type=float, default=0.3, help="how long a run should take")
    parser.add_argument("--server", choices=("auto", "nginx", "asyncio"), default="auto")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    parser.add_argument("--docs", action="store_true", help=f"write the table into {_PAGE.name}")
    parser.add_argument("--check", action="store_true", help="fail where a bar is missed")
    parser.add_argument("--quick", action="store_true", help="only see that everything runs")
    options = parser.parse_args()
    # The server's one token ages, which is worth a warning outside of a benchmark.
    logging.getLogger("descope_async").setLevel(logging.ERROR)
    rounds, seconds = (1, 0.001) if options.quick else (options.rounds, options.seconds)
    signer = Signer()
    keys = 100 if options.quick else _KEYS
    served = answers(signer, keys)
    lines: list[Line] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(served, Path(folder), options.server) as server,
    ):
        setting = Setting(server, signer, served, keys, rounds, seconds, options.quick)
        for name in options.only or ROWS:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            lines += ROWS[name](setting)
    machine = describe_machine(server.name)
    print(as_text(lines))
    if options.json:
        options.json.write_text(json.dumps(as_json(lines, machine), indent=2))
    if options.docs:
        write_docs(_PAGE, lines, machine)
    missed = [line.title for line in lines for bar in line.bars if bar.verdict == "missed"]
    if options.check and missed:
        raise SystemExit(f"missed: {', '.join(dict.fromkeys(missed))}")


if __name__ == "__main__":
    main()

"""``python -m benchmarks``: measure the rows and print the tables."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from . import (
    batch_rows,
    cold_source_rows,
    command_line_rows,
    large_answers,
    load_rows,
    memory_rows,
    search_rows,
    start_rows,
    token_rows,
)
from .answers import LOAD, SEARCH, Signer, answers
from .bars import Line
from .rounds import Setting
from .servers import serving
from .table import as_json, as_text, describe_machine, write_docs

ROWS: Final[dict[str, Callable[[Setting], list[Line]]]] = {
    "async": load_rows.async_loads,
    "sync": load_rows.sync_loads,
    "validate": token_rows.validate,
    "source": token_rows.fresh_token,
    "cold-source": cold_source_rows.cold_source,
    "search": search_rows.search,
    "large-answers": large_answers.large_answers,
    "import": start_rows.imports,
    "first-client": start_rows.first_client,
    "memory": memory_rows.memory,
    "concurrency": load_rows.concurrency,
    "batch": batch_rows.batch,
    "batch-memory": batch_rows.batch_memory,
    "command-line": command_line_rows.command_line,
}
_KEYS: Final = 10_000
_PAGE: Final = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> None:
    """Measure, show, and say by the exit status whether a row failed, or a bar is missed."""
    options = _options()
    # The server's one token ages, which is worth a warning outside of a benchmark.
    logging.getLogger("descope_async").setLevel(logging.ERROR)
    rounds, seconds = (1, 0.001) if options.quick else (options.rounds, options.seconds)
    signer = Signer()
    keys = 100 if options.quick else _KEYS
    served = answers(signer, keys)
    lines: list[Line] = []
    failed: list[str] = []
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(served, Path(folder), options.server) as server,
    ):
        if server.name == "asyncio" and options.server == "auto":
            print(
                "nginx is not installed, so a slower server answers: apt-get install nginx-light",
                file=sys.stderr,
            )
        setting = Setting(server, signer, served, keys, rounds, seconds, options.quick)
        for name in options.only or [name for name in ROWS if name not in options.without]:
            start = time.monotonic()
            print(f"measuring {name} …", end="", file=sys.stderr, flush=True)
            try:
                lines += ROWS[name](setting)
            except Exception:  # noqa: BLE001 - minutes of others' measurements would be lost
                traceback.print_exc()
                failed.append(name)
            print(f" {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    minutes = (time.monotonic() - begun) / 60
    machine = describe_machine(server.name)
    about = [
        f"Measured on {', '.join(f'{name} {value}'.rstrip() for name, value in machine.items())}.",
        f"The answer of a load has {len(served[LOAD]):,} bytes.",
        f"That of the search has {len(served[SEARCH]) / 1e6:.2f} MB.",
        f"A token has {len(signer.token(0)):,} characters.",
        f"The run of {rounds} rounds took {minutes:.0f} minutes.",
    ]
    if failed:
        about.append(f"Not measured: {', '.join(failed)}.")
    print("\n".join(about), as_text(lines), sep="\n\n")
    if options.json:
        options.json.write_text(json.dumps(as_json(lines, machine), indent=2))
    if options.docs:
        write_docs(_PAGE, lines, about)
    missed = [line.title for line in lines for bar in line.bars if bar.verdict == "missed"]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")
    if options.check and missed:
        raise SystemExit(f"missed: {', '.join(dict.fromkeys(missed))}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=ROWS, action="append", help="a row; may be repeated")
    parser.add_argument(
        "--without", choices=ROWS, action="append", default=[], help="a row; may be repeated"
    )
    parser.add_argument("--rounds", type=int, default=9, help="runs of each contender")
    parser.add_argument("--seconds", type=float, default=0.3, help="how long a run should take")
    parser.add_argument("--server", choices=("auto", "nginx", "asyncio"), default="auto")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    parser.add_argument("--docs", action="store_true", help=f"write the tables into {_PAGE.name}")
    parser.add_argument("--check", action="store_true", help="fail where a bar is missed")
    parser.add_argument("--quick", action="store_true", help="only see that everything runs")
    options = parser.parse_args()
    if options.docs and (options.only or options.without or options.quick):
        parser.error("--docs replaces all rows, so it needs a run of all of them")
    return options


if __name__ == "__main__":
    main()

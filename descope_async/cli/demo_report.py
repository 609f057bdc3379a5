"""What the demo shows: every call when asked to, and at its end what a person wants to know."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from attrs import fields, has
from rich.console import Console
from rich.text import Text

from descope_async import ApiError, DescopeError, NotFound

from .demo_steps import PERMISSION, TENANT, Made, Step

_SHOWN: Final = 300
#: For terminals and files that take no more than ASCII, or some other small set.
_PLAIN: Final = str.maketrans(
    {"✓": "+", "✗": "x", "→": ">", "←": "<", "…": "...", "•": "*", "“": '"', "”": '"'}
)
_WIDEST: Final = 100


class Report:
    """Counts what was as it should be, and shows it.

    Args:
        verbose: Whether to show every call as it happens.
    """

    def __init__(self, *, verbose: bool) -> None:
        self._console = Console(highlight=False)
        self._console.width = min(self._console.width, _WIDEST)
        self._verbose = verbose
        self._passed = 0
        self._failed: list[tuple[str, str]] = []
        self._started = time.perf_counter()
        self._status = self._console.status("")
        if self._console.is_terminal and not verbose:
            self._status.start()

    def heading(self, text: str) -> None:
        """Say what comes now."""
        self._status.update(text)
        if self._verbose:
            self._print(f"== {text}", "bold")

    def leftover(self, key_id: str, error: DescopeError) -> None:
        """Say that a key of the demo could not be deleted, unless it was already."""
        if not isinstance(error, NotFound):
            self.line(False, f"delete {key_id} yourself", str(error))

    def judged(self, step: Step, arguments: Mapping[str, Any], result: object, made: Made) -> bool:
        """Show a call and what came of it; whether that is what should come of it."""
        made.note(result)
        if isinstance(result, DescopeError):
            passed = step.refused and isinstance(result, ApiError)
        else:
            passed = not step.refused and step.holds(result, made)
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        call = _masked(f"→ {step.method}({given})", made)
        self.line(passed, step.title, f"{call}\n{_masked(f'← {_written(result)}', made)}")
        return passed

    def line(self, passed: bool, title: str, details: str = "") -> None:
        """Count something, and show it when every call is shown."""
        if passed:
            self._passed += 1
        else:
            self._failed.append((title, details))
        if self._verbose:
            self._print(f"{'✓' if passed else '✗'} {title}", "" if passed else "red")
            for detail in details.splitlines():
                self._print(detail, "dim", start=" " * 4)

    def summary(self, where: str, made: Made, at_once: str) -> int:
        """Show what was done, and what to do next.

        Args:
            where: The Descope and the project.
            made: What the first run has made.
            at_once: How the exchanges at once went.

        Returns:
            The exit status: 0 when everything was as it should be, 1 when not.
        """
        self._status.stop()
        count = self._passed + len(self._failed)
        seconds = time.perf_counter() - self._started
        self._print(
            f"{self._passed} of {count} steps went as they should, in {seconds:.1f} s,", "bold"
        )
        self._print(f"on {where}", "bold")
        if self._failed:
            for title, details in self._failed:
                self._print(f"✗ {title}", "red")
                for detail in details.splitlines():
                    self._print(detail, start=" " * 4)
            return 1
        associated = "tenant, role and " if made.local else ""
        granted = f"permits {PERMISSION} in {TENANT}" if made.local else "is good"
        self._rows(
            ("made", f"a key with {associated}claims: {made.id}"),
            ("its secret", "•••••• in created.cleartext, shown this once: store it"),
            ("its token", f"{granted}, checked without a request"),
            ("refused", f"the deactivated key, as meant: {made.refusals[0]}"),
            ("rotated", "the new secret works at once, and the old one never again"),
            ("at once", at_once),
            ("blocking", "all of it again with descope_sync: the same, without await"),
        )
        self._print("Next:", "bold")
        command = _command()
        self._rows(
            (f"{command} demo --verbose", "every call and its result"),
            (f"{command} emulator", "a local Descope to program against"),
            ("“Your first token” in README.md", "ten lines of Python"),
        )
        return 0

    def _rows(self, *rows: tuple[str, str]) -> None:
        column = max(len(name) for name, _ in rows) + 4
        if column > 0.6 * self._console.width:
            for name, text in rows:
                self._print(name, start="  ")
                self._print(text, start="    ")
            return
        for name, text in rows:
            self._print(text, start=f"  {name}".ljust(column))

    def _print(self, text: str, style: str = "", *, start: str = "") -> None:
        """Print a paragraph, whose lines begin where the first one does after ``start``."""
        whole = textwrap.fill(
            text,
            self._console.width,
            initial_indent=start,
            subsequent_indent=" " * len(start),
            break_on_hyphens=False,
        )
        if self._console.options.ascii_only:
            encoding = self._console.encoding
            whole = whole.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)
        self._console.print(Text(whole, style), soft_wrap=True)


def _command() -> str:
    """How this program was started, as one would type it."""
    program = Path(sys.argv[0]).absolute()
    if program.name == "__main__.py":
        return "python -m descope_async.cli"
    if program.is_relative_to(Path.cwd()):
        return str(program.relative_to(Path.cwd()))
    return program.name


def _masked(text: str, made: Made) -> str:
    for secret in filter(None, [*made.secrets, made.token]):
        text = text.replace(secret, "••••••")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _written(result: object) -> str:
    if isinstance(result, DescopeError):
        return f"{type(result).__name__}: {result}"
    if isinstance(result, list | tuple):
        items = cast("Sequence[object]", result)
        return f"[{', '.join(_written(item) for item in items)}]"
    cls = type(result)
    if not has(cls):
        return repr(result)
    # Only what is set: an access key has many fields, and most are empty in a demo.
    shown = [(field.name, getattr(result, field.name)) for field in fields(cls) if field.repr]
    filled = ", ".join(f"{name}={_written(value)}" for name, value in shown if value)
    return f"{cls.__name__}({filled})"

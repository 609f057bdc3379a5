"""``descope-keys demo``: what the product's page on access keys shows, for real."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from operator import attrgetter
from typing import Any, Final, cast

import typer
from attrs import fields, has
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import descope_async
import descope_sync
from descope_async import ApiError, DescopeError, NotFound, SessionToken

from .demo_steps import SEED, STEPS, Made, Step

_AT_ONCE: Final = 200
_SHOWN: Final = 300
#: For terminals and files that take no more than ASCII, or some other small set.
_PLAIN: Final = str.maketrans({"✓": "+", "✗": "x", "→": ">", "←": "<", "…": "...", "•": "*"})


def run(base_url: str | None, project_id: str | None, management_key: str | None) -> int:
    """Run the demo on a real project, or on a local Descope when there is no base URL.

    Returns:
        The exit status: 0 when everything was as expected, 1 when not, 2 when it cannot start.
    """
    report = _Report(Console(highlight=False))
    with ExitStack() as stack:
        local = base_url is None
        if local:
            from descope_sync.emulator import Emulator

            emulator = stack.enter_context(Emulator(seed=SEED))
            base_url, project_id = emulator.base_url, emulator.project_id
            management_key = emulator.management_key
        try:
            client = stack.enter_context(
                descope_sync.DescopeClient(project_id, management_key, base_url=base_url)
            )
            client.mgmt.access_key.search_all_access_keys()
        except DescopeError as error:
            typer.echo(f"descope-keys: {error}", err=True)
            return 2
        report.heading(f"Descope at {client.base_url}, project {client.project_id}")
        asyncio.run(
            _run_async(
                descope_async.DescopeClient(project_id, management_key, base_url=base_url),
                report,
                Made(local),
            )
        )
        _run_sync(client, report, Made(local))
    return report.summary()


async def _run_async(client: descope_async.DescopeClient, report: _Report, made: Made) -> None:
    report.heading("descope_async")
    async with client:
        try:
            for step in STEPS:
                arguments = step.arguments(made)
                try:
                    result = await attrgetter(step.method)(client)(**arguments)
                except DescopeError as error:
                    result = error
                if not report.judged(step, arguments, result, made):
                    break
        finally:
            for key_id in made.ids:
                try:
                    await client.mgmt.access_key.delete(key_id)
                except DescopeError as error:
                    report.leftover(key_id, error)
        await _exchange_at_once(client, report)


def _run_sync(client: descope_sync.DescopeClient, report: _Report, made: Made) -> None:
    report.heading("descope_sync: the same calls, blocking")
    try:
        for step in STEPS:
            arguments = step.arguments(made)
            try:
                result = attrgetter(step.method)(client)(**arguments)
            except DescopeError as error:
                result = error
            if not report.judged(step, arguments, result, made):
                break
    finally:
        for key_id in made.ids:
            try:
                client.mgmt.access_key.delete(key_id)
            except DescopeError as error:
                report.leftover(key_id, error)


async def _exchange_at_once(client: descope_async.DescopeClient, report: _Report) -> None:
    report.heading(f"{_AT_ONCE} exchanges at once")
    try:
        created = await client.mgmt.access_key.create("demo-burst")
    except DescopeError as error:
        report.line(False, f"no key to exchange: {error}")
        return
    try:
        start = time.perf_counter()
        results = await asyncio.gather(
            *(client.exchange_access_key(created.cleartext) for _ in range(_AT_ONCE)),
            return_exceptions=True,
        )
        seconds = time.perf_counter() - start
        good = sum(isinstance(result, SessionToken) for result in results)
        report.line(good == _AT_ONCE, f"{good} of {_AT_ONCE} tokens in {seconds:.2f} s")
    finally:
        await client.mgmt.access_key.delete(created.key.id)


class _Report:
    """Shows each call as it happens and counts what was not as expected."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._passed = 0
        self._failed: list[str] = []

    def heading(self, text: str) -> None:
        self._console.rule(f"[bold]{escape(text)}[/]")

    def leftover(self, key_id: str, error: DescopeError) -> None:
        """Say that a key of the demo could not be deleted, unless it was already."""
        if not isinstance(error, NotFound):
            self.line(False, f"delete {key_id} yourself: {error}")

    def judged(self, step: Step, arguments: Mapping[str, Any], result: object, made: Made) -> bool:
        """Show a call and what came of it; whether it makes sense to go on."""
        made.note(result)
        if isinstance(result, DescopeError):
            passed = step.refused and isinstance(result, ApiError)
        else:
            passed = not step.refused and step.holds(result, made)
        self.line(passed, step.title)
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        self._detail(f"→ {step.method}({given})", made)
        self._detail(f"← {_written(result)}", made)
        return passed or bool(made.ids)

    def line(self, passed: bool, title: str) -> None:
        mark = "[green]✓[/]" if passed else "[red]✗[/]"
        self._print(f"{mark} {escape(title)}")
        if passed:
            self._passed += 1
        else:
            self._failed.append(title)

    def summary(self) -> int:
        table = Table(show_header=False)
        table.add_row("as expected", str(self._passed))
        table.add_row("not as expected", str(len(self._failed)))
        self._console.print(table)
        for title in self._failed:
            self._print(f"[red]✗ {escape(title)}[/]")
        return 1 if self._failed else 0

    def _detail(self, text: str, made: Made) -> None:
        for secret in filter(None, [*made.secrets, made.token]):
            text = text.replace(secret, "••••••")
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        self._print(f"    [dim]{escape(shown)}[/]", soft_wrap=True)

    def _print(self, text: str, *, soft_wrap: bool = False) -> None:
        if self._console.options.ascii_only:
            text = text.translate(_PLAIN)
            text = text.encode(self._console.encoding, "backslashreplace").decode(
                self._console.encoding
            )
        self._console.print(text, soft_wrap=soft_wrap)


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

"""Runs tests of the core through the blocking classes.

A test of the core awaits a `DescopeClient`. Here it gets one that hands each call to the blocking
client, on a worker thread, and awaits the result.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, Self

import anyio.to_thread

import descope_async
import descope_sync

CORE = Path(__file__).parents[1] / "core"
#: What blocking code has under another name.
RENAMED = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__"}


class Awaited:
    """A blocking object whose methods are awaited where those of its twin are."""

    def __init__(self, blocking: Any, twin: type) -> None:
        self.blocking = blocking
        self._twin = twin

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.blocking, RENAMED.get(name, name))
        if not inspect.iscoroutinefunction(getattr(self._twin, name, None)):
            return wrapped(found) if not callable(found) else found

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await anyio.to_thread.run_sync(lambda: wrapped(found(*args, **kwargs)))

        return call

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return repr(self.blocking)


def wrapped(value: Any) -> Any:
    """The value, to be awaited if it is one of the blocking classes."""
    if type(value).__module__.startswith("descope_sync."):
        return Awaited(value, getattr(descope_async, type(value).__name__))
    return value


def client(*args: Any, **kwargs: Any) -> Any:
    """Stands for the constructor of the client."""
    return wrapped(descope_sync.DescopeClient(*args, **kwargs))


#: The kinds of tests that have no blocking twin, and what each such test has in its source.
KINDS = {
    "cancellation": r"\.cancel\(|timeout\(",  # blocking code has Ctrl-C, which has its own tests
    "event loop": r"asyncio\.(run|current_task|get_running_loop)|get_ident",  # ours is another
}


def twins_of(path: str, *, without: dict[str, str]) -> dict[str, Any]:
    """What is in a test module of the core, except the tests that have no blocking twin.

    Args:
        path: The module, in the folder of the core's tests.
        without: The kind of each test that has none, by its name.
    """
    file = CORE / path
    source = file.read_text(encoding="utf-8")
    for name, kind in without.items():
        body = re.search(rf"def {name}\(.*?(?=\n\n\n|\Z)", source, re.DOTALL)
        if not (body and re.search(KINDS[kind], body[0])):
            raise AssertionError(f"{name} of {file} is not about {kind}: remove it from the list")
    module: dict[str, Any] = {"__name__": f"blocking_{file.stem}", "__file__": __file__}
    exec(compile(source, str(file), "exec"), module)  # noqa: S102 - our own tests
    module["DescopeClient"] = client  # where fixtures and tests look it up
    return {name: value for name, value in module.items() if name not in {*without, "__name__"}}

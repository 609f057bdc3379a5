"""Where an access key comes from: read again whenever it is needed, so that it can be rotated."""

from __future__ import annotations

import inspect
import os
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from descope_async._arguments import label
from descope_async._files.paths import at_home
from descope_async._runtime.callables import is_being_cancelled, is_being_closed, raised
from descope_async._runtime.cancel_scopes import cancel_scope
from descope_async._runtime.coroutine_functions import is_coroutine_function
from descope_async._runtime.imports_aside import imported
from descope_async._runtime.late_imports import late_import
from descope_async._values.secret import Secret
from descope_async.errors import ConfigurationError, InvalidArgument
from descope_async.secret_stores import SecretStoreError, read_secret
from descope_async.secret_stores import _stored_text as stored_text
from descope_async.secret_stores._environment import read_text, variable
from descope_async.secret_stores._reference import SecretReference
from descope_async.secret_stores._stored_text import credential
from descope_async.settings import EnvironmentVariable

T = TypeVar("T")


class KeyReader:
    """Reads an access key from wherever it is kept.

    Args:
        given: An `AccessKeySource`.

    Raises:
        InvalidArgument: It is none, or a string that cannot be a key.
    """

    def __init__(self, given: Secret[object]) -> None:
        self._given = given
        if isinstance(given.reveal(), str):
            self._given = Secret[object](credential("access_key", given).reveal())
            return
        kind = type(given.reveal())
        if isinstance(given.reveal(), EnvironmentVariable):
            label("access_key.name", cast("EnvironmentVariable", given.reveal()).name)
        elif not isinstance(given.reveal(), Path | SecretReference) and not callable(
            given.reveal()
        ):
            raise InvalidArgument(  # from a frame that does not hold what may be a key, as bytes
                "access_key must be a string, a SecretReference, a pathlib.Path, an "
                f"EnvironmentVariable or a callable, not {kind.__name__}"
            )

    def identity(self, fingerprint: Callable[[Secret[str]], bytes]) -> Hashable:
        """A value that is equal for two readers of the same place.

        Args:
            fingerprint: Names an access key without showing it.
        """
        source = self._given.reveal()
        if isinstance(source, str):
            return "key", fingerprint(Secret(source))
        if isinstance(source, Path):
            return "file", at_home(source).absolute()
        try:
            hash(source)
        except TypeError:
            return "object", id(source)
        return "object", source

    async def read(self) -> Secret[str]:
        """The access key as it is now.

        Raises:
            ConfigurationError: It cannot be read, or what was read cannot be an access key.
        """
        source = self._given.reveal()
        if isinstance(source, str):
            return Secret(source)
        try:
            where, found = await self._look()
            return credential(where, found)
        except ConfigurationError:
            raise
        except InvalidArgument as error:
            raise ConfigurationError(str(error)) from None

    async def _look(self) -> tuple[str, Secret[object]]:
        source = self._given.reveal()
        if isinstance(source, Path | EnvironmentVariable | SecretReference):
            read = partial(_read, source)
            return await _on_thread(read)
        return "the access key that the callable returned", await _call(
            cast("Callable[[], object]", source)
        )


def _read(source: Path | EnvironmentVariable | SecretReference) -> tuple[str, Secret[object]]:
    """How an error about the key begins, and what is there now. This blocks."""
    if isinstance(source, SecretReference):
        try:
            return f"the access key in {source}", Secret[object](read_secret(str(source)))
        except SecretStoreError as error:
            problem = str(error)
        raise ConfigurationError(f"the access key cannot be read from {problem}")
    if isinstance(source, EnvironmentVariable):
        where = f"the environment variable {source.name}"
        found = Secret(variable(source.name, os.environ))
        if found.reveal() is None:
            raise ConfigurationError(f"{where} is not set, and neither is {source.name}_FILE")
        return where, Secret[object](found.reveal())
    text = Secret(read_text(at_home(source), f"the access key cannot be read from {source}"))
    try:
        return f"the access key in {source}", Secret[object](stored_text.secret_in(text.reveal()))
    except ValueError:
        pass
    raise ConfigurationError(
        f"the access key cannot be read from {source}: it is JSON without a cleartext in it"
    )


async def _call(source: Callable[[], object]) -> Secret[object]:
    """The result of a callable, which runs in a thread unless it is a coroutine function."""
    is_coroutine = is_coroutine_function(source)
    if not is_coroutine:
        await imported(_run_sync)  # an import that fails is no fault of the callable
    failure: BaseException
    try:
        found = Secret(source()) if is_coroutine else await _on_thread(partial(_called, source))
        if isinstance(found, Secret):
            if inspect.isawaitable(found.reveal()):
                return Secret[object](await cast("Awaitable[object]", found.reveal()))
            return found
        failure = found
    except CancelledError as error:
        if is_being_cancelled():
            raise
        failure = error
    except GeneratorExit as error:
        if is_being_closed():
            raise
        failure = error
    except Exception as error:  # noqa: BLE001 - whatever the user's function raises
        failure = error
    # Raised outside of the handlers, and without the frames of the user's function: they may hold
    # the key.
    problem = raised(failure)
    raise ConfigurationError(f"the callable that returns the access key {problem}") from failure


async def _on_thread(func: Callable[[], T]) -> T:
    run_sync = await imported(_run_sync)
    result: T = await run_sync(func, abandon_on_cancel=True)
    return result


@late_import
def _run_sync() -> Callable[..., Awaitable[Any]]:
    """Anyio's way to a worker thread."""
    from anyio.to_thread import run_sync

    cancel_scope()  # and the backend with it
    return run_sync


def _called(source: Callable[[], object]) -> Secret[object] | BaseException:
    """What the callable returned or raised: raised here, a CancelledError would cancel who waits."""
    try:
        return Secret(source())
    except BaseException as error:  # noqa: BLE001 - as above
        return error

"""Puts secrets into the sinks, or into the rescue file if a sink fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import anyio
import anyio.to_thread
from attrs import frozen

from descope_async._values.secret import Secret
from descope_async.errors import DescopeError
from descope_async.secret_stores import SecretEntry, SecretStore, SecretStoreError
from descope_async.secret_stores._json_lines import JsonLinesStore

from ._files_in_use import FilesInUse
from ._items import Item
from ._rescue import Rescue

T = TypeVar("T")

#: Seconds before another try at a sink that failed; there are that many tries more.
_PAUSES: Final = (0.2, 1.0)
#: Seconds for one try.
_PATIENCE: Final = 10.0


class SecretRescued(DescopeError):
    """A sink failed, and the secret is in the rescue file.

    Attributes:
        path: The file.
    """

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class SecretUnsaved(DescopeError):
    """Neither a sink nor the rescue file takes a secret."""


@frozen(kw_only=True)
class Kept:
    """A secret that was looked for, and which sinks have it.

    Attributes:
        cleartext: The secret; None where no sink that can be read has it.
        missing: The sinks that can be read and do not have it.
        readable: How many sinks can be read.
    """

    cleartext: Secret[str] | None
    missing: tuple[SecretStore, ...]
    readable: int


class Storing:
    """The sinks of a run. Each of them must take every secret.

    Args:
        sinks: The sinks.
        rescue: Where a secret goes when one of them fails.
        own: The files that the run itself writes, and would write over a secret.
    """

    def __init__(
        self, sinks: Sequence[SecretStore], rescue: Rescue, own: Sequence[Path] = ()
    ) -> None:
        self._sinks = tuple(sinks)
        self._rescue = rescue
        self._files_in_use = FilesInUse(own, rescue.folder)

    def places(self, key_id: str, label: str) -> list[str]:
        """Where the secret of a key is kept.

        Raises:
            SecretStoreError: That would be in a file that something else writes too.
        """
        found = [sink.place(key_id, label) for sink in self._sinks]
        self._files_in_use.refuse(found)
        return found

    async def check(self, keys: int) -> None:
        """Find out whether the sinks can keep secrets.

        Raises:
            SecretStoreError: One cannot.
        """
        for sink in self._sinks:
            await _in_thread(partial(sink.check, keys))

    async def check_free(self, items: Sequence[Item]) -> None:
        """Find out whether the places for new keys are free, where they are known already.

        Raises:
            SecretStoreError: One is not.
        """
        if items:
            for sink in self._sinks:
                await _in_thread(partial(_check_free, sink, items))

    async def read(self, places: Sequence[str]) -> Secret[str] | None:
        """The secret that is at a place now; None where no sink can be read."""

        def read() -> Secret[str] | None:
            for sink, place in zip(self._sinks, places, strict=False):
                try:
                    found = sink.get(place)
                except SecretStoreError:
                    continue
                if found is not None:
                    return Secret(found)
            return None

        return await _in_thread(read)

    async def put(
        self, number: int, entry: SecretEntry, *, overwrite: bool, pending: bool
    ) -> list[str]:
        """Put a secret into every sink.

        Returns:
            The places.

        Raises:
            SecretRescued: One does not; the secret is in the rescue file.
            SecretUnsaved: It is not even there.
        """
        try:
            return await self._put_into_all(entry, overwrite=overwrite, pending=pending)
        except Exception as error:  # noqa: BLE001 - a sink of somebody's own may raise anything
            problem = str(error) if isinstance(error, DescopeError) else type(error).__name__
        return await self.rescue(number, entry, problem)

    async def _put_into_all(
        self, entry: SecretEntry, *, overwrite: bool, pending: bool
    ) -> list[str]:
        places = self.places(entry.key_id, entry.label)
        for sink, place in zip(self._sinks, places, strict=True):
            await _put(sink, place, entry, overwrite=overwrite, pending=pending)
        return places

    async def rescue(self, number: int, entry: SecretEntry, problem: str) -> NoReturn:
        """Write a secret to the rescue file.

        Raises:
            SecretRescued: Always, when that is done.
            SecretUnsaved: It cannot be written.
        """
        try:
            path = await _in_thread(partial(self._rescue.put, number, entry))
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            raise SecretRescued(f"{problem}; the secret is in {path}", path)
        raise SecretUnsaved(
            f"{problem}; and the rescue file for {entry.key_id} cannot be written: {reason}"
        )

    async def find(
        self, places: Sequence[str], is_it: Callable[[str], bool], *, pending: bool
    ) -> Kept:
        """Look for a secret in the sinks.

        Args:
            places: Its places.
            is_it: Whether a secret is the one.
            pending: Whether it may be pending still.
        """
        found: Secret[str] | None = None
        missing: list[SecretStore] = []
        readable = 0
        for sink, place in zip(self._sinks, places, strict=True):
            read = await _in_thread(partial(_get, sink, place, is_it, pending=pending))
            if read is None:
                continue
            readable += 1
            if read:
                found = found or read[0]
            else:
                missing.append(sink)
        return Kept(cleartext=found, missing=tuple(missing), readable=readable)

    async def promote(self, places: Sequence[str], key_id: str) -> None:
        """Put a pending secret into its final place in every sink.

        Raises:
            SecretStoreError: A sink cannot do that.
        """
        for sink, place in zip(self._sinks, places, strict=True):
            await _in_thread(partial(sink.promote, place, key_id))

    async def redeliver(self, path: Path, *, overwrite: bool, pending: bool) -> list[str] | None:
        """Put a rescued secret into every sink, and remove the file.

        Returns:
            The places; None where the file is sealed.

        Raises:
            OSError: There is no such file, or it cannot be read.
            ValueError: It holds something else.
            SecretStoreError: A sink cannot keep it; the file stays.
        """
        entry = await _in_thread(partial(self._rescue.get, path))
        if entry is None:
            return None
        places = await self._put_into_all(entry, overwrite=overwrite, pending=pending)
        await _in_thread(partial(self._rescue.remove, path))
        return places


def _check_free(sink: SecretStore, items: Sequence[Item]) -> None:
    for item in items:
        place = sink.place("", item.label)
        if place != sink.place("-", item.label):
            return  # the key's id is part of each place
        if not sink.is_free(place):
            raise SecretStoreError(
                place, f"there is something already, and the new key {item.label!r} would go there"
            )


async def _put(
    sink: SecretStore, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool
) -> None:
    async def put() -> None:
        if isinstance(sink, JsonLinesStore) and await sink.put_awaited(place, entry):
            return
        await _in_thread(partial(sink.put, place, entry, overwrite=overwrite, pending=pending))

    for pause in (*_PAUSES, None):
        try:
            async with asyncio.timeout(_PATIENCE):  # for a third of what anyio's limit costs
                await put()
        except TimeoutError:
            problem: Exception = SecretStoreError(place, f"no end within {_PATIENCE:g} seconds")
        except Exception as error:  # noqa: BLE001 - a sink of somebody's own may raise anything
            problem = error
        else:
            return
        if pause is None:
            # Journal, report and errors tell of it.
            if entry.cleartext in f"{problem} {problem!r}":
                problem = SecretStoreError(place, f"the sink raised {type(problem).__name__}")
            raise problem
        await anyio.sleep(pause)


def _get(
    sink: SecretStore, place: str, is_it: Callable[[str], bool], *, pending: bool
) -> tuple[Secret[str], ...] | None:
    """The secret, if it is the one; None where the sink cannot be read."""
    for is_pending in (True, False) if pending else (False,):
        try:
            found = sink.get(place, pending=is_pending)
        except SecretStoreError:
            continue
        if found is None:
            return None
        if is_it(found):
            return (Secret(found),)
    return ()


async def _in_thread(work: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(partial(_done, work), abandon_on_cancel=True)


def _done(work: Callable[[], T]) -> T:
    """Do what a sink is to do. Where it would end the program, it has failed."""
    try:
        return work()
    except Exception:
        raise
    except BaseException as error:  # noqa: BLE001 - with a secret in hand, the event loop must go on
        name = type(error).__name__
    raise DescopeError(f"the sink raised {name}")

"""Tells the client's hooks and the log what happens."""

from __future__ import annotations

import logging
import traceback
from asyncio import CancelledError
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from attrs import frozen

from ._event import Call, Event, Hook
from ._log import LOG, write


@frozen(eq=False, repr=False)
class Service:
    """Where calls go.

    Attributes:
        project_id: The project that they are about.
        address: The host.
        port: The port.
    """

    project_id: str = ""
    address: str = ""
    port: int = 443


class Telemetry:
    """Hands what happens in a client to its hooks and to the log.

    Args:
        hooks: Called with each event.
        service: Says where calls go, when one is made.

    Attributes:
        is_hooked: Whether there are hooks.
    """

    is_hooked: bool

    def __init__(
        self, hooks: Sequence[Hook] = (), service: Callable[[], Service] = Service
    ) -> None:
        self.is_hooked = bool(hooks)
        self._hooks = tuple(hooks)
        self._listeners: tuple[Hook, ...] = ()
        self._failed = set[int]()
        self._service = service

    @property
    def is_watched(self) -> bool:
        """Whether usual events are wanted. Unusual ones are always handed on."""
        return self.is_hooked or LOG.isEnabledFor(logging.DEBUG)

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        key_id: str | None = None,
        key_name: str | None = None,
    ) -> Call:
        """How events name a call.

        Args:
            operation: The operation, such as ``"access_key.create"``.
            method: The HTTP method.
            path: The path, with names for what varies in it.
            key_id: The access key that gets a new secret; None for other calls.
            key_name: The name of the access key that is made; None for other calls.
        """
        service = self._service()
        return Call(
            operation=operation,
            method=method,
            path=path,
            server_address=service.address,
            server_port=service.port,
            project_id=service.project_id,
            key_id=key_id,
            key_name=key_name,
        )

    @contextmanager
    def listening(self, listener: Hook) -> Generator[None]:
        """Let a part of this package receive the unusual events too.

        Args:
            listener: Is called with each event. It raises nothing.
        """
        self._listeners = (*self._listeners, listener)
        try:
            yield
        finally:
            self._listeners = tuple(each for each in self._listeners if each is not listener)

    def tell(self, event: Event) -> None:
        """Log an event and hand it to the hooks, whose errors end here."""
        # Whatever a hook or a log handler raises, it must not come between a caller and a secret.
        with suppress(Exception):
            write(event)
        for listener in self._listeners:
            listener(event)
        for index, hook in enumerate(self._hooks):
            try:
                hook(event)
            except (Exception, CancelledError) as error:  # noqa: BLE001 - see above
                with suppress(Exception):
                    self._note_failure(index, error)

    def _note_failure(self, index: int, error: BaseException) -> None:
        if index not in self._failed:
            self._failed.add(index)
            # As text, because a kept log record would keep the frames, and with them what the call
            # works on.
            shown = "".join(traceback.format_exception(error)).rstrip()
            LOG.error("hooks[%d] failed; it is not told again when it does\n%s", index, shown)


#: Without hooks: events go to the log only.
UNHOOKED: Final = Telemetry()

"""Life: an emulator between its start and its end, as its Python interface sees it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

from descope_async.emulator._faults.matching import Faults
from descope_async.emulator._forgotten_calls import ForgottenCalls
from descope_async.emulator._instance import Instance
from descope_async.emulator.clock import Clock
from descope_async.emulator.errors import EmulatorError, NotStarted
from descope_async.emulator.request_log import RequestLog

from .listener import Listener
from .options import Options
from .running import running
from .thread import ServerThread

R = TypeVar("R")

_NOT_RUNNING = "the emulator is not running: start it first"


class Life:
    """Starts an emulator on a thread of its own, works with it there, and ends it.

    Args:
        options: What the emulator was constructed with.

    Attributes:
        options: The same.
        clock: Its time.
        requests: Which requests have come.
        faults: By which rules requests go wrong.
        forgotten: Calls that were not awaited.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.clock = Clock()
        self.requests = RequestLog()
        self.faults = Faults()
        self.forgotten = ForgottenCalls()
        self._thread: ServerThread[tuple[Instance, Listener]] | None = None
        self._listener: Listener | None = None
        self._project_id = options.project_id
        self._management_key = options.management_key
        self._base_url = ""
        self._process = 0

    async def start(self) -> None:
        """Start to listen.

        Raises:
            EmulatorError: It runs already, the port is in use, or the data file or the seed cannot
                be used; the message says which and why.
        """
        if self._thread:
            raise EmulatorError("the emulator is running already")
        thread = ServerThread(lambda: running(self.options, self.clock, self.requests, self.faults))
        self._thread = thread
        try:
            instance, listener = await thread.start()
        except BaseException:
            self._thread = None
            raise
        self._listener = listener
        self._base_url = listener.base_url
        self._project_id = instance.project_id
        self._management_key = instance.management_key
        self._process = os.getpid()

    async def stop(self, *, tell: bool = True) -> None:
        """End, unless this is a forked child.

        Args:
            tell: Whether to tell of calls that were not awaited.

        Raises:
            EmulatorError: There were such calls.
        """
        if self._thread and self._process == os.getpid():
            thread, self._thread = self._thread, None
            self._listener, self._base_url = None, ""
            await thread.stop()
        if tell:
            self.forgotten.tell()

    async def run(self, work: Callable[[Instance], Awaitable[R]]) -> R:
        """Work with the emulator on its thread.

        Raises:
            EmulatorError: It is not running, or the work cannot be done.
        """
        self.forgotten.tell()
        return await self._running().run(lambda parts: work(parts[0]))

    def refusing(self) -> AbstractAsyncContextManager[None, bool | None]:
        """Refuse connections while the block runs, and close those that there are.

        Raises:
            EmulatorError: They are refused already, or the emulator is not running.
        """
        thread = self._running()

        @asynccontextmanager
        async def refusing() -> AsyncGenerator[None, None]:
            await thread.run(lambda parts: parts[1].refuse())
            try:
                yield
            finally:
                if not thread.has_ended:
                    await thread.run(lambda parts: parts[1].open())

        return refusing()

    @property
    def shown(self) -> str:
        """The base URL, or that there is none."""
        return self._base_url or "not running"

    @property
    def base_url(self) -> str:
        """Where it listens."""
        if not self._base_url:
            raise NotStarted(_NOT_RUNNING)
        return self._base_url

    @property
    def project_id(self) -> str:
        """The id of the first project."""
        if self._project_id is None:
            raise NotStarted("the project is not known yet: start the emulator first")
        return self._project_id

    @property
    def management_key(self) -> str:
        """The key that manages every project."""
        if self._management_key is None:
            raise NotStarted("the management key is not known yet: start the emulator first")
        return self._management_key

    @property
    def certificate(self) -> str:
        """What it shows over TLS."""
        if self._listener is None or self._listener.certificate is None:
            raise NotStarted("there is no certificate: construct it with tls, and start it")
        return self._listener.certificate.pem

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead clients here."""
        return {
            "DESCOPE_BASE_URI": self.base_url,
            "DESCOPE_BASE_URL": self.base_url,
            "DESCOPE_PROJECT_ID": self.project_id,
            "DESCOPE_MANAGEMENT_KEY": self.management_key,
            "DESCOPE_EMULATOR_TOKEN": self.options.control_token,
        }

    def _running(self) -> ServerThread[tuple[Instance, Listener]]:
        if self._thread is None:
            raise EmulatorError(_NOT_RUNNING)
        if self._process != os.getpid():
            raise EmulatorError("the emulator is the parent process's: make one in this process")
        return self._thread

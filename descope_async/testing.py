"""Time for tests: a client that goes by the local Descope's clock waits for nothing.

`EmulatorClock` is what a test usually needs. `Clock` is what to inherit from for another time.
`tell_unclaimed_secrets` turns off the warnings about secrets that tests have no use for.
"""

from __future__ import annotations

import random
import threading
from typing import Final

import anyio
import anyio.lowlevel

from ._runtime import unclaimed
from ._runtime.clock import Clock
from .emulator.clock import Clock as EmulatorTime

__all__ = ["Clock", "EmulatorClock", "tell_unclaimed_secrets"]

#: Real seconds between two looks at whether the emulator's clock has moved far enough.
_LOOK_EVERY: Final = 0.001
#: Epoch seconds as a float are exact to less than this: time is moved a little too far, never too little.
_EXACT_TO: Final = 1e-6


def tell_unclaimed_secrets(told: bool) -> None:
    """Choose whether anybody is told of new secrets that nobody reads; at first, all are told.

    Tests make many keys and read few of the secrets, so a test suite may turn this off for itself.

    Args:
        told: Whether to log a warning and make a `SecretUnclaimed` for each such secret.
    """
    unclaimed.set_watching(told)


class EmulatorClock(Clock):
    """The time of a client in tests: the emulator's, and random delays that repeat with every run.

    Pass it to the client, and move time with the emulator's clock: tokens then end, renewals become
    due and refused keys are tried again at the same moment for the client and for the service::

        with Emulator() as emulator:
            client = DescopeClient(
                emulator.project_id,
                emulator.management_key,
                base_url=emulator.base_url,
                clock=EmulatorClock(emulator.clock),
            )
            emulator.clock.advance(600)

    A pause of the client, such as before it repeats a call, takes no time: it moves the emulator's
    clock instead. The limits of `Timeouts` for the network stay real time, as the network is real.
    It may be used from any thread, and by several clients.

    Args:
        time: An emulator's ``clock``.
        jumps: Whether a pause moves the emulator's clock. With False, it waits until the clock has
            moved, because it runs or because the test moves it: for ever, while it is frozen.
        seed: Where the random delays begin.

    Attributes:
        time: The emulator's clock.
        slept: The pauses so far, in seconds.
    """

    def __init__(self, time: EmulatorTime, *, jumps: bool = True, seed: int = 0) -> None:
        self.time = time
        self.slept: list[float] = []
        self._jumps = jumps
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._lock = threading.Lock()
        self._seen = time.now()
        self._passed = 0.0

    def now(self) -> float:
        """Epoch seconds of the emulator's clock."""
        return self.time.now()

    def running(self) -> float:
        """Seconds that the emulator's clock has gone forward; it is no matter if that is set back."""
        with self._lock:
            now = self.time.now()
            self._passed += max(0.0, now - self._seen)
            self._seen = now
            return self._passed

    async def sleep(self, seconds: float) -> None:
        """Return when the emulator's clock has gone forward by this much."""
        self.slept.append(seconds)
        until = self.running() + seconds
        # Tasks that are ready run first, as with any other pause.
        await anyio.lowlevel.checkpoint()
        while (left := until - self.running()) > 0:
            if self._jumps:
                self.time.advance(left + _EXACT_TO)
            else:
                await anyio.sleep(_LOOK_EVERY)

    def draw(self, low: float, high: float) -> float:
        """Pick the next number, from ``low`` to ``high``, of a sequence that the seed determines."""
        return self._random.uniform(low, high)

    def __repr__(self) -> str:
        return f"EmulatorClock({self.time!r})"

"""Proves stored secrets: reads them back from the sinks, and exchanges them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from descope_async._values.secret import Secret
from descope_async.errors import BadRequest, Forbidden, NotFound, TokenError, Unauthorized

from ._errors import SecretRefused
from ._items import Item
from ._run import Run
from ._stop import RunStopped

_REFUSALS = (BadRequest, Unauthorized, Forbidden, NotFound)


class Proof:
    """Reads secrets back from their sinks, and exchanges them.

    Args:
        run: The run.
        pending: Whether secrets may be pending still.
    """

    def __init__(self, run: Run, *, pending: bool) -> None:
        self._run = run
        self._pending = pending

    async def __call__(self, item: Item, about: Mapping[str, Any]) -> bool:
        """Whether the secret of a key is proved; False where that cannot be done from here.

        Raises:
            SecretRefused: The service does not take it.
            RunStopped: A sink does not have what it took, or the run is to end.
        """
        run = self._run
        held = run.held.pop(item.number, None)
        kept = await run.storing.find(
            about["refs"],
            lambda secret: run.journal.fingerprint(secret) == about["fp"],
            pending=self._pending,
        )
        if kept.missing:
            # This sink gets no more secrets. The next run gives the key another one.
            run.note("made", item, id=about["id"], fp=about["fp"])
            run.stop.ask(f"a sink does not have the secret of {item.label!r} that it took")
            raise RunStopped
        secret = kept.cleartext or held
        if secret is None:
            return False
        if await self.is_accepted(secret):
            return True
        if about.get("ips"):
            return False
        raise SecretRefused(f"the service refuses the new secret of {about['id']}")

    async def is_accepted(self, secret: Secret[str]) -> bool:
        """Whether the service exchanges a secret.

        Raises:
            RunStopped: The run is to end.
        """
        return await self._run.call(lambda: self._exchange(secret))

    async def _exchange(self, secret: Secret[str]) -> bool:
        try:
            await self._run.client.exchange_access_key(secret.reveal())
        except _REFUSALS:
            return False
        except TokenError:
            return True  # there was a token, and it is not needed
        return True

"""Finds out what the management key may do, before the first call that changes anything."""

from __future__ import annotations

import secrets

from descope_async.client import DescopeClient
from descope_async.errors import (
    BadRequest,
    ConfigurationError,
    DescopeError,
    Forbidden,
    NotFound,
    Unauthorized,
)


async def check_rights(client: DescopeClient) -> None:
    """Ask for a key that does not exist, and try to deactivate it.

    Raises:
        ConfigurationError: The management key may not do that.
        DescopeError: The service cannot be asked.
    """
    nobody = f"K2{secrets.token_hex(12)}"
    keys = client.mgmt.access_key
    for call, what in ((keys.load, "read access keys"), (keys.deactivate, "change access keys")):
        try:
            await call(nobody)
        except (Unauthorized, Forbidden) as error:
            problem, refusal = f"the management key may not {what}: {error}", error
        except (NotFound, BadRequest):
            continue
        except DescopeError as error:
            raise error.with_traceback(None) from None
        else:
            continue
        raise ConfigurationError(problem) from refusal.with_traceback(None)

"""TEMPORARY seam until ``deliver=`` lands."""

from __future__ import annotations

from typing import Any

import anyio
from attrs import field, frozen

from descope_async.errors import DescopeError, OutcomeUnknown, UnexpectedResponse
from descope_async.models import AccessKey


@frozen(kw_only=True)
class DeliveredSecret:
    cleartext: str = field(repr=False)
    operation: str
    key: AccessKey | None
    key_id: str | None
    name: str | None


class DeliveryFailed(DescopeError):
    result: Any = None
    cleartext: str | None = None


async def delivering(
    operation: str, call: Any, deliver: Any, key_id: str | None, name: str | None
) -> Any:
    with anyio.CancelScope(shield=True):
        try:
            created = await call
        except (OutcomeUnknown, UnexpectedResponse) as error:
            if error.cleartext:
                result = getattr(error, "result", None)
                key = result.key if result else None
                await deliver(
                    DeliveredSecret(
                        cleartext=error.cleartext,
                        operation=operation,
                        key=key,
                        key_id=key.id if key else key_id,
                        name=name,
                    )
                )
            raise
        await deliver(
            DeliveredSecret(
                cleartext=created.cleartext,
                operation=operation,
                key=created.key,
                key_id=created.key.id,
                name=created.key.name,
            )
        )
        return created

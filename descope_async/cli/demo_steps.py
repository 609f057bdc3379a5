"""The calls that the demo makes, in order, and what must come of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field, frozen

from descope_async import AccessKey, ApiError, CreatedAccessKey, SessionToken

TENANT: Final = "demo-tenant"
ROLE: Final = "Demo Reader"
PERMISSION: Final = "reports:read"
#: What a local Descope starts with.
SEED: Final[dict[str, list[dict[str, Any]]]] = {
    "tenants": [{"id": TENANT, "name": "Demo Tenant"}],
    "permissions": [{"name": PERMISSION}],
    "roles": [{"name": ROLE, "permissionNames": [PERMISSION]}],
}


@define
class Made:
    """What the steps so far have made, for the next ones and for cleaning up.

    Attributes:
        local: Whether tenant, role and permission of the seed exist.
        ids: Ids of the keys.
        secrets: Every secret that was handed out, the newest last.
        token: The last session token.
        refusals: With which status and code the service refused something, each time.
    """

    local: bool
    ids: list[str] = field(factory=list[str])
    secrets: list[str] = field(factory=list[str], repr=False)
    token: str = field(default="", repr=False)
    refusals: list[str] = field(factory=list[str])

    @property
    def id(self) -> str:
        """The first key."""
        return self.ids[0]

    def note(self, result: object) -> None:
        """Remember what a call has made."""
        if isinstance(result, CreatedAccessKey):
            self.secrets.append(result.cleartext)
            if result.key.id not in self.ids:
                self.ids.append(result.key.id)
        elif isinstance(result, SessionToken):
            self.token = result.jwt
        elif isinstance(result, ApiError):
            self.refusals.append(f"{result.status_code} {result.error_code}")


@frozen
class Step:
    """One call.

    Attributes:
        title: What it shows.
        method: The method below the client.
        arguments: What it is called with.
        holds: Whether the result is the right one.
        refused: Whether the service must refuse.
    """

    title: str
    method: str
    arguments: Callable[[Made], Mapping[str, Any]]
    holds: Callable[[Any, Made], bool] = lambda result, _: result is None
    refused: bool = False


def _create(made: Made) -> dict[str, Any]:
    tenants = [{"tenant_id": TENANT, "role_names": [ROLE]}] if made.local else None
    return {
        "name": "demo-backend",
        "expire_time": 0,
        "key_tenants": tenants,
        "custom_claims": {"plan": "demo"},
        "description": "Made by descope-keys demo",
    }


def _is_created(created: CreatedAccessKey, made: Made) -> bool:
    tenants = [tenant.tenant_id for tenant in created.key.key_tenants]
    return bool(created.cleartext) and tenants == ([TENANT] if made.local else [])


def _is_exchanged(session: SessionToken, made: Made) -> bool:
    return (
        session.key_id == made.id
        and session.claims.get("plan") == "demo"
        and session.client_claims.get("job") == "nightly"
        and session.current_tenant == (TENANT if made.local else None)
    )


def _is_validated(session: SessionToken, made: Made) -> bool:
    granted = session.validate_tenant_permissions(TENANT, [PERMISSION])
    return session.jwt == made.token and granted == made.local


def _login_options(made: Made) -> dict[str, Any]:
    selected = {"selected_tenant": TENANT} if made.local else {}
    return {"custom_claims": {"job": "nightly"}, **selected}


def _one(made: Made) -> dict[str, Any]:
    return {"id": made.id}


def _both(made: Made) -> dict[str, Any]:
    return {"ids": made.ids}


def _exchange(made: Made) -> dict[str, Any]:
    return {"access_key": made.secrets[-1]}


def _has_status(status: str) -> Callable[[AccessKey, Made], bool]:
    return lambda key, _: key.status == status


_EXCHANGE: Final = "exchange_access_key"
_KEYS: Final = "mgmt.access_key"

STEPS: Final = [
    Step("Create a key with a tenant and claims", f"{_KEYS}.create", _create, _is_created),
    Step("Load it", f"{_KEYS}.load", _one, lambda key, made: key.id == made.id),
    Step(
        "Search for it",
        f"{_KEYS}.search_all_access_keys",
        lambda made: {"tenant_ids": [TENANT] if made.local else None},
        lambda keys, made: made.id in [key.id for key in keys],
    ),
    Step(
        "Rename it, keeping everything else",
        f"{_KEYS}.update",
        lambda made: {"id": made.id, "name": "demo-backend-2"},
        lambda key, _: (
            key.name == "demo-backend-2" and key.description == "Made by descope-keys demo"
        ),
    ),
    Step(
        "Exchange it for a session token, with login options",
        _EXCHANGE,
        lambda made: {**_exchange(made), "login_options": _login_options(made)},
        _is_exchanged,
    ),
    Step(
        "Validate the token offline and check a permission in the tenant",
        "validate_session",
        lambda made: {"session_token": made.token},
        _is_validated,
    ),
    Step("Deactivate the key", f"{_KEYS}.deactivate", _one),
    Step("… and it is refused", _EXCHANGE, _exchange, refused=True),
    Step("Activate it", f"{_KEYS}.activate", _one),
    Step("… and it works again", _EXCHANGE, _exchange, lambda session, _: bool(session.jwt)),
    Step("Rotate it", f"{_KEYS}.rotate", _one, lambda fresh, made: fresh.key.id == made.id),
    Step(
        "… and the old secret is dead",
        _EXCHANGE,
        lambda made: {"access_key": made.secrets[-2]},
        refused=True,
    ),
    Step("… while the new one works", _EXCHANGE, _exchange, lambda session, _: bool(session.jwt)),
    Step(
        "Create a second key of the same name",
        f"{_KEYS}.create",
        lambda _: {"name": "demo-backend-2"},
        lambda created, made: created.key.id != made.id,
    ),
    Step("Deactivate both at once", f"{_KEYS}.deactivate_batch", _both),
    Step("… and both are inactive", f"{_KEYS}.load", _one, _has_status("inactive")),
    Step("Activate both at once", f"{_KEYS}.activate_batch", _both),
    Step("… and both are active", f"{_KEYS}.load", _one, _has_status("active")),
    Step("Delete one", f"{_KEYS}.delete", _one),
    Step("… and it is gone", f"{_KEYS}.load", _one, refused=True),
    Step("Delete the rest as a batch", f"{_KEYS}.delete_batch", lambda made: {"ids": made.ids[1:]}),
]

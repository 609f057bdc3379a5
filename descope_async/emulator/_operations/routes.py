"""Routes: every path of the service that is emulated, and the operation there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from attrs import field, frozen

from descope_async.emulator._json import Json

from . import (
    access_keys,
    infrastructure,
    jwt_templates,
    permissions,
    roles,
    tenants,
    user_roles,
    user_search,
    users,
)
from .call import Call
from .one_time_codes import METHODS

Operation = Callable[[Call], Json]

KEY_SETS: Final = "/v2/keys/"


@frozen
class Route:
    """An operation and the request that asks for it.

    Attributes:
        name: The operation's name, as in the errors of the client.
        method: The HTTP method.
        path: The path.
        operation: What carries out a management call; None for what needs more than the call.
    """

    name: str
    method: str
    path: str
    operation: Operation | None = field(default=None, repr=False)


EXCHANGE: Final = Route("exchange", "POST", "/v1/auth/accesskey/exchange")
LICENSE: Final = Route("license", "GET", "/v1/mgmt/license")
REFRESH: Final = Route("session.refresh", "POST", "/v1/auth/refresh")
SELECT_TENANT: Final = Route("session.select_tenant", "POST", "/v1/auth/tenant/select")
ME: Final = Route("session.me", "GET", "/v1/auth/me")
MY_TENANTS: Final = Route("session.my_tenants", "POST", "/v1/auth/me/tenants")
LOGOUT: Final = Route("session.logout", "POST", "/v1/auth/logout")
LOGOUT_ALL: Final = Route("session.logout_all", "POST", "/v1/auth/logoutall")
GENERATE_CODE: Final = Route("otp.generate", "POST", "/v1/mgmt/tests/generate/otp")
VERIFY_CODE: Final = tuple(
    Route("otp.verify", "POST", f"/v1/auth/otp/verify/{method}") for method in METHODS
)
LOGOUT_USER: Final = Route("user.logout", "POST", "/v1/mgmt/user/logout")
ASSERT_CLIENT: Final = Route("jwt.client_assertion", "POST", "/v1/mgmt/token/clientassertion")
CREATE_MANAGER: Final = Route("management_key.create", "PUT", "/v1/mgmt/managementkey")
LOAD_MANAGER: Final = Route("management_key.load", "GET", "/v1/mgmt/managementkey")
UPDATE_MANAGER: Final = Route("management_key.update", "PATCH", "/v1/mgmt/managementkey")
SEARCH_MANAGERS: Final = Route("management_key.search", "GET", "/v1/mgmt/managementkey/search")
DELETE_MANAGERS: Final = Route("management_key.delete", "POST", "/v1/mgmt/managementkey/delete")
#: The project's id follows the path.
KEY_SET: Final = Route("key_set", "GET", KEY_SETS)
#: What the emulator has no answer to.
UNKNOWN: Final = Route("unknown", "", "")

_MANAGED: Final = (
    Route("access_key.create", "POST", "/v1/mgmt/accesskey/create", access_keys.create),
    Route("access_key.load", "GET", "/v1/mgmt/accesskey", access_keys.load),
    Route("access_key.search", "POST", "/v1/mgmt/accesskey/search", access_keys.search),
    Route("access_key.update", "POST", "/v1/mgmt/accesskey/update", access_keys.update),
    Route("access_key.activate", "POST", "/v1/mgmt/accesskey/activate", access_keys.activate),
    Route("access_key.deactivate", "POST", "/v1/mgmt/accesskey/deactivate", access_keys.deactivate),
    Route("access_key.delete", "POST", "/v1/mgmt/accesskey/delete", access_keys.delete),
    Route("access_key.rotate", "POST", "/v1/mgmt/accesskey/rotate", access_keys.rotate),
    Route(
        "access_key.activate_batch",
        "POST",
        "/v1/mgmt/accesskey/activate/batch",
        access_keys.activate_batch,
    ),
    Route(
        "access_key.deactivate_batch",
        "POST",
        "/v1/mgmt/accesskey/deactivate/batch",
        access_keys.deactivate_batch,
    ),
    Route(
        "access_key.delete_batch",
        "POST",
        "/v1/mgmt/accesskey/delete/batch",
        access_keys.delete_batch,
    ),
    Route("infra.create", "POST", "/v1/mgmt/infra", infrastructure.create),
    Route("infra.load", "GET", "/v1/mgmt/infra", infrastructure.load),
    Route("infra.update", "PUT", "/v1/mgmt/infra", infrastructure.update),
    Route("infra.delete", "DELETE", "/v1/mgmt/infra", infrastructure.delete),
    Route("tenant.create", "POST", "/v1/mgmt/tenant/create", tenants.create),
    Route("tenant.load", "GET", "/v1/mgmt/tenant", tenants.load),
    Route("tenant.load_all", "GET", "/v1/mgmt/tenant/all", tenants.load_all),
    Route("tenant.search", "POST", "/v1/mgmt/tenant/search", tenants.search),
    Route("tenant.update", "POST", "/v1/mgmt/tenant/update", tenants.update),
    Route("tenant.patch", "PATCH", "/v1/mgmt/tenant/patch", tenants.patch),
    Route("tenant.load_settings", "GET", "/v1/mgmt/tenant/settings", tenants.load_settings),
    Route("tenant.update_settings", "POST", "/v1/mgmt/tenant/settings", tenants.update_settings),
    Route(
        "tenant.update_default_roles",
        "POST",
        "/v1/mgmt/tenant/updateDefaultRoles",
        tenants.update_default_roles,
    ),
    Route("tenant.delete", "POST", "/v1/mgmt/tenant/delete", tenants.delete),
    Route("role.create", "POST", "/v1/mgmt/role/create", roles.create),
    Route("role.create_batch", "POST", "/v1/mgmt/role/create/batch", roles.create_batch),
    Route("role.load_all", "GET", "/v1/mgmt/role/all", roles.load_all),
    Route("role.search", "POST", "/v1/mgmt/role/search", roles.search),
    Route("role.update", "POST", "/v1/mgmt/role/update", roles.update),
    Route("role.update_batch", "POST", "/v1/mgmt/role/update/batch", roles.update_batch),
    Route("role.delete", "POST", "/v1/mgmt/role/delete", roles.delete),
    Route("role.delete_batch", "POST", "/v1/mgmt/role/delete/batch", roles.delete_batch),
    Route("permission.create", "POST", "/v1/mgmt/permission/create", permissions.create),
    Route(
        "permission.create_batch",
        "POST",
        "/v1/mgmt/permission/create/batch",
        permissions.create_batch,
    ),
    Route("permission.load_all", "GET", "/v1/mgmt/permission/all", permissions.load_all),
    Route("permission.update", "POST", "/v1/mgmt/permission/update", permissions.update),
    Route(
        "permission.update_batch",
        "POST",
        "/v1/mgmt/permission/update/batch",
        permissions.update_batch,
    ),
    Route("permission.delete", "POST", "/v1/mgmt/permission/delete", permissions.delete),
    Route(
        "permission.delete_batch",
        "POST",
        "/v1/mgmt/permission/delete/batch",
        permissions.delete_batch,
    ),
    Route("user.create", "POST", "/v1/mgmt/user/create", users.create),
    Route("user.create_test", "POST", "/v1/mgmt/user/create/test", users.create_test),
    Route("user.create_batch", "POST", "/v1/mgmt/user/create/batch", users.create_batch),
    Route("user.load", "GET", "/v1/mgmt/user", users.load),
    Route("user.load_many", "POST", "/v1/mgmt/users/load", users.load_many),
    Route("user.search", "POST", "/v1/mgmt/user/search", user_search.search),
    Route("user.search", "POST", "/v2/mgmt/user/search", user_search.search),
    Route("user.search_tests", "POST", "/v2/mgmt/user/search/test", user_search.search_tests),
    Route("user.update", "POST", "/v1/mgmt/user/update", users.update),
    Route("user.patch", "PATCH", "/v1/mgmt/user/patch", users.patch),
    Route("user.patch_batch", "PATCH", "/v1/mgmt/user/patch/batch", users.patch_batch),
    Route("user.update_status", "POST", "/v1/mgmt/user/update/status", users.update_status),
    Route("user.update_login_id", "POST", "/v1/mgmt/user/update/loginid", users.update_login_id),
    Route("user.patch", "POST", "/v1/mgmt/user/update/email", users.patch),
    Route("user.patch", "POST", "/v1/mgmt/user/update/phone", users.patch),
    Route("user.patch", "POST", "/v1/mgmt/user/update/name", users.patch),
    Route("user.patch", "POST", "/v1/mgmt/user/update/picture", users.patch),
    Route(
        "user.update_attribute",
        "POST",
        "/v1/mgmt/user/update/customAttribute",
        users.update_attribute,
    ),
    Route("user.set_roles", "POST", "/v1/mgmt/user/update/role/set", user_roles.set_roles),
    Route("user.add_roles", "POST", "/v1/mgmt/user/update/role/add", user_roles.add_roles),
    Route("user.add_roles", "POST", "/v2/mgmt/user/update/role/add", user_roles.add_roles),
    Route("user.remove_roles", "POST", "/v1/mgmt/user/update/role/remove", user_roles.remove_roles),
    Route("user.add_tenant", "POST", "/v1/mgmt/user/update/tenant/add", user_roles.add_tenant),
    Route(
        "user.remove_tenant",
        "POST",
        "/v1/mgmt/user/update/tenant/remove",
        user_roles.remove_tenant,
    ),
    Route(
        "user.add_applications",
        "POST",
        "/v1/mgmt/user/update/ssoapp/add",
        user_roles.add_applications,
    ),
    Route(
        "user.set_applications",
        "POST",
        "/v1/mgmt/user/update/ssoapp/set",
        user_roles.set_applications,
    ),
    Route(
        "user.remove_applications",
        "POST",
        "/v1/mgmt/user/update/ssoapp/remove",
        user_roles.remove_applications,
    ),
    Route("user.delete", "POST", "/v1/mgmt/user/delete", users.delete),
    Route("user.delete_batch", "POST", "/v1/mgmt/user/delete/batch", users.delete_batch),
    Route("user.delete_tests", "DELETE", "/v1/mgmt/user/test/delete/all", users.delete_tests),
    Route("jwt_template.create", "POST", "/v1/mgmt/jwt/templates/create", jwt_templates.create),
    Route("jwt_template.load", "POST", "/v1/mgmt/jwt/templates/load", jwt_templates.load),
    Route("jwt_template.list", "POST", "/v1/mgmt/jwt/templates/list", jwt_templates.load_all),
    Route("jwt_template.update", "POST", "/v1/mgmt/jwt/templates/update", jwt_templates.update),
    Route("jwt_template.delete", "POST", "/v1/mgmt/jwt/templates/delete", jwt_templates.delete),
)
ALL: Final = (
    *_MANAGED,
    *VERIFY_CODE,
    EXCHANGE,
    LICENSE,
    REFRESH,
    SELECT_TENANT,
    ME,
    MY_TENANTS,
    LOGOUT,
    LOGOUT_ALL,
    GENERATE_CODE,
    LOGOUT_USER,
    ASSERT_CLIENT,
    CREATE_MANAGER,
    LOAD_MANAGER,
    UPDATE_MANAGER,
    SEARCH_MANAGERS,
    DELETE_MANAGERS,
)
_BY_REQUEST: Final[Mapping[tuple[str, str], Route]] = {
    (route.method, route.path): route for route in ALL
}
#: Operations on management keys, which are about no single project.
MANAGERS: Final = frozenset(
    {CREATE_MANAGER, LOAD_MANAGER, UPDATE_MANAGER, SEARCH_MANAGERS, DELETE_MANAGERS}
)
#: Operations that a management key may ask for without naming a project.
COMPANY: Final = MANAGERS | {LICENSE}
#: The methods that each path takes.
METHODS_OF: Final[Mapping[str, frozenset[str]]] = {
    path: frozenset(route.method for route in ALL if route.path == path)
    for path in {route.path for route in ALL}
}
#: The names of all operations.
NAMES: Final = frozenset(route.name for route in (*ALL, KEY_SET, UNKNOWN))


def route_of(method: str, path: str) -> Route:
    """The route of a request; `UNKNOWN` if there is none."""
    if path.startswith(KEY_SETS):
        return KEY_SET if method == "GET" else UNKNOWN
    return _BY_REQUEST.get((method, path), UNKNOWN)

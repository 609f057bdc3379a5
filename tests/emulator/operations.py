"""Every operation of the service that the local Descope has, with a request that it carries out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

Body = dict[str, Any]
Ask = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]
Do = Callable[..., Awaitable[dict[str, Any]]]

MGMT = "/v1/mgmt"
#: Objects whose members are anything; but a JWT template with a name holds the template itself.
FREE = frozenset({"customClaims", "customAttributes", "template", "ssoSetupSuiteSettings"})


@frozen
class Operation:
    """A request that is carried out in a project that `furnish` has filled.

    Attributes:
        method: The HTTP method.
        path: The path.
        body: The arguments: in the query of a GET or DELETE, else in the body. A text that begins
            with a dollar sign stands for what `furnish` has made under this name.
        required: The fields without which the operation is refused.
        names: The fields that name something of the project by its id; the request is refused when
            nothing has this id, or something of another project has it.
        bearer: What follows the project's id in the Authorization header, by its name.
    """

    method: str
    path: str
    body: Body = field(factory=dict[str, Any])
    required: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    bearer: str = "$management_key"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def in_query(self) -> bool:
        """Whether the arguments are in the query."""
        return self.method in {"GET", "DELETE"}

    async def request(
        self, ask: Ask, made: Mapping[str, str], body: Any = None
    ) -> tuple[int, dict[str, Any]]:
        """Send the request, with other arguments if they are given."""
        arguments = filled(self.body, made) if body is None else body
        bearer = f"{made['project']}:{filled(self.bearer, made)}"
        if self.in_query:
            return await ask(self.method, self.path, bearer, params=arguments)
        return await ask(self.method, self.path, bearer, json=arguments)


def filled(value: Any, made: Mapping[str, str]) -> Any:
    """A value with what `furnish` has made in the place of its name."""
    if isinstance(value, dict):
        return {name: filled(each, made) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, made) for each in value]
    if isinstance(value, str) and value.startswith("$"):
        return made[value[1:]]
    return value


async def furnish(project_id: str, management_key: str, ask: Ask) -> dict[str, str]:
    """Fill a project with one of everything; gives what the requests name."""

    async def do(path: str, body: Body, method: str = "POST") -> dict[str, Any]:
        bearer = f"{project_id}:{management_key}"
        status, answer = await ask(method, f"/v1/{path}", bearer, json=body)
        assert status == 200, answer
        return answer

    await do("mgmt/permission/create", {"name": "read"})
    role = await do("mgmt/role/create", {"name": "Reader", "permissionNames": ["read"]})
    tenant = await do("mgmt/tenant/create", {"name": "One"})
    tenants = [{"tenantId": tenant["id"], "roleNames": ["Reader"]}]
    key = await do("mgmt/accesskey/create", {"name": "k", "keyTenants": tenants})
    user = await do("mgmt/user/create/test", {"loginId": "u@x.test", "userTenants": tenants})
    code = (await do("mgmt/tests/generate/otp", {"loginId": "u@x.test"}))["code"]
    signed_in = await do("auth/otp/verify/email", {"loginId": "u@x.test", "code": code})
    code = (await do("mgmt/tests/generate/otp", {"loginId": "u@x.test"}))["code"]
    template = await do("mgmt/jwt/templates/create", {"template": {"name": "t"}})
    roles = {"projectRoles": [{"projectIds": [project_id], "roles": ["all"]}]}
    manager = await do("mgmt/managementkey", {"name": "m", "reBac": roles}, "PUT")
    permissions = await ask("GET", "/v1/mgmt/permission/all", f"{project_id}:{management_key}")
    return {
        "project": project_id,
        "management_key": management_key,
        "key": key["key"]["id"],
        "secret": key["cleartext"],
        "tenant": tenant["id"],
        "role": role["id"],
        "permission": permissions[1]["permissions"][-1]["id"],
        "user": user["user"]["userId"],
        "code": code,
        "refresh": signed_in["refreshJwt"],
        "template": template["template"]["id"],
        "manager": manager["key"]["id"],
    }


KEY: Body = {
    "name": "n",
    "description": "d",
    "roleNames": ["Reader"],
    "keyTenants": [{"tenantId": "$tenant", "roleNames": ["Reader"]}],
    "customClaims": {"a": 1},
    "customAttributes": {"a": 1},
    "permittedIps": ["10.0.0.0/8"],
}
TENANT: Body = {
    "name": "n",
    "selfProvisioningDomains": ["x.test"],
    "customAttributes": {"a": 1},
    "disabled": False,
    "defaultRoles": ["Reader"],
    "domains": ["x.test"],
    "authType": "saml",
    "enforceSSO": True,
    "enforceSSOExclusions": ["U1"],
    "federatedAppIds": ["app"],
    "roleInheritance": "none",
}
SETTINGS: Body = {
    "selfProvisioningDomains": ["x.test"],
    "domains": ["x.test"],
    "authType": "saml",
    "enabled": True,
    "refreshTokenExpiration": 4,
    "refreshTokenExpirationUnit": "weeks",
    "sessionTokenExpiration": 5,
    "sessionTokenExpirationUnit": "minutes",
    "stepupTokenExpiration": 6,
    "stepupTokenExpirationUnit": "minutes",
    "enableInactivity": True,
    "inactivityTime": 7,
    "inactivityTimeUnit": "days",
    "JITDisabled": True,
    "ssoSetupSuiteSettings": {"enabled": True},
}
ROLE: Body = {
    "description": "d",
    "permissionNames": ["read"],
    "default": True,
    "private": True,
}
USER: Body = {
    "email": "e@x.test",
    "phone": "+15555550100",
    "displayName": "N",
    "givenName": "G",
    "middleName": "M",
    "familyName": "F",
    "picture": "https://x.test/p.png",
    "roleNames": ["Reader"],
    "userTenants": [{"tenantId": "$tenant", "roleNames": ["Reader"]}],
    "ssoAppIds": ["app"],
    "customAttributes": {"a": 1},
    "verifiedEmail": True,
    "verifiedPhone": False,
    "additionalLoginIds": ["other"],
    "additionalIdentifiers": ["another"],
}
PAGE: Body = {"text": "n", "limit": 10, "page": 0, "sort": [{"field": "name", "desc": True}]}
USERS: Body = {
    **PAGE,
    "tenantIds": ["$tenant"],
    "roleNames": ["Reader"],
    "loginIds": ["u@x.test"],
    "userIds": ["$user"],
    "emails": ["u@x.test"],
    "phones": ["+15555550100"],
    "statuses": ["enabled"],
    "ssoAppIds": ["app"],
    "customAttributes": {"a": 1},
    "testUsersOnly": True,
    "withTestUser": True,
    "includeSubTenants": True,
    "fromCreatedTime": 1,
    "toCreatedTime": 2_000_000_000_000,
    "fromModifiedTime": 1,
    "toModifiedTime": 2_000_000_000_000,
}
#: Without which users the two searches of other users do.
_OTHER_USERS: Body = {
    name: value for name, value in USERS.items() if name not in {"testUsersOnly", "withTestUser"}
}
TEMPLATE: Body = {
    "name": "n",
    "description": "d",
    "type": "key",
    "issuerType": "legacy",
    "authSchema": "tenantOnly",
    "emptyClaimPolicy": "none",
    "autoDCT": True,
    "conformanceIssuer": True,
    "enforceIssuer": True,
    "excludePermissions": True,
    "overrideSubject": True,
    "addJti": True,
    "omitCustomClaimsFromDSR": True,
    "source": "s",
    "tags": ["t"],
    "template": {"a": 1},
}
MANAGER: Body = {"name": "n", "description": "d", "permittedIps": ["10.0.0.0/8"]}

_BY_LOGIN_ID: Body = {"loginId": "u@x.test"}


def _user(path: str, fields: Body, *, method: str = "POST", required: str = "") -> Operation:
    needed = ("loginId", *([required] if required else []))
    return Operation(method, path, _BY_LOGIN_ID | fields, needed, ("loginId",))


def _as_user(path: str, fields: Body, required: tuple[str, ...] = ()) -> Operation:
    return Operation("POST", path, fields, required, required, "$refresh")


def _access_keys() -> Iterator[Operation]:
    keys = f"{MGMT}/accesskey"
    yield Operation("POST", f"{keys}/create", {**KEY, "expireTime": 2_000_000_000}, ("name",))
    yield Operation("GET", keys, {"id": "$key"}, ("id",), ("id",))
    criteria: Body = {
        "tenantIds": ["$tenant"],
        "boundUserId": "$user",
        "creatingUser": "$manager",
        "customAttributes": {"a": 1},
    }
    yield Operation("POST", f"{keys}/search", {**PAGE, **criteria})
    yield Operation("POST", f"{keys}/update", {"id": "$key", **KEY}, ("id", "name"), ("id",))
    for verb in ("activate", "deactivate", "delete", "rotate"):
        yield Operation("POST", f"{keys}/{verb}", {"id": "$key"}, ("id",), ("id",))
    for verb in ("activate", "deactivate", "delete"):
        yield Operation("POST", f"{keys}/{verb}/batch", {"ids": ["$key"]}, ("ids",), ("ids",))
    entity: Body = {"entity": "access_key"}
    data: Body = {**KEY, "expireTime": 2_000_000_000, "boundUserId": "$user"}
    yield Operation("POST", f"{MGMT}/infra", {**entity, "data": data}, ("entity",))
    changed: Body = {**KEY, "status": "inactive"}
    update: Body = {**entity, "id": "$key", "data": changed}
    yield Operation("PUT", f"{MGMT}/infra", update, ("entity", "id"), ("id",))
    for method in ("GET", "DELETE"):
        query: Body = {**entity, "id": "$key"}
        yield Operation(method, f"{MGMT}/infra", query, ("entity", "id"), ("id",))


def _tenants() -> Iterator[Operation]:
    tenant = f"{MGMT}/tenant"
    yield Operation(
        "POST",
        f"{tenant}/create",
        {**TENANT, "id": "t2", "parent": "$tenant"},
        ("name",),
        ("parent",),
    )
    yield Operation("GET", tenant, {"id": "$tenant"}, ("id",), ("id",))
    yield Operation("GET", f"{tenant}/all")
    criteria: Body = {
        "tenantIds": ["$tenant"],
        "tenantNames": ["One"],
        "tenantSelfProvisioningDomains": ["x.test"],
        "customAttributes": {"a": 1},
        "parentTenantId": "$tenant",
        "topLevelOnly": True,
        "authType": "saml",
    }
    yield Operation("POST", f"{tenant}/search", criteria)
    yield Operation(
        "POST", f"{tenant}/update", {"id": "$tenant", **TENANT}, ("id", "name"), ("id",)
    )
    yield Operation("PATCH", f"{tenant}/patch", {"id": "$tenant", **TENANT}, ("id",), ("id",))
    yield Operation("GET", f"{tenant}/settings", {"id": "$tenant"}, ("id",), ("id",))
    yield Operation(
        "POST",
        f"{tenant}/settings",
        {"tenantId": "$tenant", **SETTINGS},
        ("tenantId",),
        ("tenantId",),
    )
    defaults: Body = {"id": "$tenant", "defaultRoles": ["Reader"]}
    yield Operation("POST", f"{tenant}/updateDefaultRoles", defaults, ("id",), ("id",))
    yield Operation(
        "POST", f"{tenant}/delete", {"id": "$tenant", "cascade": True}, ("id",), ("id",)
    )


def _roles() -> Iterator[Operation]:
    role = f"{MGMT}/role"
    made: Body = {"name": "n", "tenantId": "$tenant", **ROLE}
    renamed: Body = {"id": "$role", "newName": "n", **ROLE}
    yield Operation("POST", f"{role}/create", made, ("name",))
    yield Operation("POST", f"{role}/create/batch", {"roles": [made]})
    yield Operation("GET", f"{role}/all")
    criteria: Body = {
        "tenantIds": ["$tenant"],
        "includeProjectRoles": True,
        "roleIds": ["$role"],
        "roleNames": ["Reader"],
        "roleNameLike": "Read",
        "permissionNames": ["read"],
    }
    yield Operation("POST", f"{role}/search", {**PAGE, **criteria})
    yield Operation("POST", f"{role}/update", renamed, ("id",), ("id",))
    yield Operation("POST", f"{role}/update/batch", {"roles": [renamed]})
    yield Operation("POST", f"{role}/delete", {"id": "$role"}, ("id",), ("id",))
    yield Operation("POST", f"{role}/delete/batch", {"roleIds": ["$role"]}, (), ("roleIds",))


def _permissions() -> Iterator[Operation]:
    permission = f"{MGMT}/permission"
    made: Body = {"name": "n", "description": "d"}
    renamed: Body = {"id": "$permission", "newName": "n", "description": "d"}
    yield Operation("POST", f"{permission}/create", made, ("name",))
    yield Operation("POST", f"{permission}/create/batch", {"permissions": [made]})
    yield Operation("GET", f"{permission}/all")
    yield Operation("POST", f"{permission}/update", renamed, ("id",), ("id",))
    yield Operation("POST", f"{permission}/update/batch", {"permissions": [renamed]})
    yield Operation("POST", f"{permission}/delete", {"id": "$permission"}, ("id",), ("id",))
    yield Operation(
        "POST", f"{permission}/delete/batch", {"ids": ["$permission"]}, ("ids",), ("ids",)
    )


def _users() -> Iterator[Operation]:
    user = f"{MGMT}/user"
    for path in ("create", "create/test"):
        yield Operation("POST", f"{user}/{path}", {"loginId": "n", **USER}, ("loginId",))
    yield Operation("POST", f"{user}/create/batch", {"users": [{"loginId": "n", **USER}]})
    yield _user(user, {}, method="GET")
    yield Operation("POST", f"{MGMT}/users/load", {"userIds": ["$user"]})
    for path in (f"{user}/search", "/v2/mgmt/user/search"):
        yield Operation("POST", path, USERS)
    yield Operation("POST", "/v2/mgmt/user/search/test", _OTHER_USERS)
    yield _user(f"{user}/update", USER)
    yield _user(f"{user}/patch", USER, method="PATCH")
    batch: Body = {"users": [{"loginId": "u@x.test", **USER}]}
    yield Operation("PATCH", f"{user}/patch/batch", batch)
    yield _user(f"{user}/update/status", {"status": "disabled"}, required="status")
    yield _user(f"{user}/update/loginid", {"newLoginId": "n"})
    yield _user(f"{user}/update/email", {"email": "e@x.test", "verified": True})
    yield _user(f"{user}/update/phone", {"phone": "+15555550100", "verified": True})
    yield _user(f"{user}/update/name", {"displayName": "N"})
    yield _user(f"{user}/update/picture", {"picture": "https://x.test/p.png"})
    yield _user(f"{user}/update/customAttribute", {"attributeKey": "a", "attributeValue": [None]})
    for path in ("v1", "v2"):
        roles: Body = {"roleNames": ["Reader"], "tenantId": "$tenant"}
        yield _user(f"/{path}/mgmt/user/update/role/add", roles)
    for verb in ("set", "remove"):
        yield _user(f"{user}/update/role/{verb}", {"roleNames": ["Reader"], "tenantId": "$tenant"})
    for verb in ("add", "remove"):
        yield _user(f"{user}/update/tenant/{verb}", {"tenantId": "$tenant"}, required="tenantId")
    for verb in ("add", "set", "remove"):
        yield _user(f"{user}/update/ssoapp/{verb}", {"ssoAppIds": ["app"]})
    yield _user(f"{user}/delete", {})
    yield Operation(
        "POST", f"{user}/delete/batch", {"userIds": ["$user"]}, ("userIds",), ("userIds",)
    )
    yield Operation("DELETE", f"{user}/test/delete/all")
    yield _user(f"{user}/logout", {})
    yield _user(f"{MGMT}/tests/generate/otp", {})


def _templates_and_management_keys() -> Iterator[Operation]:
    template = f"{MGMT}/jwt/templates"
    yield Operation("POST", f"{template}/create", {"template": TEMPLATE}, ("template",))
    yield Operation("POST", f"{template}/load", {"id": "$template"}, ("id",), ("id",))
    yield Operation("POST", f"{template}/list")
    yield Operation(
        "POST", f"{template}/update", {"template": {"id": "$template", **TEMPLATE}}, ("template",)
    )
    yield Operation("POST", f"{template}/delete", {"id": "$template"}, ("id",), ("id",))
    assertion: Body = {
        "issuer": "i",
        "subject": "s",
        "audience": ["https://x.test"],
        "expiresIn": 60,
        "flattenAudience": True,
        "algorithm": "ES256",
    }
    needed = ("issuer", "subject", "audience", "expiresIn")
    yield Operation("POST", f"{MGMT}/token/clientassertion", assertion, needed)

    manager = f"{MGMT}/managementkey"
    roles: Body = {"projectRoles": [{"projectIds": ["$project"], "roles": ["all"]}]}
    made: Body = {**MANAGER, "expiresIn": 60, "reBac": roles}
    yield Operation("PUT", manager, made, ("name", "reBac"))
    yield Operation("GET", manager, {"id": "$manager"}, ("id",))
    renamed: Body = {"id": "$manager", "status": "inactive", **MANAGER}
    yield Operation("PATCH", manager, renamed, ("id", "name"))
    yield Operation("GET", f"{manager}/search")
    yield Operation("POST", f"{manager}/delete", {"ids": ["$manager"]}, ("ids",))
    yield Operation("GET", f"{MGMT}/license")


def _tokens() -> Iterator[Operation]:
    auth = "/v1/auth"
    options: Body = {"customClaims": {"a": 1}, "selectedTenant": "$tenant"}
    yield Operation(
        "POST", f"{auth}/accesskey/exchange", {"loginOptions": options}, bearer="$secret"
    )
    for method in ("email", "sms", "voice", "whatsapp"):
        yield Operation(
            "POST",
            f"{auth}/otp/verify/{method}",
            {"loginId": "u@x.test", "code": "$code"},
            ("loginId", "code"),
            ("loginId",),
        )
    yield _as_user(f"{auth}/refresh", {})
    yield _as_user(f"{auth}/tenant/select", {"tenant": "$tenant"}, ("tenant",))
    yield _as_user(f"{auth}/me/tenants", {"ids": ["$tenant"], "dct": False})
    yield _as_user(f"{auth}/logout", {})
    yield _as_user(f"{auth}/logoutall", {})
    yield Operation("GET", f"{auth}/me", bearer="$refresh")


OPERATIONS = (
    *_access_keys(),
    *_tenants(),
    *_roles(),
    *_permissions(),
    *_users(),
    *_templates_and_management_keys(),
    *_tokens(),
)


def wrong_values(value: Any) -> Iterator[Any]:
    """Values of other types than a field has that holds this value; whole lists and objects too."""
    wrong: list[Any] = [7, 1.5, True, "text", ["text"], {"a": "text"}]
    yield from (each for each in wrong if type(each) is not type(value))
    if isinstance(value, list):
        yield from ([each] for each in wrong if type(each) is not type(value[0]))
        yield [*value, None]


def spoilt(body: Body) -> Iterator[tuple[str, Body]]:
    """The body with one field of a wrong type, and the field's name, for every field in it."""
    for name, value in body.items():
        if name == "attributeValue":  # which may be of any type
            continue
        for wrong in wrong_values(value):
            yield name, {**body, name: wrong}
        if isinstance(value, dict) and (name not in FREE or "name" in value):
            for inner, changed in spoilt(value):
                yield inner, {**body, name: changed}
        if isinstance(value, list) and isinstance(value[0], dict):
            for inner, changed in spoilt(value[0]):
                yield inner, {**body, name: [changed]}

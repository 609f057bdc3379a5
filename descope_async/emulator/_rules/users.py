"""The rules of users, as far as access keys can be bound to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from descope_async.emulator._memory.project import Call, Project
from descope_async.emulator._memory.records import User, new_id
from descope_async.emulator.answers import Json, Problem, Refusal
from descope_async.emulator.fields import Fields

from .associations import read_tenants, tenants_to_json

_STATUSES: Final = frozenset({"enabled", "disabled", "invited"})


def add(project: Project, fields: Fields, now: int, *, test: bool = False) -> User:
    """Create a user; a login id that looks like an email address is the email unless given."""
    login_id = _login_id(fields)
    if not login_id:
        raise Refusal(Problem.MISSING, "The loginId field is required")
    login_ids = list(dict.fromkeys([login_id, *fields.names("additionalLoginIds")]))
    if any(project.users.find(login_id) for login_id in login_ids):
        raise Refusal(Problem.USER_EXISTS, "A user of this login id exists")
    user = User(
        id=fields.text("userId") or new_id("U"),
        login_ids=login_ids,
        created_time=now,
        email=login_id if "@" in login_id else "",
        verified_email="@" in login_id,
        test=test or fields.flag("test"),
    )
    if project.users.get(user.id):
        raise Refusal(Problem.USER_EXISTS, "A user of this id exists")
    return project.users.put(_patched(fields, user))


def create(call: Call) -> Json:
    """Create a user."""
    return _shown(call, add(call.project, _without_id(call.fields), call.now))


def create_test(call: Call) -> Json:
    """Create a user who may sign in with codes from `otp.generate`."""
    return _shown(call, add(call.project, _without_id(call.fields), call.now, test=True))


def create_batch(call: Call) -> Json:
    """Create users; says which could not be."""
    created: list[Json] = []
    failed: list[Json] = []
    for fields in call.fields.children("users"):
        try:
            user = add(call.project, _without_id(fields), call.now)
        except Refusal as refusal:
            failed.append({"failure": refusal.message, "user": {"loginIds": [_login_id(fields)]}})
        else:
            created.append(to_json(call.project, user))
    return {"createdUsers": created, "failedUsers": failed}


def load(call: Call) -> Json:
    """Show a user."""
    return _shown(call, _named(call))


def search(call: Call) -> Json:
    """Show the users that meet every criterion given; test users only when asked for."""
    fields = call.fields
    only_tests = fields.flag("testUsersOnly")
    with_tests = only_tests or fields.flag("withTestUser")
    found = [
        user
        for user in call.project.users
        if (with_tests if user.test else not only_tests) and _matches(fields, user)
    ]
    limit = fields.size("limit") or len(found)
    start = fields.size("page") * limit
    shown = [to_json(call.project, user) for user in found[start : start + limit]]
    return {"users": shown, "total": len(found)}


def search_tests(call: Call) -> Json:
    """Show the test users that meet every criterion given."""
    found = [user for user in call.project.users if user.test and _matches(call.fields, user)]
    return {"users": [to_json(call.project, user) for user in found], "total": len(found)}


def update(call: Call) -> Json:
    """Replace what describes a user; absent fields become empty."""
    user = _named(call)
    bare = User(
        id=user.id,
        login_ids=user.login_ids,
        created_time=user.created_time,
        status=user.status,
        test=user.test,
    )
    return _shown(call, call.project.users.put(_patched(call.fields, bare)))


def patch(call: Call) -> Json:
    """Change what is given of a user."""
    return _shown(call, call.project.users.put(_patched(call.fields, _named(call))))


def update_status(call: Call) -> Json:
    """Enable or disable a user, and with it the keys bound to it."""
    call.fields.required("status")
    return patch(call)


def update_login_id(call: Call) -> Json:
    """Replace one login id; an empty new one removes it."""
    old, new = _login_id(call.fields), call.fields.text("newLoginId")
    if not old:
        raise Refusal(Problem.MISSING, "The loginId field is required")
    user = _named(call)
    if new and call.project.users.find(new):
        raise Refusal(Problem.USER_EXISTS, "A user of this login id exists")
    login_ids = [new if login_id == old else login_id for login_id in user.login_ids]
    login_ids = [login_id for login_id in login_ids if login_id]
    if not login_ids:
        raise Refusal(Problem.INVALID, "A user needs a login id")
    return _shown(call, call.project.users.put(attrs.evolve(user, login_ids=login_ids)))


def add_roles(call: Call) -> Json:
    """Give roles, on the project or in a tenant."""
    return _change_roles(call, lambda held, named: list(dict.fromkeys([*held, *named])))


def remove_roles(call: Call) -> Json:
    """Take roles away, on the project or in a tenant."""
    return _change_roles(call, lambda held, named: [name for name in held if name not in named])


def set_roles(call: Call) -> Json:
    """Replace roles, on the project or in a tenant."""
    return _change_roles(call, lambda _, named: named)


def add_tenant(call: Call) -> Json:
    """Put a user into a tenant."""
    user = _named(call)
    tenant_id = call.fields.required("tenantId")
    tenants = {tenant_id: list[str]()} | user.tenants
    return _shown(call, call.project.users.put(attrs.evolve(user, tenants=tenants)))


def remove_tenant(call: Call) -> Json:
    """Take a user out of a tenant."""
    user = _named(call)
    tenant_id = call.fields.required("tenantId")
    tenants = {key: names for key, names in user.tenants.items() if key != tenant_id}
    return _shown(call, call.project.users.put(attrs.evolve(user, tenants=tenants)))


def delete(call: Call) -> Json:
    """Forget a user; keys bound to it are refused from now on."""
    call.project.users.remove(_named(call).id)
    return {}


def delete_tests(call: Call) -> Json:
    """Forget all test users."""
    for user in call.project.users:
        if user.test:
            call.project.users.remove(user.id)
    return {}


def to_json(project: Project, user: User) -> Json:
    """A user as the service shows it."""
    return {
        "loginIds": user.login_ids,
        "userId": user.id,
        "name": user.name,
        "givenName": user.given_name,
        "middleName": user.middle_name,
        "familyName": user.family_name,
        "email": user.email,
        "phone": user.phone,
        "verifiedEmail": user.verified_email,
        "verifiedPhone": user.verified_phone,
        "roleNames": user.role_names,
        "userTenants": tenants_to_json(project, user.tenants),
        "ssoAppIds": user.sso_app_ids,
        "status": user.status,
        "picture": user.picture,
        "test": user.test,
        "customAttributes": user.custom_attributes,
        "createdTime": user.created_time,
        "editable": True,
        "password": False,
        "TOTP": False,
        "SAML": False,
        "webauthn": False,
    }


def named(project: Project, fields: Fields) -> User:
    """The user that a request means, by user id or by login id."""
    login_id = _login_id(fields)
    user_id = fields.text("userId")
    if not login_id and not user_id:
        raise Refusal(Problem.MISSING, "The loginId field is required")
    # The newer name "identifier" stands for either.
    user = project.users.get(user_id) or project.users.find(login_id) or project.users.get(login_id)
    if user is None:
        raise Refusal(Problem.NO_USER, "The user does not exist")
    return user


def _named(call: Call) -> User:
    return named(call.project, call.fields)


def _login_id(fields: Fields) -> str:
    return fields.text("loginId") or fields.text("identifier")


def _without_id(fields: Fields) -> Fields:
    """The service chooses user ids; only seeds do too."""
    return fields.without("userId")


def _shown(call: Call, user: User) -> Json:
    return {"user": to_json(call.project, user)}


def _patched(fields: Fields, user: User) -> User:
    keep, text = fields.keep, fields.text
    # An address is verified unless it is said not to be.
    verified = fields.flag("verified", default=True)
    email = keep("email", text, user.email)
    phone = keep("phone", text, user.phone)
    verified_email = verified if fields.has("email") else user.verified_email
    verified_phone = verified if fields.has("phone") else user.verified_phone
    status = keep("status", text, user.status)
    if status not in _STATUSES:
        raise Refusal(Problem.INVALID, "The status field must be enabled, disabled or invited")
    sso_app_ids = keep("ssoAppIDs", fields.names, user.sso_app_ids)
    return attrs.evolve(
        user,
        email=email,
        phone=phone,
        verified_email=keep("verifiedEmail", fields.flag, verified_email and bool(email)),
        verified_phone=keep("verifiedPhone", fields.flag, verified_phone and bool(phone)),
        status=status,
        name=keep("displayName", text, keep("name", text, user.name)),
        given_name=keep("givenName", text, user.given_name),
        middle_name=keep("middleName", text, user.middle_name),
        family_name=keep("familyName", text, user.family_name),
        picture=keep("picture", text, user.picture),
        role_names=keep("roleNames", fields.names, user.role_names),
        tenants=keep("userTenants", lambda name: read_tenants(fields, name), user.tenants),
        sso_app_ids=keep("ssoAppIds", fields.names, sso_app_ids),
        custom_attributes=keep("customAttributes", fields.mapping, user.custom_attributes),
    )


def _matches(fields: Fields, user: User) -> bool:
    text = fields.text("text").casefold()
    searched = (user.id, *user.login_ids, user.name, user.email, user.phone)
    role_names = set(fields.names("roleNames"))
    held = {*user.role_names, *(name for names in user.tenants.values() for name in names)}
    attributes = fields.mapping("customAttributes")
    criteria = (
        ("tenantIds", user.tenants),
        ("loginIds", user.login_ids),
        ("userIds", [user.id]),
        ("emails", [user.email]),
        ("phones", [user.phone]),
        ("statuses", [user.status]),
    )
    return (
        any(text in part.casefold() for part in searched)
        and (not role_names or not role_names.isdisjoint(held))
        and all(user.custom_attributes.get(name) == value for name, value in attributes.items())
        and all(
            not fields.names(name) or not set(fields.names(name)).isdisjoint(values)
            for name, values in criteria
        )
    )


def _change_roles(call: Call, change: Callable[[list[str], list[str]], list[str]]) -> Json:
    user = _named(call)
    role_names = call.fields.names("roleNames")
    tenant_id = call.fields.text("tenantId")
    if tenant_id:
        changed = change(user.tenants.get(tenant_id, []), role_names)
        user = attrs.evolve(user, tenants=user.tenants | {tenant_id: changed})
    else:
        user = attrs.evolve(user, role_names=change(user.role_names, role_names))
    return _shown(call, call.project.users.put(user))


ROUTES: Final[dict[tuple[str, str], Callable[[Call], Json]]] = {
    ("POST", "/v1/mgmt/user/create"): create,
    ("POST", "/v1/mgmt/user/create/test"): create_test,
    ("POST", "/v1/mgmt/user/create/batch"): create_batch,
    ("GET", "/v1/mgmt/user"): load,
    ("POST", "/v1/mgmt/user/search"): search,
    ("POST", "/v2/mgmt/user/search"): search,
    ("POST", "/v2/mgmt/user/search/test"): search_tests,
    ("POST", "/v1/mgmt/user/update"): update,
    ("PATCH", "/v1/mgmt/user/patch"): patch,
    ("POST", "/v1/mgmt/user/update/status"): update_status,
    ("POST", "/v1/mgmt/user/update/loginid"): update_login_id,
    ("POST", "/v1/mgmt/user/update/email"): patch,
    ("POST", "/v1/mgmt/user/update/phone"): patch,
    ("POST", "/v1/mgmt/user/update/name"): patch,
    ("POST", "/v1/mgmt/user/update/picture"): patch,
    ("POST", "/v1/mgmt/user/update/role/set"): set_roles,
    ("POST", "/v1/mgmt/user/update/role/add"): add_roles,
    ("POST", "/v2/mgmt/user/update/role/add"): add_roles,
    ("POST", "/v1/mgmt/user/update/role/remove"): remove_roles,
    ("POST", "/v1/mgmt/user/update/tenant/add"): add_tenant,
    ("POST", "/v1/mgmt/user/update/tenant/remove"): remove_tenant,
    ("POST", "/v1/mgmt/user/delete"): delete,
    ("DELETE", "/v1/mgmt/user/test/delete/all"): delete_tests,
}

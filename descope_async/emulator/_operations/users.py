"""The operations on users, to whom access keys can be bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import Fields
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import User, new_id

from .call import Call
from .existence import check_grants
from .grants import read_tenants, tenants_to_json
from .phones import canonical_phone

_STATUSES: Final = frozenset({"enabled", "disabled", "invited"})


def add(call: Call, *, test: bool = False) -> User:
    """Create a user; a login id that looks like an email address is the email unless given."""
    project, fields, now = call.project, call.fields, call.now
    login_id = _login_id(fields)
    if not login_id:
        raise Refusal(Problem.MISSING, "The loginId field is required")
    user = User(
        id=fields.text("userId") or new_id("U"),
        login_ids=[login_id],
        created_time=now,
        modified_time=now,
        email=login_id if "@" in login_id else "",
        verified_email="@" in login_id,
        test=test or fields.flag("test"),
    )
    if project.users.get(user.id):
        raise Refusal(Problem.USER_EXISTS, "A user of this id exists")
    added = _patched(call, user)
    if call.strict:
        check_grants(project, added.role_names, added.tenants)
    return project.users.put(added)


def create(call: Call) -> Json:
    """Create a user."""
    return _shown(call, add(_without_id(call)))


def create_test(call: Call) -> Json:
    """Create a user who may sign in with codes from `otp.generate`."""
    return _shown(call, add(_without_id(call), test=True))


def create_batch(call: Call) -> Json:
    """Create users; says which could not be."""
    created, failed = _each(call, lambda one: add(_without_id(one)))
    return {"createdUsers": created, "failedUsers": failed}


def load(call: Call) -> Json:
    """Show a user."""
    return _shown(call, _named(call))


def load_many(call: Call) -> Json:
    """Show the users of these user ids; an id of nobody is passed over."""
    users = [call.project.users.get(each) for each in call.fields.names("userIds")]
    return {"users": [to_json(call.project, user) for user in users if user]}


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
    return put(call, _patched(call, bare))


def patch(call: Call) -> Json:
    """Change what is given of a user."""
    return put(call, _patched(call, _named(call)))


def patch_batch(call: Call) -> Json:
    """Change what is given of each of these users; says which could not be changed."""
    patched, failed = _each(call, lambda one: _kept(one, _patched(one, _named(one))))
    return {"patchedUsers": patched, "failedUsers": failed}


def update_status(call: Call) -> Json:
    """Enable or disable a user, and with it the keys bound to it."""
    call.fields.required("status")
    return patch(call)


def update_login_id(call: Call) -> Json:
    """Replace one login id; an empty new one removes it."""
    old, new = _login_id(call.fields), canonical_phone(call.fields.text("newLoginId"))
    if not old:
        raise Refusal(Problem.MISSING, "The loginId field is required")
    user = _named(call)
    if new and call.project.users.find(new):
        raise Refusal(Problem.USER_EXISTS, "A user of this login id exists")
    login_ids = [new if login_id == old else login_id for login_id in user.login_ids]
    login_ids = [login_id for login_id in login_ids if login_id]
    if not login_ids:
        raise Refusal(Problem.INVALID, "A user needs a login id")
    return put(call, attrs.evolve(user, login_ids=login_ids))


def update_attribute(call: Call) -> Json:
    """Give a user's custom attribute another value."""
    user = _named(call)
    name = call.fields.required("attributeKey")
    if not call.fields.has("attributeValue"):
        raise Refusal(Problem.MISSING, "The attributeValue field is required")
    attributes = user.custom_attributes | {name: call.fields.value("attributeValue")}
    return put(call, attrs.evolve(user, custom_attributes=attributes))


def delete(call: Call) -> Json:
    """Forget a user; keys bound to it are refused from now on."""
    call.project.users.remove(_named(call).id)
    return {}


def delete_batch(call: Call) -> Json:
    """Forget all of these users, or none if one is unknown."""
    ids = call.fields.names("userIds")
    if not ids:
        raise Refusal(Problem.MISSING, "The userIds field is required")
    if not all(call.project.users.get(each) for each in ids):
        raise Refusal(Problem.NO_USER, "The user does not exist")
    for user_id in ids:
        call.project.users.remove(user_id)
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


def put(call: Call, user: User) -> Json:
    """Keep a user that was changed, and show it."""
    return _shown(call, _kept(call, user))


def _kept(call: Call, user: User) -> User:
    if call.strict:
        check_grants(call.project, user.role_names, user.tenants)
    return call.project.users.put(attrs.evolve(user, modified_time=call.now))


def _each(call: Call, change: Callable[[Call], User]) -> tuple[list[Json], list[Json]]:
    """The users that were changed, and those that could not be, with the reasons.

    Raises:
        Refusal: A field is of a wrong type. Nobody was changed.
    """
    changed: list[Json] = []
    failed: list[Json] = []
    with call.project.as_a_whole():
        for fields in call.fields.children("users"):
            try:
                user = change(attrs.evolve(call, fields=fields))
            except Refusal as refusal:
                if refusal.code is Problem.MALFORMED:
                    raise
                login_ids = [_login_id(fields)]
                failed.append({"failure": refusal.message, "user": {"loginIds": login_ids}})
            else:
                changed.append(to_json(call.project, user))
    return changed, failed


def _named(call: Call) -> User:
    return named(call.project, call.fields)


def _login_id(fields: Fields) -> str:
    return canonical_phone(fields.text("loginId") or fields.text("identifier"))


def _without_id(call: Call) -> Call:
    """The service chooses user ids; only seeds do too."""
    return attrs.evolve(call, fields=call.fields.without("userId"))


def _shown(call: Call, user: User) -> Json:
    return {"user": to_json(call.project, user)}


def _patched(call: Call, user: User) -> User:
    project, fields = call.project, call.fields
    keep, text = fields.keep, fields.text
    # Two names for one thing: SDKs differ in which of them they send.
    added = [*fields.names("additionalLoginIds"), *fields.names("additionalIdentifiers")]
    login_ids = list(dict.fromkeys([*user.login_ids, *map(canonical_phone, added)]))
    holders = [project.users.find(login_id) for login_id in login_ids]
    if any(holder and holder.id != user.id for holder in holders):
        raise Refusal(Problem.USER_EXISTS, "A user of this login id exists")
    # An address is verified unless it is said not to be.
    verified = fields.flag("verified", default=True)
    email = keep("email", text, user.email)
    phone = keep("phone", lambda name: canonical_phone(text(name)), user.phone)
    verified_email = verified if fields.has("email") else user.verified_email
    verified_phone = verified if fields.has("phone") else user.verified_phone
    status = keep("status", text, user.status)
    if status not in _STATUSES:
        raise Refusal(Problem.INVALID, "The status field must be enabled, disabled or invited")
    sso_app_ids = keep("ssoAppIDs", fields.names, user.sso_app_ids)
    return attrs.evolve(
        user,
        login_ids=login_ids,
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

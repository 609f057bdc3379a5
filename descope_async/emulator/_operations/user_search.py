"""The search of users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import INT64, Fields
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import User

from . import tenants
from .call import Call
from .criteria import arrange, has_attributes, has_text, one_of, refuse_not_emulated
from .phones import canonical_phone
from .users import to_json

Test = Callable[[User], bool]

_NOT_EMULATED: Final = (
    "ssoOnly",
    "scimOnly",
    "familyIds",
    "dependent",
    "lockReasons",
    "tempLockReasons",
    "identifier",
    "password",
    "totp",
    "webauthn",
    "scim",
)
#: From the service's schema.
_DEFAULT_LIMIT: Final = 100
_SORTABLE: Final = frozenset({
    "userId", "name", "givenName", "middleName", "familyName", "email", "phone", "status",
    "createdTime", "verifiedEmail", "verifiedPhone", "test", "loginIds", "roleNames", "userTenants",
})  # fmt: skip


def search(call: Call) -> Json:
    """Show the users that meet every criterion given; test users only when asked for."""
    only_tests = call.fields.flag("testUsersOnly")
    with_tests = call.fields.flag("withTestUser") or only_tests
    return _found(call, lambda user: with_tests if user.test else not only_tests)


def search_tests(call: Call) -> Json:
    """Show the test users that meet every criterion given."""
    return _found(call, lambda user: user.test)


def _found(call: Call, concerns: Test) -> Json:
    fields = call.fields
    refuse_not_emulated(fields, _NOT_EMULATED)
    tests = [concerns, *_values(fields), *_times(fields), *_roles(call)]
    found = [
        to_json(call.project, user)
        for user in call.project.users
        if all(test(user) for test in tests)
    ]
    return {"users": arrange(found, fields, _SORTABLE, _DEFAULT_LIMIT), "total": len(found)}


def _values(fields: Fields) -> list[Test]:
    text = has_text(fields)
    attributes = has_attributes(fields)
    user_ids = one_of(fields, "userIds")
    emails = one_of(fields, "emails")
    statuses = one_of(fields, "statuses")
    applications = one_of(fields, "ssoAppIds")
    login_ids = {canonical_phone(each) for each in fields.names("loginIds")}
    phones = {canonical_phone(each) for each in fields.names("phones")}
    return [
        lambda user: text((user.id, *user.login_ids, user.name, user.email, user.phone)),
        lambda user: attributes(user.custom_attributes),
        lambda user: user_ids([user.id]) and emails([user.email]) and statuses([user.status]),
        lambda user: applications(user.sso_app_ids),
        lambda user: not login_ids or not login_ids.isdisjoint(user.login_ids),
        lambda user: not phones or user.phone in phones,
    ]


def _times(fields: Fields) -> list[Test]:
    """The criteria of time are in milliseconds, as the SDKs document them; users' in seconds."""
    tests: list[Test] = []
    if earliest := fields.size("fromCreatedTime", INT64):
        tests.append(lambda user: user.created_time * 1000 >= earliest)
    if latest := fields.size("toCreatedTime", INT64):
        tests.append(lambda user: user.created_time * 1000 <= latest)
    if first_change := fields.size("fromModifiedTime", INT64):
        tests.append(lambda user: user.modified_time * 1000 >= first_change)
    if last_change := fields.size("toModifiedTime", INT64):
        tests.append(lambda user: user.modified_time * 1000 <= last_change)
    return tests


def _roles(call: Call) -> list[Test]:
    fields = call.fields
    tenant_ids = fields.names("tenantIds")
    if fields.flag("includeSubTenants"):
        children = tenants.children(call.project)
        tenant_ids += [
            each for parent in tenant_ids for each in tenants.successors(parent, children)
        ]
    wanted_tenants = frozenset(tenant_ids)
    role_names = one_of(fields, "roleNames")
    return [
        lambda user: not wanted_tenants or not wanted_tenants.isdisjoint(user.tenants),
        lambda user: role_names(
            {*user.role_names, *(name for names in user.tenants.values() for name in names)}
        ),
        *_tenant_roles(fields, "tenantRoleNames", lambda name: name),
        *_tenant_roles(fields, "tenantRoleIds", lambda role_id: _role_name(call.project, role_id)),
    ]


def _tenant_roles(fields: Fields, name: str, role_name: Callable[[str], str]) -> list[Test]:
    """A criterion that names roles by tenant: ``{"t1": {"values": ["Reader"], "and": true}}``."""
    tests: list[Test] = []
    by_tenant = fields.child(name)
    for tenant_id in fields.mapping(name):
        criterion = by_tenant.child(tenant_id)
        wanted = {role_name(each) for each in criterion.names("values")}
        every = criterion.flag("and")
        tests.append(
            lambda user, tenant_id=tenant_id, wanted=wanted, every=every: (  # type: ignore[misc]  # the defaults bind this turn's values
                tenant_id in user.tenants
                and (
                    wanted.issubset(user.tenants[tenant_id])
                    if every
                    else not wanted or not wanted.isdisjoint(user.tenants[tenant_id])
                )
            )
        )
    return tests


def _role_name(project: Project, id: str) -> str:
    role = project.roles.get(id)
    if role is None:
        raise Refusal(Problem.NOT_FOUND, "The role {} does not exist", id)
    return role.name

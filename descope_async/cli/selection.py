"""Which keys a command is about: criteria of the service, and criteria that this program checks."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

import click
from attrs import frozen

import descope_async
from descope_async.errors import ConfigurationError

from . import moments, output
from .name_values import pairs
from .standard_input import piped
from .streams import say

_MAX_IDS: Final = 100_000
#: Characters of all of them, with what else stands in the lines of `descope-keys list`.
_LONGEST: Final = 100_000_000


@frozen(kw_only=True)
class Selection:
    """Criteria, all of which a key must meet.

    Attributes:
        tenants: It belongs to any of these tenants.
        bound_user: It is bound to this user.
        creator: This user made it.
        attributes: It has these values of its custom attributes.
        text: This text occurs in it, as the service searches.
        name: Its name fits this pattern of ``*`` and ``?``.
        state: ``active``, ``expired`` or ``inactive``.
        role: It has this role, on the project or in a tenant.
        expiring_within: It is active and expires within so many seconds.
        sort: The field to sort by; ``-`` in front for the largest first.
    """

    tenants: Sequence[str] = ()
    bound_user: str | None = None
    creator: str | None = None
    attributes: Sequence[str] = ()
    text: str | None = None
    name: str | None = None
    state: str | None = None
    role: str | None = None
    expiring_within: int | None = None
    sort: str | None = None

    async def find(self, client: descope_async.DescopeClient) -> list[descope_async.AccessKey]:
        """The keys of the project that meet the criteria."""
        found = await client.mgmt.access_key.search_all_access_keys(
            tenant_ids=list(self.tenants) or None,
            bound_user_id=self.bound_user,
            creating_user=self.creator,
            custom_attributes=pairs(self.attributes) or None,
            text=self.text,
            sort=[_sort_field(self.sort)] if self.sort else None,
        )
        return [key for key in found if self._takes(key)]

    def _takes(self, key: descope_async.AccessKey) -> bool:
        if self.name is not None and not fnmatchcase(key.name, self.name):
            return False
        if self.state is not None and output.state(key) != self.state:
            return False
        roles = {*key.role_names, *(role for each in key.key_tenants for role in each.role_names)}
        if self.role is not None and self.role not in roles:
            return False
        if self.expiring_within is not None:
            remaining = key.expire_time - moments.now()
            return key.is_active and bool(key.expire_time) and remaining <= self.expiring_within
        return True


async def by_ids(
    client: descope_async.DescopeClient, wanted: Sequence[str]
) -> list[descope_async.AccessKey]:
    """The keys of these ids, found with one call.

    Raises:
        ConfigurationError: There is no such key.
    """
    known = {key.id: key for key in await client.mgmt.access_key.search_all_access_keys()}
    missing = [each for each in wanted if each not in known]
    if missing:
        raise ConfigurationError(
            f"there is no access key {', '.join(missing[:5])}: nothing was changed"
        )
    return [known[each] for each in wanted]


def _sort_field(given: str) -> descope_async.SortField:
    return descope_async.SortField(given.removeprefix("-"), desc=given.startswith("-"))


def ids(given: Sequence[str]) -> list[str]:
    """The ids on the command line, each once; ``-`` stands for those on stdin, one a line.

    Where none are there either, the person is told so: a job that pipes in what expires, say, is done then.
    """
    found: dict[str, None] = {}
    for each in given:
        if each == "-":
            found.update(dict.fromkeys(_from_stdin()))
        else:
            found[each] = None
    if not found:
        say("no ids are on stdin, so there is nothing to do")
    return list(found)


def _from_stdin() -> list[str]:
    lines = [line.strip() for line in piped("ids", _LONGEST).splitlines()]
    # The first word, so that the lines of `descope-keys list` are ids as well.
    found = [line.split()[0] for line in lines if line and not line.startswith("#")]
    if len(found) > _MAX_IDS:
        raise click.BadParameter(f"more than {_MAX_IDS} ids are on stdin")
    return found

"""The memory of what a search finds is limited by the size of its answer."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from benchmarks.answers import access_key
from descope_async import AccessKey, UnexpectedResponse
from descope_async._calls import found_keys, wire
from descope_async._calls.found_keys import FREE_MEMORY, MEMORY_PER_BYTE
from descope_async._calls.kept import Kept
from descope_async._calls.shortcuts import shortcut

pytestmark = pytest.mark.usefixtures("each_decoder")

Made: TypeAlias = Callable[[int], dict[str, Any]]
MiB = 1024 * 1024


def with_claims(number: int) -> dict[str, Any]:
    """A key whose claims are texts that no other key has."""
    claims = {f"{number:x}-{claim:x}": f"{claim:04x}" for claim in range(2_000)}
    return {"id": f"{number}", "customClaims": claims}


def with_objects(number: int) -> dict[str, Any]:
    """One whose claims are objects and lists."""
    return {"id": f"{number}", "customAttributes": {f"{it}": [{"a": 1.5}] for it in range(2_000)}}


def with_wide_texts(number: int) -> dict[str, Any]:
    """One with texts that one character makes four times, or twice, as large."""
    wide = {
        "id": f"{number}",
        "name": "a" * 20_000 + "\U0001f600",
        "status": "a" * 20_000 + "\u20ac",
    }
    return {**wide, "roleNames": [wide["status"]], "customClaims": {wide["name"]: wide["status"]}}


def with_tenants(number: int) -> dict[str, Any]:
    """One of tenants and roles that no other key has."""
    tenants = [{"tenantId": f"{number}-{it}", "roleNames": [f"r{number}{it}"]} for it in range(900)]
    return {"id": "a", "keyTenants": tenants, "roleNames": [f"{number}{it}" for it in range(900)]}


def with_unknown_members(number: int) -> dict[str, Any]:
    """One with members that are not documented."""
    return {"id": f"{number}", **{f"{number:x}_{member:x}": [[]] for member in range(2_000)}}


def with_an_odd_role(number: int) -> dict[str, Any]:
    """One that is not read the short way."""
    return {**with_claims(number), "roleNames": [""]}


def smallest(number: int) -> dict[str, Any]:
    """One that has little but its own object."""
    return {"id": f"{number}"}


EACH: list[Made] = [
    with_claims,
    with_objects,
    with_wide_texts,
    with_tenants,
    with_unknown_members,
    with_an_odd_role,
    smallest,
]


def answer(key: Made, size: int, spaces: int, *, ascii_only: bool) -> bytes:
    """The answer of a search, of about this size, with spaces after each key."""
    keys: list[str] = []
    while size > 0:
        keys.append(json.dumps(key(len(keys)), ensure_ascii=ascii_only) + " " * spaces)
        size -= len(keys[-1])
    return f'{{"keys":[{",".join(keys)}]}}'.encode()


def search(body: bytes) -> tuple[int, int, int]:
    """How many keys were found, 0 for a refusal; what they take; and the most that was taken."""
    asyncio.run(wire.read(wire.KeysAnswer, b'{"keys":[{"id":"a","roleNames":[""]}]}'))  # imports
    found: list[AccessKey] = []
    refusals: list[str] = []

    async def read() -> None:
        try:
            found.extend((await wire.read(wire.KeysAnswer, body)).keys)
        except UnexpectedResponse as error:
            refusals.append(str(error))

    gc.collect()
    tracemalloc.start()
    try:
        asyncio.run(read())
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refusals in ([], ["the answer's $.keys takes more than 6 times its size in memory"])
    return len(found), kept, most


@pytest.mark.parametrize("spaces", [0, 100_000])
@pytest.mark.parametrize("key", EACH)
def test_keys_take_no_more_memory_than_is_allowed(
    key: Made, spaces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found_keys, "FREE_MEMORY", MiB)  # so that short answers are enough
    body = answer(key, MiB, spaces, ascii_only=key is not with_wide_texts)
    count, kept, most = search(body)
    # The characters of plain texts come on top of it.
    allowed = MiB + (MEMORY_PER_BYTE + 1) * len(body)
    assert kept <= allowed
    assert most <= 2 * allowed, "what is read at once takes as much at most"
    assert bool(count) == (spaces > 0 or key is with_wide_texts), "without spaces it is too much"


@pytest.mark.parametrize("value", ["a", "\u00e9", "", 1])
def test_values_that_python_has_once_take_nothing(
    value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever decoder made them."""
    monkeypatch.setattr(found_keys, "FREE_MEMORY", MiB)

    def key(number: int) -> dict[str, Any]:
        claims = {f"c{it}": value for it in range(100)}
        claims["in"] = [value] * 100
        return {**access_key(number), "customClaims": claims}

    body = answer(key, 2 * MiB, 0, ascii_only=False)
    count, kept, _ = search(body)
    assert count > 0
    assert kept <= 5 * len(body)


def test_what_would_take_too_much_is_refused_before_it_is_read_to_its_end() -> None:
    body = answer(with_claims, 16 * MiB, 0, ascii_only=True)
    found, _, most = search(body)
    assert found == 0
    assert most < 8 * FREE_MEMORY, "the whole takes 160 MiB"


def test_lists_of_which_only_the_last_counts_are_weighed_together() -> None:
    body = answer(with_claims, 2 * MiB, 0, ascii_only=True)
    assert search(body)[0] > 0
    member = body[1:-1]
    assert search(b"{%b}" % b",".join([member] * 3))[0] == 0


def with_many_flags(number: int) -> dict[str, Any]:
    """One with a hundred short claims."""
    return {**access_key(number), "customClaims": {f"flag{it}": it % 2 == 0 for it in range(100)}}


def with_many_numbers(number: int) -> dict[str, Any]:
    """One with a hundred numbers."""
    claims = {f"claim{it}": it * number for it in range(100)}
    return {**access_key(number), "customClaims": claims}


def with_many_texts(number: int) -> dict[str, Any]:
    """One with a hundred texts, each with an object of its own."""
    return {**access_key(number), "customClaims": {f"claim{it}": f"v{it}" for it in range(100)}}


def with_many_letters(number: int) -> dict[str, Any]:
    """One with a hundred texts of one letter, of which Python has one object each."""
    claims = {f"c{it}": chr(ord("a") + (it + number) % 26) for it in range(100)}
    return {**access_key(number), "customClaims": claims}


def with_many_small_numbers(number: int) -> dict[str, Any]:
    """One with a hundred numbers of which the same is true."""
    claims = {f"c{it}": (it + number) % 256 for it in range(100)}
    return {**access_key(number), "customClaims": claims}


def with_many_tenants(number: int) -> dict[str, Any]:
    """One with hundreds of tenants, all of which other keys have too."""
    tenants = [{"tenantId": f"t{it}", "roleNames": ["Admin"]} for it in range(300)]
    return {**access_key(number), "keyTenants": tenants}


def with_a_tenant_of_its_own(number: int) -> dict[str, Any]:
    """One of a project that has a tenant, and a role and an address for it, for each customer."""
    (tenant,) = access_key(number)["keyTenants"]
    tenants = [{**tenant, "tenantId": f"T{number}", "roleNames": [f"Admin {number}"]}]
    addresses = [f"10.0.{number // 256}.{number % 256}"]
    return {**access_key(number), "keyTenants": tenants, "permittedIps": addresses}


def with_a_picture(number: int) -> dict[str, Any]:
    """One whose name has a character beyond the most usual ones."""
    return {**access_key(number), "name": f"\U0001f916 service {number}", "description": "schön"}


def with_new_members(number: int) -> dict[str, Any]:
    """One from a service that says more of keys and tenants than today's."""
    tenants = [{**tenant, "domains": []} for tenant in access_key(number)["keyTenants"]]
    return {**access_key(number), "keyTenants": tenants, "lastUsed": {"time": number, "ip": "::1"}}


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize(
    "key",
    [
        access_key,
        with_many_flags,
        with_many_numbers,
        with_many_texts,
        with_many_letters,
        with_many_small_numbers,
        with_many_tenants,
        with_a_tenant_of_its_own,
        with_a_picture,
        with_new_members,
    ],
)
def test_keys_of_real_projects_take_less_than_is_allowed(key: Made, *, ascii_only: bool) -> None:
    kept, size = Kept(), 0
    for number in range(1_000):
        written = json.dumps(key(number), ensure_ascii=ascii_only, separators=(",", ":"))
        kept.is_plain = written.isascii() and "\\u" not in written
        document = json.loads(written)
        shortcut(AccessKey)(document, kept)
        kept.key(document)
        size += len(written.encode())
    assert kept.weight <= 0.95 * MEMORY_PER_BYTE * size

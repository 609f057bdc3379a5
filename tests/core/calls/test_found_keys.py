"""The answer of a search, read as `wire` reads it."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import pytest

from descope_async import AccessKey, AssociatedTenant, UnexpectedResponse
from descope_async._calls import wire
from descope_async._calls.found_keys import MAX_MEMBERS
from tests.core.calls.key_answers import KEY, encoded
from tests.steps import steps

pytestmark = pytest.mark.usefixtures("each_decoder")


def search(body: bytes) -> list[AccessKey]:
    return asyncio.run(wire.read(wire.KeysAnswer, body)).keys


def alone(key: dict[str, Any]) -> AccessKey:
    """The key as the answer of load has it."""
    return asyncio.run(wire.read(wire.KeyAnswer, encoded({"key": key}))).key


def search_answer(keys: list[Any]) -> bytes:
    return encoded({"keys": keys})


def test_a_search_reads_each_key_as_if_it_were_alone() -> None:
    given = [
        KEY,
        {"id": "A"},
        {**KEY, "expireTime": 5, "customClaims": None},
        {"id": "B", "roleNames": [""], "x": None},
    ]
    many = [{**key, "name": f"{number}"} for number in range(500) for key in given]
    keys = search(search_answer(many))
    assert list(keys) == [alone(key) for key in many]
    written_widely = json.dumps({"total": 2, "keys": many, "next": ""}, indent=2).encode()
    assert search(written_widely) == keys


def test_keys_of_one_search_share_equal_tenants() -> None:
    tenant = {"tenantId": "t", "roleNames": ["Admin"]}
    given = [{"id": "A", "keyTenants": tenants} for tenants in ([tenant], [tenant], [tenant] * 2)]
    given += [{"id": "B", "keyTenants": [{**tenant, **change}]} for change in ({"x": 1}, {"x": 2})]
    first, second, twice, one, two = search(search_answer(given))
    assert first.key_tenants == (AssociatedTenant("t", ["Admin"]),)
    assert first.key_tenants is second.key_tenants
    assert twice.key_tenants == first.key_tenants * 2
    assert [key.key_tenants[0].extra for key in (one, two)] == [{"x": 1}, {"x": 2}]
    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301 - our own


def test_a_search_reads_keys_of_more_tenants_than_it_shares() -> None:
    given = [{"id": "A", "keyTenants": [{"tenantId": f"t{number}"}]} for number in range(3_000)]
    keys = search(search_answer(given * 2))
    assert [key.key_tenants[0].tenant_id for key in keys] == [f"t{n}" for n in range(3_000)] * 2


def test_texts_may_be_full_of_what_parts_members() -> None:
    addresses = [f"2001:db8:{number}::1" for number in range(40)]
    body = search_answer([{"id": "a", "permittedIps": addresses, "name": ',[{"' * 9_000}] * 100)
    assert len(search(body)) == 100


@pytest.mark.parametrize("body", ["{}", '{"keys":null}', '{"keys":[]}', ' { "keys" : [ ] } '])
def test_a_search_may_find_nothing(body: str) -> None:
    assert search(body.encode()) == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"keys":{}}', "$.keys"),
        ('{"keys":[5]}', "$.keys[0]"),
        ('{"keys":[{"id":"a"},{"id":"b","name":5}]}', "$.keys[1].name"),
        ('{"keys":[{"id":"a"},{"id":"b"},{}]}', "$.keys[2].id"),
        ('{"keys":[{"id":"a","keyTenants":[{"tenantId":"t","roleNames":[""]}]}]}', None),
        ('{"keys":[{"id":"a"},]}', None),
        ('{"keys":[{"id":"a"}]', None),
        ('{"keys":[{"id":"a"}]}}', None),
        ('{"keys":[{"id":"a"}],}', None),
        ('{"keys" [{"id":"a"}]}', None),
        ('{"keys":[{"id":"a"} {"id":"a"}]}', None),
        ('[{"id":"a"}]', None),
        ('{5:1,"keys":[{"id":"a"}]}', None),
        ("", None),
    ],
)
def test_a_search_says_which_key_is_wrong(body: str, path: str | None) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        search(body.encode())
    assert caught.value.path == (path or caught.value.path)
    assert caught.value.__context__ is None


def test_one_odd_value_does_not_break_a_search() -> None:
    odd = b'{"keys":[{"id":"a"},{"id":"b","name":"x\\ud800","customClaims":{"n":[1e999]}}]}'
    plain, mended = search(odd)
    assert (plain.id, mended.name) == ("a", "x\ufffd")
    json.dumps(mended.to_dict(), allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize("where", ["customClaims", "roleNames", "unknown"])
def test_a_key_with_more_members_than_can_be_needed_is_refused(where: str) -> None:
    def found(members: int) -> list[AccessKey]:
        key = {"id": "b", where: ["a"] * members if where == "roleNames" else {"x": [[]] * members}}
        return search(search_answer([{"id": "a"}, key, {"id": "c"}]))

    assert len(found(MAX_MEMBERS - 10)) == 3
    with pytest.raises(UnexpectedResponse, match="more than 20,000 members") as caught:
        found(3 * MAX_MEMBERS)
    assert caught.value.path == "$.keys[1]"


def test_so_is_any_other_member_of_the_answer() -> None:
    with pytest.raises(UnexpectedResponse, match="members") as caught:
        search(b'{"total":[' + b"[]," * 100_000 + b'1],"keys":[]}')
    assert caught.value.path == "$"


def test_small_keys_and_keys_with_thousands_of_tenants_are_read() -> None:
    assert len(search(search_answer([{"id": "a"}] * 10_000))) == 10_000
    tenants = [{"tenantId": f"t{number}", "roleNames": []} for number in range(2_000)]
    body = search_answer([{**KEY, "keyTenants": tenants}] * 60)
    assert len(search(body)) == 60


def answer_of(count: int) -> bytes:
    return search_answer([KEY] * count)


def test_twice_the_keys_take_twice_the_steps() -> None:
    few, many = (steps(search, answer_of(count)) for count in (500, 1_000))
    assert many <= 2.1 * few

"""New secrets in place, and successors beside keys that go on to work for a while."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from descope_async import AccessKey, DescopeClient, InvalidArgument, Unauthorized
from descope_async.batch import Batch, BatchReport, NewKey, StoredKey
from descope_async.emulator import Emulator, Fault
from descope_async.secret_stores import read_secret

MakeBatch = Callable[..., Batch]
FAR = 2_000_000_000


async def load(client: DescopeClient, key: AccessKey) -> AccessKey:
    return await client.mgmt.access_key.load(key.id)


async def works(client: DescopeClient, secret: str) -> bool:
    try:
        await client.exchange_access_key(secret)
    except Unauthorized:
        return False
    return True


async def test_in_place_the_old_secret_is_dead(
    make_batch: MakeBatch, client: DescopeClient, existing: Any, report_of: Any
) -> None:
    keys, secrets = await existing(5, expire_time=FAR)
    report = await make_batch(prove=True).rotate(keys)
    assert report.is_complete
    for key, old, line in zip(keys, secrets, report_of(), strict=True):
        assert line["key_id"] == key.id
        assert line["label"] == key.name
        assert not await works(client, old)
        assert await works(client, read_secret(line["references"][0]))
        assert (await load(client, key)).expire_time == FAR


async def test_a_successor_is_like_its_predecessor(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, report_of: Any
) -> None:
    old = (
        await client.mgmt.access_key.create(
            "billing",
            expire_time=FAR,
            key_tenants=[{"tenant_id": "t1", "role_names": ["Admin"]}],
            custom_claims={"deep": {"list": [1, {"a": None}]}},
            description="what it is for op:0123456789abcdef01234567",
            permitted_ips=["127.0.0.1", "10.0.0.0/8"],
            custom_attributes={"team": "billing"},
        )
    ).key
    await make_batch().replace([old], FAR + 1)
    (line,) = report_of()
    new = await client.mgmt.access_key.load(line["key_id"])
    assert line["replaces"] == old.id != new.id
    assert new.expire_time == FAR + 1
    assert new.description.startswith("what it is for op:")
    assert new.description.count("op:") == 1
    for name in (
        "name",
        "role_names",
        "key_tenants",
        "custom_claims",
        "permitted_ips",
        "custom_attributes",
        "bound_user_id",
    ):
        assert getattr(new, name) == getattr(old, name), name


async def test_a_successor_is_bound_to_the_same_user(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, report_of: Any
) -> None:
    user_id = await emulator.create_user("ann@example.com", role_names=["Admin"])
    old = (await client.mgmt.access_key.create("ann", user_id=user_id)).key
    await make_batch().rotate([old], grace=60)
    (line,) = report_of()
    assert (await client.mgmt.access_key.load(line["key_id"])).bound_user_id == user_id


async def test_the_old_key_is_retired_step_by_step(
    make_batch: MakeBatch,
    client: DescopeClient,
    emulator: Emulator,
    existing: Any,
    tmp_path: Path,
    report_of: Any,
) -> None:
    keys, secrets = await existing(3, expire_time=FAR)
    stored: list[StoredKey] = []
    sink = f"file:{tmp_path}/keys/{{label}}"
    report = await make_batch(sink, after_stored=stored.append).rotate(
        keys, grace=3_600, delete_after=3_600
    )
    assert (report.waiting, report.done, report.failed) == (3, 0, 0)
    assert report.next_due is not None
    assert [each.replaces for each in sorted(stored, key=lambda each: each.label)] == [
        key.id for key in keys
    ]
    assert all([await works(client, secret) for secret in secrets])
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == [
        "old-0",
        "old-1",
        "old-2",
    ]

    report = await make_batch(sink).resume()
    assert report.waiting == 3
    assert all([await works(client, secret) for secret in secrets])

    emulator.clock.advance(3_600)
    report = await make_batch(sink).resume()
    assert report.waiting == 3
    assert [(await load(client, key)).status for key in keys] == ["inactive"] * 3
    emulator.clock.advance(3_600)
    report = await make_batch(sink).resume()
    assert report.is_complete
    left = {key.id for key in await client.mgmt.access_key.search_all_access_keys()}
    assert left == {line["key_id"] for line in report_of()}
    for line in report_of():
        assert await works(client, read_secret(line["references"][0]))


async def test_a_pointer_moves_only_after_the_proof(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, tmp_path: Path
) -> None:
    made = await client.mgmt.access_key.create("billing", expire_time=FAR)
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    (folder / "billing").write_text(made.cleartext)
    sink = f"file:{folder}/{{label}}"
    emulator.faults.add(Fault("status", "exchange", status=401, times=1))
    report = await make_batch(sink).replace([made.key], FAR)
    assert "the service refuses the new secret" in report.failures[0].problem
    assert (folder / "billing").read_text() == made.cleartext
    assert (folder / "billing.pending").exists()
    assert (await make_batch(sink).resume()).waiting == 1
    assert (folder / "billing").read_text() != made.cleartext
    assert not (folder / "billing.pending").exists()
    assert await works(client, made.cleartext)


async def due_report(
    make_batch: MakeBatch, emulator: Emulator, keys: Any, then: Callable[[], Any]
) -> BatchReport:
    """What a run that waits for its grace period says when that is over, and this was done."""
    await make_batch().rotate(keys, grace=3_600, delete_after=0)
    await then()
    emulator.clock.advance(3_600)
    report = await make_batch().resume()
    return report if report.is_complete or report.failed else await make_batch().resume()


async def test_steps_that_were_done_by_hand(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, existing: Any, report_of: Any
) -> None:
    (deactivated, deleted), _ = await existing(2)

    async def by_hand() -> None:
        await client.mgmt.access_key.deactivate(deactivated.id)
        await client.mgmt.access_key.delete(deleted.id)

    report = await due_report(make_batch, emulator, [deactivated, deleted], by_hand)
    assert report.is_complete
    assert report_of()[1]["notes"] == ["the old key was deleted"]


async def test_a_successor_that_was_deleted_lets_the_old_key_stay(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, existing: Any, report_of: Any
) -> None:
    (key,), (secret,) = await existing(1)

    async def by_hand() -> None:
        await client.mgmt.access_key.delete(report_of()[0]["key_id"])

    report = await due_report(make_batch, emulator, [key], by_hand)
    assert "is gone, inactive or expired; the old key" in report.failures[0].problem
    assert await works(client, secret)


async def test_a_successor_that_was_rotated_lets_the_old_key_stay(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, existing: Any, report_of: Any
) -> None:
    (key,), (secret,) = await existing(1)

    async def by_hand() -> None:
        await client.mgmt.access_key.rotate(report_of()[0]["key_id"])

    report = await due_report(make_batch, emulator, [key], by_hand)
    assert "the service refuses the secret of" in report.failures[0].problem
    assert await works(client, secret)


async def test_an_old_key_that_is_activated_again_is_not_deleted(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, existing: Any, report_of: Any
) -> None:
    (key,), (secret,) = await existing(1)
    await make_batch().rotate([key], grace=0, delete_after=3_600)
    await make_batch().resume()
    assert (await load(client, key)).status == "inactive"
    await client.mgmt.access_key.activate(key.id)
    emulator.clock.advance(3_600)
    report = await make_batch().resume()
    assert "somebody has activated" in report.failures[0].problem
    assert await works(client, secret)
    await client.mgmt.access_key.deactivate(key.id)
    assert (await make_batch().resume()).is_complete


async def test_keys_for_other_addresses_wait_for_a_word(
    make_batch: MakeBatch, client: DescopeClient, existing: Any, report_of: Any
) -> None:
    keys, _ = await existing(2, permitted_ips=["203.0.113.7"])
    report = await make_batch().rotate(keys, grace=0, delete_after=None)
    assert (report.unproven, report.waiting, report.failed) == (2, 0, 0)
    assert {line["outcome"] for line in report_of()} == {"stored, unproven"}
    assert (await make_batch().resume()).unproven == 2
    assert {(await load(client, key)).status for key in keys} == {"active"}

    await make_batch().confirm([keys[0].name])
    await make_batch().resume()
    assert [(await load(client, key)).status for key in keys] == ["inactive", "active"]
    await make_batch().confirm([report_of()[1]["key_id"]])
    assert (await make_batch().resume()).is_complete


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        ("deactivate", "is not active, and a successor would be"),
        ("delete", "there is no key"),
    ],
)
async def test_keys_that_need_no_successor(
    make_batch: MakeBatch, client: DescopeClient, existing: Any, prepare: str, problem: str
) -> None:
    keys, _ = await existing(1)
    await getattr(client.mgmt.access_key, prepare)(keys[0].id)
    report = await make_batch().rotate(keys, grace=60)
    assert problem in report.failures[0].problem


async def test_an_expired_key_is_replaced_and_not_rotated(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, existing: Any
) -> None:
    now = emulator.clock.now()
    emulator.clock.move_to(now - 3_600, backwards=True)
    keys, _ = await existing(1, expire_time=int(now) - 60)
    emulator.clock.advance(3_600)
    report = await make_batch().rotate(keys, grace=60)
    assert "is expired; replace it" in report.failures[0].problem
    report = await make_batch(journal="other").replace(keys, FAR)
    assert report.waiting == 1


async def test_an_unknown_successor_is_settled(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, existing: Any, report_of: Any
) -> None:
    keys, _ = await existing(6)
    emulator.faults.add(Fault("close", "access_key.create", commit=True, every=3))
    report = await make_batch().rotate(keys, grace=0, delete_after=0)
    emulator.faults.clear()
    report = await make_batch().resume()
    report = await make_batch().resume()
    assert report.is_complete
    left = await client.mgmt.access_key.search_all_access_keys()
    assert len(left) == 6
    for line in report_of():
        assert await works(client, read_secret(line["references"][0]))


async def test_no_key_is_given_twice(make_batch: MakeBatch, existing: Any) -> None:
    keys, _ = await existing(2)
    with pytest.raises(ValueError, match="items 0 and 2 are the same key"):
        await make_batch().rotate([keys[0], keys[1].id, keys[0].id])


async def test_names_that_other_clients_gave(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, report_of: Any
) -> None:
    async with aiohttp.ClientSession() as session:
        answer = await session.post(
            f"{emulator.base_url}/v1/mgmt/accesskey/create",
            json={"name": "two\nlines"},
            headers={"Authorization": f"Bearer {emulator.project_id}:{emulator.management_key}"},
        )
        key_id = json.loads(await answer.text())["key"]["id"]
    key = await client.mgmt.access_key.load(key_id)
    assert (await make_batch().rotate([key])).is_complete
    assert report_of()[0]["label"] == "two lines"


async def test_a_successor_may_differ_in_everything(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, existing: Any, report_of: Any
) -> None:
    user_id = await emulator.create_user("ann@example.com", role_names=["Admin"])
    keys, _ = await existing(2, expire_time=FAR, description="old")
    successors = [
        {"name": "bound", "user_id": user_id, "expire_time": FAR + 1},
        NewKey("free", permitted_ips=["127.0.0.1"]),
    ]
    batch = make_batch()
    given = [
        {"id": key.id, "label": f"l{number}", "successor": successors[number]}
        for number, key in enumerate(keys)
    ]
    report = await batch.replace(given)
    assert report.waiting == 2
    bound, free = [await client.mgmt.access_key.load(line["key_id"]) for line in report_of()]
    assert (bound.name, bound.bound_user_id, bound.expire_time) == ("bound", user_id, FAR + 1)
    assert (free.name, free.permitted_ips, free.expire_time) == ("free", ("127.0.0.1",), 0)
    assert free.description.startswith("op:")  # nothing of the old key
    with pytest.raises(InvalidArgument, match=r"keys\[1\] has no successor"):
        await make_batch(journal="other").replace([given[0], keys[1]])
    with pytest.raises(InvalidArgument, match=r"keys\[0\].successor has no field 'colour'"):
        await make_batch(journal="third").replace([{"id": "K1", "successor": {"colour": "red"}}])


async def test_the_report_says_since_when_an_old_secret_is_refused(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, existing: Any, report_of: Any
) -> None:
    keys, _ = await existing(3)
    emulator.faults.add(Fault("close", "access_key.rotate", commit=True, nth=2))
    before = client.clock.now()
    assert (await make_batch(concurrency=1).rotate(keys)).is_complete
    (line,) = [line for line in report_of() if "secret_lost_at" in line]
    assert before - 1 <= line["secret_lost_at"] <= client.clock.now()
    assert "was lost" in line["notes"][0]

    emulator.faults.clear()
    emulator.faults.add(Fault("close", "access_key.create", commit=True, nth=1))
    assert (await make_batch(journal="new").create([{"name": "new"}])).is_complete
    (line,) = report_of("new")
    assert "was lost" in line["notes"][0]
    assert "secret_lost_at" not in line  # nobody had a secret of it yet

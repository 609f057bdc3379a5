from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from descope_async.emulator import Emulator, EmulatorError
from descope_async.emulator._memory.data_file import Change, DataFile

CREATE = "/v1/mgmt/accesskey/create"
SEARCH = "/v1/mgmt/accesskey/search"
SERVE = """
import asyncio, sys
from descope_async.emulator import Emulator

async def main():
    async with Emulator("P2test", "K2test", data=sys.argv[1]) as emulator:
        print(emulator.base_url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@asynccontextmanager
async def managing(emulator: Emulator | str) -> AsyncIterator[aiohttp.ClientSession]:
    base_url = emulator if isinstance(emulator, str) else emulator.base_url
    project, key = ("P2test", "K2test")
    if isinstance(emulator, Emulator):
        project, key = emulator.project_id, emulator.management_key
    headers = {"Authorization": f"Bearer {project}:{key}"}
    async with aiohttp.ClientSession(base_url, headers=headers) as session:
        yield session


async def post(session: aiohttp.ClientSession, path: str, body: Any) -> dict[str, Any]:
    async with session.post(path, json=body) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == 200, answer
        return answer


def files_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def test_of_a_batch_that_is_refused_nothing_is_kept(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    async with Emulator("P2test", "K2test", data=data) as emulator, managing(emulator) as session:
        for name in ("A", "B"):
            await post(session, "/v1/mgmt/role/create", {"name": name})
        await post(session, CREATE, {"name": "k", "roleNames": ["A", "B"]})
        before = await emulator.snapshot()
        # The names move on before the last change cannot be made.
        moved = {"A": "C", "B": "A", "nothing": "B"}
        roles = [{"name": old, "newName": new} for old, new in moved.items()]
        created = [{"loginId": "u"}, {"loginId": "v", "roleNames": 7}]
        for path, body in (
            ("role/update/batch", {"roles": roles}),
            ("role/create/batch", {"roles": [{"name": "C"}, {"name": "A"}]}),
            ("user/create/batch", {"users": created}),
        ):
            async with session.post(f"/v1/mgmt/{path}", json=body) as response:
                assert response.status >= 400
            assert await emulator.snapshot() == before
    async with Emulator("P2test", "K2test", data=data) as emulator:
        assert await emulator.snapshot() == before


async def test_what_was_committed_before_a_close_is_stored_by_then(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    serve = SERVE.replace(
        "        print(",
        "        from descope_async.emulator import Fault\n"
        "        emulator.faults.add(Fault('close', 'access_key.create', commit=True))\n"
        "        print(",
    )
    process = subprocess.Popen(  # noqa: ASYNC220 - so that it can be killed at any moment
        [sys.executable, "-c", serve, str(data)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    with process, process.stdout:
        base_url = (await asyncio.to_thread(process.stdout.readline)).strip()
        async with managing(base_url) as session:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await session.post(CREATE, json={"name": "k"})
            os.kill(process.pid, signal.SIGKILL)
    async with Emulator("P2test", "K2test", data=data) as emulator:
        assert [key["name"] for key in (await emulator.snapshot())["accessKeys"]] == ["k"]


async def exchange(emulator: Emulator, cleartext: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {emulator.project_id}:{cleartext}"}
    async with aiohttp.ClientSession(emulator.base_url, headers=headers) as session:
        return await post(session, "/v1/auth/accesskey/exchange", {})


async def test_everything_is_there_again(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    async with Emulator(data=data) as emulator, managing(emulator) as session:
        await emulator.create_tenant("t1", "One")
        await emulator.create_role("Reader", ["read"])
        user_id = await emulator.create_user("u@x.test", tenants={"t1": ["Reader"]})
        other = await emulator.create_project()
        bodies: list[dict[str, Any]] = [
            {"name": "\x00 \U0001d11e é", "customClaims": {"a": [1.5, None]}},
            {"name": "bound", "userId": user_id},
            {"name": "deleted"},
        ]
        created = [await post(session, CREATE, body) for body in bodies]
        await post(session, "/v1/mgmt/accesskey/delete", {"id": created[2]["key"]["id"]})
        await post(session, "/v1/mgmt/accesskey/deactivate", {"id": created[1]["key"]["id"]})
        before = await emulator.snapshot()
        async with session.get(f"/v2/keys/{emulator.project_id}") as response:
            keys = await response.json()
    again = Emulator(data=data)
    with pytest.raises(EmulatorError, match="start the emulator first"):
        _ = again.project_id
    with pytest.raises(EmulatorError, match="start the emulator first"):
        _ = again.management_key
    async with again, managing(again) as session:
        assert again.project_id == emulator.project_id, "the first project of the file"
        assert await again.snapshot() == before
        assert (await exchange(again, created[0]["cleartext"]))["keyId"] == created[0]["key"]["id"]
        async with session.get(f"/v2/keys/{again.project_id}") as response:
            assert await response.json() == keys, "earlier tokens stay valid"
        assert (await again.snapshot(other.project_id))["accessKeys"] == []
        headers = {"Authorization": f"Bearer {other.project_id}:{other.management_key}"}
        async with session.get("/v1/mgmt/license", headers=headers) as response:
            assert response.status == 200
        assert again.management_key == emulator.management_key


async def test_a_management_key_that_was_given_is_for_one_run(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    keys: list[str] = []
    for given in (None, "given", None, None):
        async with Emulator(data=data, management_key=given) as emulator, managing(emulator) as it:
            await post(it, CREATE, {"name": "n"})
            for old in {*keys} - {emulator.management_key}:
                headers = {"Authorization": f"Bearer {emulator.project_id}:{old}"}
                async with it.get("/v1/mgmt/license", headers=headers) as response:
                    assert response.status == 401
            keys.append(emulator.management_key)
    assert keys[1] == "given"
    assert keys[2] == keys[3] != keys[0]


async def test_the_file_is_the_owners_alone_and_holds_no_secret_but_its_key(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    async with Emulator(data=data) as emulator:
        kept = emulator.management_key
    assert kept.encode() in data.read_bytes()  # so that it is the same at the next start
    async with (
        Emulator(data=data, management_key="G1VEN") as emulator,
        managing(emulator) as session,
    ):
        created = await post(session, CREATE, {"name": "NAME-TO-FIND"})
        rotated = await post(session, "/v1/mgmt/accesskey/rotate", {"id": created["key"]["id"]})
        assert {stat.S_IMODE(path.stat().st_mode) for path in files_in(tmp_path)} == {0o600}
    written = b"".join(path.read_bytes() for path in files_in(tmp_path))
    assert b"NAME-TO-FIND" in written
    for secret in (created["cleartext"], rotated["cleartext"], "G1VEN"):
        assert secret.encode() not in written


async def test_a_new_algorithm_signs_and_the_old_key_stays_published(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    algorithms: list[list[str]] = []
    for algorithm in ("RS256", "ES256", "RS256"):
        async with (
            Emulator(data=data, signing_algorithm=algorithm) as emulator,
            managing(emulator) as session,
            session.get(f"/v2/keys/{emulator.project_id}") as response,
        ):
            algorithms.append([key["alg"] for key in (await response.json())["keys"]])
    assert algorithms == [["RS256"], ["RS256", "ES256"], ["RS256", "ES256"]]


async def test_a_killed_emulator_has_lost_nothing_that_it_answered(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    answered: dict[str, str] = {}
    for seconds in (0.2, 0.5):
        enough = len(answered) + 5
        process = subprocess.Popen(  # noqa: ASYNC220 - so that it can be killed at any moment
            [sys.executable, "-c", SERVE, str(data)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        with process, process.stdout:
            base_url = (await asyncio.to_thread(process.stdout.readline)).strip()

            async def write(session: aiohttp.ClientSession) -> None:
                while True:
                    try:
                        created = await post(session, CREATE, {"name": "k"})
                        answered[created["key"]["id"]] = created["cleartext"]
                        body = {"id": created["key"]["id"]}
                        rotated = await post(session, "/v1/mgmt/accesskey/rotate", body)
                        answered[created["key"]["id"]] = rotated["cleartext"]
                    except (aiohttp.ClientError, json.JSONDecodeError):
                        return

            async with managing(base_url) as session:
                writers = [asyncio.create_task(write(session)) for _ in range(4)]
                while len(answered) < enough:  # noqa: ASYNC110 - a dict tells nobody
                    await asyncio.sleep(0.01)
                await asyncio.sleep(seconds)
                os.kill(process.pid, signal.SIGKILL)
                await asyncio.gather(*writers)
    async with Emulator("P2test", "K2test", data=data) as emulator:
        kept = {key["id"] for key in (await emulator.snapshot())["accessKeys"]}
        assert answered.keys() <= kept
        # A rotation cut off before its answer may have come through: only then is the last
        # secret that was told a dead one, once per writer and kill.
        dead = 0
        for key_id, cleartext in answered.items():
            headers = {"Authorization": f"Bearer P2test:{cleartext}"}
            async with (
                aiohttp.ClientSession(emulator.base_url, headers=headers) as session,
                session.post("/v1/auth/accesskey/exchange", json={}) as response,
            ):
                answer = await response.json()
                dead += response.status == 401
                assert response.status == 401 or answer["keyId"] == key_id
        assert dead <= 8


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    async with Emulator("P2test", "K2test", data=data) as emulator, managing(emulator) as session:
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVE, str(data), stderr=asyncio.subprocess.PIPE
        )
        _, errors = await second.communicate()
        assert second.returncode != 0
        assert f"the data file {data} is in use by another emulator" in errors.decode()
        with pytest.raises(EmulatorError, match="in use by another emulator"):
            await Emulator(data=data).start()
        await post(session, CREATE, {"name": "still here"})


@pytest.mark.parametrize("content", [b"not a database, but long enough to be read as a header" * 9])
async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    data = tmp_path / "precious.txt"
    data.write_bytes(content)
    data.chmod(0o644)
    with pytest.raises(EmulatorError, match="not an emulator's data file"):
        await Emulator(data=data).start()
    assert data.read_bytes() == content
    assert stat.S_IMODE(data.stat().st_mode) == 0o644


async def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "other.db"
    other = sqlite3.connect(data)
    other.execute("CREATE TABLE precious (x)")
    other.commit()
    other.close()
    content = data.read_bytes()
    with pytest.raises(EmulatorError, match="not an emulator's data file"):
        await Emulator(data=data).start()
    assert data.read_bytes() == content
    assert files_in(tmp_path) == [data]


async def test_a_file_of_the_first_schema_is_opened(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    async with Emulator(data=data) as emulator:
        await emulator.rotate_signing_keys()
        before = await emulator.snapshot()
    with sqlite3.connect(data) as older:
        older.execute("UPDATE record SET body = json_remove(body, '$.token_lifetime')")
        older.execute("UPDATE record SET body = json_remove(body, '$.rotation')")
        older.execute("UPDATE record SET body = json_remove(body, '$.kept_secret')")
        older.execute("PRAGMA user_version = 1")
    older.close()
    async with Emulator(data=data) as emulator:
        assert await emulator.snapshot() == before
        await emulator.set_token_lifetime(60)
        await emulator.rotate_signing_keys()
    with sqlite3.connect(data) as newer:
        found = newer.execute("SELECT body FROM record WHERE kind = 'signing_key' ORDER BY rowid")
        assert [json.loads(body)["rotation"] for (body,) in found if "rotation" in body] == [1]
        assert newer.execute("PRAGMA user_version").fetchone() == (4,)
    newer.close()


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    async with Emulator(data=data):
        pass
    newer = sqlite3.connect(data)
    newer.execute("PRAGMA user_version = 99")
    newer.commit()
    newer.close()
    with pytest.raises(EmulatorError, match="another version of the emulator"):
        await Emulator(data=data).start()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE record SET body = '{'",
        "UPDATE record SET body = '[]'",
        "UPDATE record SET body = '{}'",
        "UPDATE record SET body = '{\"unknown\": 1}'",
        "UPDATE record SET body = 7",
        "UPDATE record SET project = 'P404' WHERE kind = 'role'",
        "UPDATE record SET body = CAST(x'ff' AS TEXT)",
        "ALTER TABLE record RENAME COLUMN body TO content",
        "DROP TABLE record",
    ],
)
async def test_a_damaged_file_is_named(tmp_path: Path, statement: str) -> None:
    data = tmp_path / "emulator.db"
    async with Emulator(data=data):
        pass
    with sqlite3.connect(data) as damaged:
        damaged.execute(statement)
        damaged.execute("CREATE TABLE IF NOT EXISTS other (x)")
    damaged.close()
    for _ in range(2):  # the first failure must let go of the file
        with pytest.raises(EmulatorError, match=f"the data file {data} is damaged; name another"):
            await Emulator(data=data).start()


async def test_a_file_whose_mode_cannot_be_set_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(EmulatorError, match="name a file of your own"):
        await Emulator(data=tmp_path / "emulator.db").start()


async def test_places_where_no_file_can_be(tmp_path: Path) -> None:
    for data in (tmp_path, tmp_path / "missing" / "emulator.db", tmp_path / ("x" * 300)):
        with pytest.raises(EmulatorError, match="cannot open the data file"):
            await Emulator(data=data).start()


@pytest.mark.parametrize("mode", [0o644, 0o666])
async def test_a_file_that_others_could_read_is_private_with_all_beside_it(
    tmp_path: Path, mode: int
) -> None:
    data = tmp_path / "emulator.db"
    async with Emulator(data=data) as emulator, managing(emulator) as session:
        await post(session, CREATE, {"name": "k"})
        copies = {each.name: each.read_bytes() for each in files_in(tmp_path)}
    for name, content in copies.items():  # as a crash or a restored backup leaves them
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)
    async with Emulator(data=data) as emulator, managing(emulator) as session:
        await post(session, CREATE, {"name": "k"})
        found = {each.name: stat.S_IMODE(each.stat().st_mode) for each in files_in(tmp_path)}
        assert found == dict.fromkeys(found, 0o600)
        assert len(found) > 1, "SQLite has a second file while it is open"
        assert len((await emulator.snapshot())["accessKeys"]) == 2


async def test_an_empty_file_that_others_could_read_is_private_from_the_first_byte(
    tmp_path: Path,
) -> None:
    data = tmp_path / "emulator.db"
    data.touch(mode=0o644)
    data.chmod(0o644)
    async with Emulator(data=data):
        assert {stat.S_IMODE(each.stat().st_mode) for each in files_in(tmp_path)} == {0o600}


class FullDisk:
    """A limit on the size of files, which writes meet as they meet the end of a disk."""

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)
        signal.signal(signal.SIGXFSZ, self._handler)


async def test_a_full_disk_refuses_changes_until_there_is_space(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "emulator.db"
    async with Emulator(data=data) as emulator, managing(emulator) as session:
        kept = await post(session, CREATE, {"name": "kept"})
        key_id = kept["key"]["id"]
        await exchange(emulator, kept["cleartext"])  # there is a signing key now
        with FullDisk():
            for _ in range(5):
                async with session.post(CREATE, json={"name": "lost"}) as response:
                    assert response.status == 507
                    text = await response.text()
            assert "cannot be written" in text
            assert "cleartext" not in text
            with pytest.raises(EmulatorError, match="cannot be written"):
                await emulator.create_tenant("lost")
            async with session.post("/v1/mgmt/accesskey/rotate", json={"id": key_id}) as response:
                assert response.status == 507
            # What is only read is answered, with what the file holds.
            assert (await post(session, SEARCH, {}))["keys"] == [kept["key"]]
            assert (await exchange(emulator, kept["cleartext"]))["keyId"] == key_id
        fresh = await post(session, CREATE, {"name": "fresh"})
        before = await emulator.snapshot()
        assert [key["name"] for key in before["accessKeys"]] == ["kept", "fresh"]
        assert before["tenants"] == []
    errors = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert "refused with 507" in errors[0].getMessage()
    assert errors[0].exc_info is None
    async with Emulator(data=data) as again:
        assert await again.snapshot() == before
        assert (await exchange(again, fresh["cleartext"]))["keyId"] == fresh["key"]["id"]


async def test_an_emulator_ends_on_a_full_disk(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    emulator = Emulator(data=data)
    await emulator.start()
    async with managing(emulator) as session:
        with FullDisk():
            async with session.post(CREATE, json={"name": "lost"}) as response:
                assert response.status == 507
            await emulator.aclose()
    async with Emulator(data=data) as again:
        assert (await again.snapshot())["accessKeys"] == []


async def test_all_who_wait_for_a_write_that_fails_are_refused(tmp_path: Path) -> None:
    async with Emulator(data=tmp_path / "emulator.db") as emulator, managing(emulator) as session:

        async def create(number: int) -> int:
            async with session.post(CREATE, json={"name": f"k{number}"}) as response:
                await response.read()
                return response.status

        with FullDisk():
            statuses = await asyncio.gather(*map(create, range(30)))
        assert set(statuses) == {507}
        assert (await emulator.snapshot())["accessKeys"] == []
        assert set(await asyncio.gather(*map(create, range(30)))) == {200}
        assert len((await emulator.snapshot())["accessKeys"]) == 30


async def test_text_that_cannot_be_stored_is_refused_and_stops_nothing(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    async with Emulator(data=data) as emulator, managing(emulator) as session:
        body = b'{"id": "\\ud800", "name": "x"}'
        async with session.post("/v1/mgmt/tenant/create", data=body) as response:
            assert response.status == 400
        with pytest.raises(EmulatorError, match="not valid JSON"):
            await emulator.create_tenant("\udfff")
        with pytest.raises(EmulatorError, match="a object is no JSON value"):
            await emulator.create_tenant("t", object())  # type: ignore[arg-type]  # to be refused
        await emulator.create_tenant("kept")
    async with Emulator(data=data) as again:
        assert [each["id"] for each in (await again.snapshot())["tenants"]] == ["kept"]


async def test_a_write_that_fails_is_undone_as_a_whole(tmp_path: Path) -> None:
    data_file = DataFile(tmp_path / "emulator.db")
    data_file.note(Change("tenant", "P1", "kept", "{}"))
    await data_file.settle(0)
    data_file.note(Change("tenant", "P1", "undone", "{}"))
    data_file.note(Change("tenant", "P1", "\ud800", "{}"))
    with pytest.raises(EmulatorError, match=r"cannot be written: .*surrogates"):
        await data_file.settle(0)
    assert data_file.failures == 1
    await data_file.settle(1)
    await data_file.aclose()
    again = DataFile(tmp_path / "emulator.db")
    assert [change.id for change in again.changes()] == ["kept"]
    await again.aclose()


async def test_a_caller_that_gives_up_leaves_the_others_alone(tmp_path: Path) -> None:
    async with Emulator(data=tmp_path / "emulator.db") as emulator:
        given_up = [asyncio.create_task(emulator.create_tenant(f"t{n}")) for n in range(20)]
        await asyncio.sleep(0)
        for task in given_up:
            task.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
        await emulator.create_tenant("last")
        before = await emulator.snapshot()
        project_id = emulator.project_id
    async with Emulator(project_id, data=tmp_path / "emulator.db") as emulator:
        assert await emulator.snapshot() == before

"""The file that keeps the fetched signing keys."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import descope_async
from descope_async.emulator import Clock, Fault
from descope_async.emulator.mint import TokenMint
from descope_async.testing import EmulatorClock
from descope_sync import ConfigurationError, DescopeClient, KeySetUnavailable, UnknownKey
from descope_sync.emulator import Emulator
from tests.servers import Servers


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "keys.json"


def token_of(emulator: Emulator) -> str:
    with client_of(emulator) as client:
        key = client.mgmt.access_key.create("k")
        return (client.exchange_access_key(key.cleartext)).jwt


def client_of(emulator: Emulator, file: Path | None = None, **given: Any) -> DescopeClient:
    settings: dict[str, Any] = {
        "base_url": emulator.base_url,
        "key_set_file": file,
        "clock": EmulatorClock(emulator.clock),
        "retries": {"attempts": 1},
    }
    return DescopeClient(emulator.project_id, emulator.management_key, **{**settings, **given})


def validate(emulator: Emulator, file: Path, token: str, **given: Any) -> None:
    with client_of(emulator, file, **given) as client:
        client.validate_session(token)


def test_the_next_process_begins_with_it(emulator: Emulator, file: Path) -> None:
    token = token_of(emulator)
    validate(emulator, file, token)
    fetches = emulator.requests.count("key_set")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = json.loads(file.read_text())
    assert kept["project_id"] == emulator.project_id
    assert kept["base_url"] == emulator.base_url
    assert kept["fetched_at"] == pytest.approx(emulator.clock.now(), abs=60)
    emulator.faults.add(Fault("status", "key_set"))
    validate(emulator, file, token)
    assert emulator.requests.count("key_set") == fetches
    assert [each.name for each in file.parent.iterdir()] == [file.name]  # no draft is left


def test_nobody_else_can_put_another_one_there(emulator: Emulator, file: Path) -> None:
    token = token_of(emulator)
    before = os.umask(0)
    try:
        validate(emulator, file.parent / "below" / file.name, token)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (file.parent, file.parent / "below")]
    assert modes == [0o700, 0o700]


def test_it_is_read_at_the_first_use(emulator: Emulator, file: Path) -> None:
    token = token_of(emulator)
    with client_of(emulator, file) as early, client_of(emulator, file) as client:
        early.validate_session(token)
        emulator.faults.add(Fault("status", "key_set"))
        assert client.validate_session_nowait(token) is None
        client.validate_session(token)
        assert client.validate_session_nowait(token) is not None


def test_old_keys_are_renewed_in_the_background(emulator: Emulator, file: Path) -> None:
    token = token_of(emulator)
    validate(emulator, file, token)
    emulator.clock.advance(3600)
    token = token_of(emulator)
    written = json.loads(file.read_text())["fetched_at"]
    with client_of(emulator, file) as client:
        client.validate_session(token)
        while json.loads(file.read_text())["fetched_at"] == written:
            client.validate_session(token)


def test_nothing_is_trusted_for_more_than_a_day(emulator: Emulator, file: Path) -> None:
    token = token_of(emulator)
    validate(emulator, file, token)
    emulator.faults.add(Fault("status", "key_set"))
    kept = json.loads(file.read_text())
    for age, is_trusted in ((86_000, True), (86_500, False), (-200, True), (-400, False)):
        kept["fetched_at"] = emulator.clock.now() - age
        file.write_text(json.dumps(kept))
        if is_trusted:
            validate(emulator, file, token)
        else:
            with pytest.raises(KeySetUnavailable):
                validate(emulator, file, token)
    kept["fetched_at"] = emulator.clock.now() - 86_000
    file.write_text(json.dumps(kept))
    with client_of(emulator, file) as client:
        client.validate_session(token)
        emulator.clock.advance(500)
        emulator.faults.clear()
        token = token_of(emulator)
        emulator.faults.add(Fault("status", "key_set"))
        with pytest.raises(KeySetUnavailable):
            client.validate_session(token)


def test_a_token_with_an_unknown_key_is_searched_for(emulator: Emulator, file: Path) -> None:
    token = token_of(emulator)
    validate(emulator, file, token)
    emulator.rotate_and_revoke_signing_keys()
    new = token_of(emulator)
    validate(emulator, file, new)
    with pytest.raises(UnknownKey):
        validate(emulator, file, token)


def shared(file: Path) -> None:
    file.chmod(0o620)


def of_another_project(file: Path) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "project_id": "P2"}))


def of_another_address(file: Path) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "base_url": "https://x.example"}))


def no_file(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (shared, "can be written by others"),
        (of_another_project, "for the project P2"),
        (of_another_address, "for the address https://x.example"),
        (no_file, "is not a file"),
    ],
)
def test_keys_of_others_are_refused(
    emulator: Emulator, file: Path, spoil: Callable[[Path], None], why: str
) -> None:
    token = token_of(emulator)
    validate(emulator, file, token)
    spoil(file)
    with client_of(emulator, file) as client:
        with pytest.raises(ConfigurationError, match=why):
            client.validate_session(token)
        file.unlink()
        client.validate_session(token)
        assert json.loads(file.read_text())["project_id"] == emulator.project_id


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_user_is_refused(emulator: Emulator, file: Path) -> None:
    token = token_of(emulator)
    validate(emulator, file, token)
    os.chown(file, 12345, -1)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        validate(emulator, file, token)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"project_id": 5}', "null", "x" * 600_000, "a key set", "a time"],
)
def test_a_damaged_file_is_passed_over(
    emulator: Emulator, file: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = token_of(emulator)
    validate(emulator, file, token)
    whole = file.read_text()
    if content == "a key set":
        content = json.dumps({**json.loads(whole), "key_set": "{}"})
    if content == "a time":
        content = json.dumps({**json.loads(whole), "fetched_at": 10**400})
    file.write_text(content)
    validate(emulator, file, token)
    assert "is damaged" in caplog.text
    assert json.loads(file.read_text())["key_set"] == json.loads(whole)["key_set"]


def test_a_folder_in_the_place_of_the_file_is_one_warning(
    emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with DescopeClient(
        emulator.project_id, base_url=emulator.base_url, key_set_file=tmp_path / "keys"
    ) as client:
        (tmp_path / "keys").mkdir()
        client.validate_session(token_of(emulator))
    told = [record.levelname for record in caplog.records if record.name == "descope_async"]
    assert told == ["WARNING"]


def test_a_folder_that_cannot_be_written_is_one_warning(
    emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in the way").write_text("")
    token = token_of(emulator)
    with client_of(emulator, tmp_path / "in the way" / "keys.json") as client:
        client.validate_session(token)
        for _ in range(3):
            client.refresh_key_set()
    warned = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert len(warned) == 1
    assert "cannot be" in warned[0].getMessage()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"key_set_file": 5}, "must be the path of a file"),
        ({"key_set_file": b"x"}, "must be the path of a file"),
        ({"key_set_file": "a\0b"}, "must be the path of a file"),
        ({"key_set_file": "\ud800"}, "must be the path of a file"),
        ({"key_set_file": "/tmp"}, "is a folder"),  # noqa: S108 - it is there everywhere
        ({"key_set_file": "x", "public_key": "{}"}, "no use beside public_key"),
    ],
)
def test_a_file_that_cannot_be(given: Any, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        DescopeClient("P1", **given)


async def test_the_age_that_a_cache_tells_counts() -> None:
    """RFC 9111 section 4.2.3: keys that a cache has kept are not fresh for as long."""
    clock = Clock()
    mint = TokenMint("P1", clock)
    caching = Servers.answer(
        "200 OK", mint.key_set.encode(), "Cache-Control: max-age=3600", "Age: 3000"
    )
    async with (
        Servers.running(caching) as server,
        descope_async.DescopeClient(
            "P1", base_url=server.base_url, clock=EmulatorClock(clock)
        ) as client,
    ):
        await client.validate_session(mint.token())
        clock.advance(200)
        assert client.validate_session_nowait(mint.token()) is not None
        clock.advance(800)
        assert client.validate_session_nowait(mint.token()) is None

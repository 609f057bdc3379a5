"""``~`` is the home folder, as in a shell, wherever somebody writes a path."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from descope_async import (
    ConfigurationError,
    DescopeClient,
    EnvironmentVariable,
    SecretReference,
    write_secret,
)
from descope_async.batch import Batch, read_journal
from descope_async.emulator import Emulator
from descope_async.emulator.errors import EmulatorError
from descope_async.integrations.sqlite import SQLiteReplayStore
from descope_async.secret_stores import SecretEntry, open_store, read_secret
from tests.clients import client_of

KEY = "K2presentedKeyOfSomebody"
ENTRY = SecretEntry(cleartext=KEY, key_id="K1", name="n", label="n", fingerprint="0" * 16)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(signing_algorithm="ES256") as emulator:
        yield emulator


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home folder, which is not where the process works."""
    home, work = tmp_path / "home", tmp_path / "work"
    for folder in (home, work):
        folder.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    return home


async def key_set_file(emulator: Emulator) -> None:
    async with client_of(emulator, key_set_file="~/made") as client:
        await client.refresh_key_set()


async def secret(_: Emulator) -> None:
    write_secret("~/made", KEY)


async def secret_of_a_path(_: Emulator) -> None:
    write_secret(Path("~/made"), KEY)


async def journal(emulator: Emulator) -> None:
    async with client_of(emulator) as client:
        batch = Batch(client, journal="~/made", sinks=["file:~/secret-{id}.json"])
        report = await batch.create([{"name": "n"}])
        assert [each.outcome for each in read_journal("~/made")] == ["done"]
    assert report.done == 1


async def report(emulator: Emulator) -> None:
    async with client_of(emulator) as client:
        batch = Batch(client, journal="journal", sinks=["jsonl:~/secrets.jsonl"], report="~/made")
        await batch.create([{"name": "n"}])


async def used_proofs(_: Emulator) -> None:
    store = SQLiteReplayStore("~/made")
    await store.first_use("id", 60)
    store.close()


async def data_of_an_emulator(_: Emulator) -> None:
    async with Emulator(signing_algorithm="ES256", data="~/made"):
        pass


MAKE: list[Callable[[Emulator], Coroutine[Any, Any, None]]] = [
    key_set_file,
    secret,
    secret_of_a_path,
    journal,
    report,
    used_proofs,
    data_of_an_emulator,
]


@pytest.mark.parametrize("make", MAKE)
async def test_a_file_is_made_in_the_home_folder(
    make: Callable[[Emulator], Coroutine[Any, Any, None]], emulator: Emulator, home: Path
) -> None:
    await make(emulator)
    assert (home / "made").is_file()
    assert "~" not in os.listdir()  # noqa: PTH208 - where the process works


@pytest.mark.parametrize(
    ("sink", "file"),
    [
        ("file:~/keys/{id}.json", "keys/K1.json"),
        ("file:~/keys/{id}", "keys/K1"),
        ("dotenv:~/keys/.env#KEY", "keys/.env"),
        ("jsonl:~/keys/all.jsonl", "keys/all.jsonl"),
    ],
)
async def test_a_store_is_in_the_home_folder(
    sink: str, file: str, emulator: Emulator, home: Path
) -> None:
    store = open_store(sink)
    store.check(1)
    place = store.place("K1", "n")
    store.put(place, ENTRY, overwrite=False, pending=False)
    assert (home / file).is_file()
    assert "~" not in os.listdir()  # noqa: PTH208 - as above
    written = place.replace(str(home), "~")
    assert written != place
    assert read_secret(place) == read_secret(written) == KEY
    assert SecretReference.parse(written).read() == KEY
    async with client_of(emulator) as client:
        client.token_source(SecretReference.parse(written))


async def test_a_key_is_read_from_the_home_folder(
    emulator: Emulator, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(emulator) as client:
        created = await client.mgmt.access_key.create("n")
        write_secret(home / "key", created.cleartext)
        monkeypatch.setenv("BILLING_KEY_FILE", "~/key")
        for source in (
            Path("~/key"),
            EnvironmentVariable("BILLING_KEY"),
            SecretReference.parse("env:BILLING_KEY"),
        ):
            assert await client.token_source(source).token()
    write_secret(home / "management", emulator.management_key)
    monkeypatch.setenv("DESCOPE_MANAGEMENT_KEY_FILE", "~/management")
    async with DescopeClient(emulator.project_id, base_url=emulator.base_url) as client:
        await client.mgmt.access_key.load(created.key.id)


async def test_a_seed_is_read_from_the_home_folder(home: Path) -> None:
    (home / "seed.json").write_text('{"tenants": [{"id": "T1", "name": "One"}]}', encoding="utf-8")
    async with Emulator(signing_algorithm="ES256", seed="~/seed.json") as emulator:
        assert emulator.project_id


@pytest.mark.usefixtures("home")
def test_a_file_of_that_name_is_written_with_its_folder() -> None:
    write_secret("./~key", KEY)
    assert Path("~key").read_text(encoding="utf-8") == KEY


def test_without_a_home_folder_it_is_refused(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such home folder"):
        write_secret("~nobody-of-this-name/key", KEY)
    for take in (
        lambda path: DescopeClient("P1", key_set_file=path),
        lambda path: open_store(f"file:{path}"),
        lambda path: SecretReference.parse(f"file:{path}"),
        SQLiteReplayStore,
        read_journal,
    ):
        with pytest.raises(ConfigurationError, match="no such home folder"):
            take("~nobody-of-this-name/key")
    with pytest.raises(EmulatorError, match="no such home folder"):
        Emulator(data="~nobody-of-this-name/key")
    assert list(home.iterdir()) == []

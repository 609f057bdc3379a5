"""Where secrets are kept, and how they get there."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import descope_sync
from descope_async import (
    ConfigurationError,
    DescopeClient,
    EnvironmentVariable,
    InvalidArgument,
    SecretReference,
    write_secret,
)
from descope_async.emulator import Emulator
from descope_async.secret_stores import SecretStoreError, open_store

CANARY = "K2canarySecretThatMustNotShow"


#: Without its types: whoever only checks types need not have it.
keyring: Any = import_module("keyring")


@pytest.fixture
def chest(tmp_path: Path) -> Iterator[None]:
    """The keyring of the library's that keeps entries in a file."""
    before = keyring.get_keyring()
    chest = import_module("keyrings.alt.file").PlaintextKeyring()
    chest.file_path = str(tmp_path / "keyring.cfg")
    keyring.set_keyring(chest)
    yield
    keyring.set_keyring(before)


@pytest.mark.parametrize(
    ("text", "scheme", "location"),
    [
        ("env:DESCOPE_ACCESS_KEY", "env", "DESCOPE_ACCESS_KEY"),
        (" file:/run/secrets/key\n", "file", "/run/secrets/key"),
        ("file:key", "file", "key"),
        ("dotenv:.env#DESCOPE_ACCESS_KEY", "dotenv", ".env#DESCOPE_ACCESS_KEY"),
        ("keyring:descope/billing", "keyring", "descope/billing"),
    ],
)
def test_a_reference_is_a_scheme_and_a_location(text: str, scheme: str, location: str) -> None:
    reference = SecretReference.parse(text)
    assert (reference.scheme, reference.location) == (scheme, location)
    assert str(reference) == text.strip()
    assert reference == SecretReference.parse(str(reference))
    assert len({reference, SecretReference.parse(text)}) == 1


@pytest.mark.parametrize(
    "text",
    [CANARY, f"{CANARY}:x", "", "file:", "ftp:x", "env:", "env:A B", "keyring:descope", "dotenv:.env",
     "exec:pass show descope", "file:/keys/{id}.json", 5, None],
)  # fmt: skip
def test_what_is_no_reference_is_refused_without_showing_it(text: Any) -> None:
    with pytest.raises((InvalidArgument, ConfigurationError)) as caught:
        SecretReference.parse(text)
    assert CANARY not in str(caught.value)


def test_a_file_holds_the_secret_or_what_a_sink_writes(tmp_path: Path) -> None:
    path = tmp_path / "key"
    reference = SecretReference.parse(f"file:{path}")
    sunk = json.dumps({"id": "K1", "cleartext": CANARY})
    bare = [CANARY, f"{CANARY}\r\n", f'ACCESS_KEY="{CANARY}"', sunk]
    for text in bare:
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            path.write_text(text, encoding=encoding)
            assert reference.read() == CANARY, (text, encoding)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xff\x00\xff", "no secret"),
        (b'{"id": "K1"}', "no secret"),
        (b"xxxx", "placeholder"),
        (b"A=1\nB=2\n", "several lines"),
    ],
)
def test_a_file_without_a_secret_is_told_of(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SecretStoreError, match=said) as caught:
        SecretReference.parse(f"file:{path}").read()
    assert str(path) in str(caught.value)


def test_a_variable_or_the_file_that_its_twin_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = SecretReference.parse("env:BILLING_KEY")
    with pytest.raises(SecretStoreError, match="neither it nor BILLING_KEY_FILE is set"):
        reference.read()
    monkeypatch.setenv("BILLING_KEY", f"'{CANARY}'")
    assert reference.read() == CANARY
    monkeypatch.setenv("BILLING_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(ConfigurationError, match="both set"):
        reference.read()
    monkeypatch.setenv("BILLING_KEY", "")
    with pytest.raises(
        ConfigurationError, match=r"BILLING_KEY_FILE names .*key, which cannot be read"
    ):
        reference.read()
    write_secret(tmp_path / "key", CANARY)
    assert reference.read() == CANARY


@pytest.mark.usefixtures("chest")
def test_the_keyring() -> None:
    keyring.set_password("descope", "billing", CANARY)
    assert SecretReference.parse("keyring:descope/billing").read() == CANARY
    with pytest.raises(SecretStoreError, match="nothing of that name"):
        SecretReference.parse("keyring:descope/other").read()


def test_an_environment_is_no_sink() -> None:
    with pytest.raises(SecretStoreError, match="can only be read"):
        open_store("env:A").check(1)


@pytest.mark.usefixtures("chest")
async def test_a_source_reads_each_kind_again_when_the_key_is_rotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, dotenv = tmp_path / "key", tmp_path / ".env"
    monkeypatch.setenv("MOUNTED_FILE", str(path))

    def keep(secret: str) -> None:
        write_secret(path, secret)
        dotenv.write_text(f"OTHER=1\nBILLING='{secret}'\n")
        monkeypatch.setenv("BILLING", secret)
        keyring.set_password("descope", "billing", secret)

    places = [
        "env:BILLING",
        "env:MOUNTED",
        f"file:{path}",
        f"dotenv:{dotenv}#BILLING",
        "keyring:descope/billing",
    ]
    async with (
        Emulator(signing_algorithm="ES256") as emulator,
        DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        ) as client,
    ):
        created = await client.mgmt.access_key.create("n")
        keep(created.cleartext)
        sources = [client.token_source(SecretReference.parse(place)) for place in places]
        sources += [client.token_source(EnvironmentVariable("MOUNTED")), client.token_source(path)]
        first = [await source.token() for source in sources]
        keep((await client.mgmt.access_key.rotate(created.key.id)).cleartext)
        for source, token in zip(sources, first, strict=True):
            source.invalidate(token)
            assert await source.token() != token


@pytest.mark.parametrize(
    "source",
    [SecretReference.parse("env:NOT_SET"), SecretReference.parse("file:not-there"), EnvironmentVariable("NOT_SET")],
    ids=str,
)  # fmt: skip
async def test_a_source_says_where_there_is_no_key(source: Any) -> None:
    async with DescopeClient("P1", base_url="http://127.0.0.1:9") as client:
        with pytest.raises(ConfigurationError, match=r"NOT_SET|not-there"):
            await client.token_source(source).token()


@pytest.mark.parametrize("package", ["descope_async", "descope_sync"])
def test_a_string_that_looks_like_a_reference_is_refused_before_anything_is_sent(
    package: str,
) -> None:
    client = (DescopeClient if package == "descope_async" else descope_sync.DescopeClient)(
        "P1", base_url="http://127.0.0.1:9"
    )
    with pytest.raises(InvalidArgument, match="looks like a reference"):
        client.token_source("file:/run/secrets/key")
    with pytest.raises(InvalidArgument, match="path of a file"):
        client.token_source("/run/secrets/key")
    with pytest.raises(ConfigurationError, match="management_key looks like a reference"):
        DescopeClient("P1", "env:DESCOPE_MANAGEMENT_KEY")


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "xxxx",
        "file:/x",
        "a\nb",
        "two words",
        "K2\0",
        "K2\xe9",
        "\ud800",
        "K" * 4097,
        b"K2a",
        None,
        5,
    ],
)
def test_only_what_can_be_read_again_is_written(tmp_path: Path, secret: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^secret "):
        write_secret(tmp_path / "key", secret)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["file", "jsonl", "dotenv", "env", "keyring"])
def test_a_reference_holds_no_nul(scheme: str) -> None:
    with pytest.raises((ConfigurationError, InvalidArgument), match="NUL"):
        SecretReference.parse(f"{scheme}:a\0b#N/x").read()


@pytest.mark.parametrize("held", ["two words", "K2\0", "K" * 4097])
def test_what_no_key_looks_like_is_not_read(tmp_path: Path, held: str) -> None:
    (tmp_path / "key").write_text(held)
    with pytest.raises(SecretStoreError, match="what it holds"):
        SecretReference.parse(f"file:{tmp_path / 'key'}").read()


@pytest.mark.parametrize(
    "path", ["", "a\0b", "\ud800", b"bytes", 5, None, "~no-such-user/x", "/no/such/folder/x"]
)
def test_what_names_no_file_is_refused_without_showing_the_secret(path: Any) -> None:
    why = r"^path must be the path of a file|no such home folder|No such file"
    with pytest.raises((InvalidArgument, SecretStoreError), match=why) as caught:
        write_secret(path, CANARY)
    shown = traceback.TracebackException.from_exception(
        caught.value.with_traceback(caught.tb.tb_next), capture_locals=True
    )
    assert CANARY not in "".join(shown.format())

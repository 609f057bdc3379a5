"""A file with a secret is written whole or not at all, for nobody else to read."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from descope_async import write_secret
from descope_async._files.private_files import replace_whole
from descope_async.secret_stores import SecretStoreError

CANARY = "K2canarySecretThatMustNotShow"


def test_a_written_secret_is_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)
    write_secret(path, CANARY)
    write_secret(str(path), f"{CANARY}2")
    assert path.read_text() == f"{CANARY}2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_finds_the_old_secret_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "key"
    secrets = {f"{CANARY}{number}" * 50 for number in range(10)}
    write_secret(path, next(iter(secrets)))
    seen, is_over = set[str](), threading.Event()

    def look() -> None:
        while not is_over.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(10):
        for secret in secrets:
            write_secret(path, secret)
    is_over.set()
    reader.join(60)
    assert seen <= secrets
    assert seen


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    with pytest.raises(SecretStoreError, match="No such file") as caught:
        write_secret(tmp_path / "not-there" / "key", CANARY)
    assert CANARY not in str(caught.value)
    target = tmp_path / "target"
    target.write_text("old")
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(SecretStoreError):
        write_secret(tmp_path / "link", CANARY)
    assert target.read_text() == "old"


def test_the_way_of_windows_replaces_whole_too(tmp_path: Path) -> None:
    path, draft = tmp_path / "key", tmp_path / "draft"
    replace_whole(path, draft, b"1", overwrite=False)
    replace_whole(path, draft, b"2", overwrite=True)
    with pytest.raises(FileExistsError):
        replace_whole(path, draft, b"3", overwrite=False)
    with pytest.raises(OSError, match="No such file"):
        replace_whole(
            tmp_path / "folder" / "key", tmp_path / "folder" / "draft", b"4", overwrite=True
        )
    assert path.read_bytes() == b"2"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("\N{GREEK SMALL LETTER ALPHA}" * 127)  # 254 bytes
    write_secret(path, CANARY)
    assert path.read_text() == CANARY

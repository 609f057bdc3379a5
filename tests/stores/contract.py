"""What every store has to do, whatever it stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from descope_async import DescopeClient
from descope_async.batch import Batch
from descope_async.secret_stores import SecretEntry, SecretStoreError, open_store, read_secret


def entry(cleartext: str, key_id: str = "K2abc", label: str = "billing") -> SecretEntry:
    """A secret to keep."""
    return SecretEntry(
        cleartext=cleartext, key_id=key_id, name=label, label=label, fingerprint="0" * 16
    )


def keeps_its_word(reference: str) -> None:
    """Keep, refuse, replace and promote secrets.

    Args:
        reference: The store, whose places are by label.
    """
    store = open_store(reference)
    store.check(3)
    place = store.place("K2abc", "billing")
    assert store.is_free(place)
    store.put(place, entry("first"), overwrite=False, pending=False)
    assert not store.is_free(place)
    assert store.get(place) == read_secret(place) == "first"
    store.put(place, entry("first"), overwrite=False, pending=False)  # as after a lost answer

    with pytest.raises(SecretStoreError, match="there is something already"):
        store.put(place, entry("other", "K2other"), overwrite=False, pending=False)
    assert store.get(place) == "first"
    store.put(place, entry("second"), overwrite=True, pending=False)
    assert store.get(place) == "second"

    store.put(place, entry("third", "K2new"), overwrite=True, pending=True)
    assert (store.get(place), store.get(place, pending=True)) == ("second", "third")
    for _ in range(2):
        store.promote(place, "K2new")
        assert read_secret(place) == "third"

    with pytest.raises(SecretStoreError):
        store.get(store.place("K2none", "nothing"))


def names_are_kept_apart(reference: str) -> None:
    """Names that hardly differ have places of their own."""
    store = open_store(reference)
    store.check(8)
    labels = ["a/b", "a-b", "a.b", "a b", "ü", "x" * 1000, "x" * 1001, "A_b"]
    for number, label in enumerate(labels):
        place = store.place(f"K2{number}", label)
        store.put(
            place, entry(f"secret-{number}", f"K2{number}", label), overwrite=False, pending=False
        )
    for number, label in enumerate(labels):
        assert read_secret(store.place(f"K2{number}", label)) == f"secret-{number}"


def carries_batch_work(client: DescopeClient, folder: Path, reference: str) -> None:
    """Keys are created, rotated and replaced, and what the report names can be read."""

    async def run() -> None:
        async with client:
            options: dict[str, Any] = {"rate": None, "prove": True}
            created = await Batch(client, folder / "create", reference, **options).create(
                {"name": f"machine-{number}"} for number in range(6)
            )
            assert created.is_complete, created.failures
            keys = await client.mgmt.access_key.search_all_access_keys()
            rotated = await Batch(client, folder / "rotate", reference, **options).rotate(keys)
            assert rotated.is_complete, rotated.failures
            batch = Batch(client, folder / "replace", reference, **options)
            replaced = await batch.replace(keys, 2_000_000_000, grace=0, delete_after=0)
            replaced = await batch.resume()
            replaced = await batch.resume()
            assert replaced.is_complete, replaced.failures

    anyio.run(run)

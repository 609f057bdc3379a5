"""Operations on thousands of access keys: create, rotate, replace and more, without losing a secret.

async with DescopeClient() as client:
    batch = Batch(client, "provision.journal", "file:keys/{id}.json")
    report = await batch.create({"name": f"machine-{number}"} for number in range(500))

A run that was interrupted goes on when the same call is made again.
"""

from __future__ import annotations

from descope_async.secret_stores import SecretEntry, SecretStore, SecretStoreError

from ._batch import Batch
from ._errors import (
    BatchError,
    JournalDamaged,
    JournalError,
    JournalLocked,
    JournalMismatch,
    JournalUnbegun,
)
from ._items import KeyChange, NewKey
from ._progress import Progress
from ._report import BatchReport, KeyOutcome, read_journal
from ._run import StoredKey
from ._stop_errors import BatchInterrupted, BatchStopped

__all__ = [
    "Batch",
    "BatchError",
    "BatchInterrupted",
    "BatchReport",
    "BatchStopped",
    "JournalDamaged",
    "JournalError",
    "JournalLocked",
    "JournalMismatch",
    "JournalUnbegun",
    "KeyChange",
    "KeyOutcome",
    "NewKey",
    "Progress",
    "SecretEntry",
    "SecretStore",
    "SecretStoreError",
    "StoredKey",
    "read_journal",
]

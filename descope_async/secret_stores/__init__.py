"""Where secrets of access keys are kept: written by batch work, read by token sources.

A place is written as ``scheme:location``, such as ``file:/etc/keys/K2abc.json``; `SecretReference`
is what a token source takes. In a sink of batch
work the location may hold ``{id}`` or ``{label}``, which stand for the key. `SecretStore` is what a
store of one's own has to be.
"""

from __future__ import annotations

from ._errors import SecretStoreError
from ._schemes import open_store, read_secret
from ._store import SecretEntry, SecretStore

__all__ = ["SecretEntry", "SecretStore", "SecretStoreError", "open_store", "read_secret"]

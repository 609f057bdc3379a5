"""The errors of batch runs.

In a tree, below `DescopeError`::

    BatchError
    ├── JournalError         a journal cannot be used; nothing was called because of it
    │   ├── JournalLocked    another process works with it
    │   ├── JournalDamaged   it was edited, or a part of it is lost; says from which line on
    │   ├── JournalMismatch  it is another project's, another version's, or of other work
    │   └── JournalUnbegun   its run was ended before the first call, so there is nothing to resume
    ├── KeyNotSuited         a key is in a state in which the operation makes no sense
    ├── SecretRefused        the service does not take a secret that it gave out
    └── BatchStopped         the run ended before all was done; the report says how far it came
        └── BatchInterrupted by a signal

An argument that cannot be right is an `InvalidArgument`, and a sink that cannot keep secrets a
`SecretStoreError`, both before the first call.
"""

from __future__ import annotations

from descope_async.errors import DescopeError


class BatchError(DescopeError):
    """Base of the errors of batch runs."""


class JournalError(BatchError):
    """A journal cannot be used.

    Attributes:
        path: The journal.
    """

    path: str

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(f"the journal {path} {problem}")
        self.path = str(path)
        self._problem = problem

    def __reduce__(self) -> tuple[type[JournalError], tuple[str, str]]:
        return type(self), (self.path, self._problem)


class JournalLocked(JournalError):
    """Another process works with the journal, or did so on another machine and never ended."""


class JournalDamaged(JournalError):
    """A line of the journal is not as it was written."""


class JournalMismatch(JournalError):
    """The journal is about other work: another project, version, operation or other keys."""


class JournalUnbegun(JournalError):
    """The run was ended before its first call. Start it again with the same journal."""


class KeyNotSuited(BatchError):
    """The operation cannot be done with a key in its present state."""


class SecretRefused(BatchError):
    """The service refuses a secret that it gave out. Somebody rotated the key meanwhile."""

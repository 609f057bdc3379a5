"""What goes wrong with a store."""

from __future__ import annotations

from descope_async.errors import DescopeError


class SecretStoreError(DescopeError):
    """A store cannot be used, or cannot keep or show a secret. The message says which and why.

    Args:
        place: The place or the store, as ``scheme:location``.
        problem: What is wrong with it. No secret is part of it.

    Attributes:
        place: The place or the store.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self._problem = problem

    def __reduce__(self) -> tuple[type[SecretStoreError], tuple[str, str]]:
        return type(self), (self.place, self._problem)

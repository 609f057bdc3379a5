"""Refuses to put a secret into a file that something else writes too, and so would lose it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path

from descope_async._files.paths import canonical
from descope_async.secret_stores import SecretStoreError


class FilesInUse:
    """Which places of secrets are in such files.

    Args:
        own: The files that the run itself writes.
        folder: The folder whose files are all its own.
    """

    def __init__(self, own: Sequence[Path], folder: Path) -> None:
        self._own = frozenset(map(canonical, (*own, folder)))
        self._names = frozenset(each.name.casefold() for each in own)
        self._folder = folder.name.casefold()
        self._hints = (*self._names, self._folder)

    def refuse(self, places: Sequence[str]) -> None:
        """Check the places of one secret.

        Raises:
            SecretStoreError: One is in a file of the run itself, or two of different kinds are in
                one file, which each would write in its own way.
        """
        for place in places:
            folded = place.casefold()
            # Most places show at a glance that they are elsewhere.
            if any(each in folded for each in self._hints) and any(
                map(self._is_own, _files(place))
            ):
                raise SecretStoreError(place, "the run itself writes that file")
        for place, other in combinations(places, 2):
            # Sinks of one kind know how to share a file.
            if _scheme(place) != _scheme(other) and _is_shared(place, other):
                raise SecretStoreError(place, f"it would share its file with {other}")

    def _is_own(self, file: str) -> bool:
        folder, name = os.path.split(file)
        # Only for few of many keys, the file system has to be asked.
        if name.casefold() in self._names or self._folder in folder.casefold():
            return not self._own.isdisjoint({canonical(file), canonical(folder)})
        return False


def _scheme(place: str) -> str:
    return place.partition(":")[0]


def _files(place: str) -> tuple[str, str]:
    """The files that a place may be: its whole location, or what comes before the name of an entry."""
    location = place.partition(":")[2]
    return location, location.rpartition("#")[0]


def _is_shared(place: str, other: str) -> bool:
    for file, another in product(_files(place), _files(other)):
        is_alike = file and Path(file).name.casefold() == Path(another).name.casefold()
        if is_alike and canonical(file) == canonical(another):
            return True
    return False

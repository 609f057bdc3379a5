"""Table: the records of one kind, each change of which goes to the data file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import attrs

from .data_file import Change, DataFile


class Record(attrs.AttrsInstance, Protocol):
    """Anything that a table holds: an attrs class with an id."""

    @property
    def id(self) -> str:
        """What it is found by."""
        ...


R = TypeVar("R", bound=Record)


class Table(Generic[R]):
    """The records of one kind, by id and by alias, in the order in which they came.

    Every change is noted in the data file, if there is one.
    """

    def __init__(
        self,
        kind: str,
        project_id: str,
        data_file: DataFile | None,
        aliases: Callable[[R], list[str]] = lambda _: [],
    ) -> None:
        self._kind = kind
        self._project_id = project_id
        self._data_file = data_file
        self._aliases_of = aliases
        self._records: dict[str, R] = {}
        self._ids: dict[str, str] = {}

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._records.values()))

    def get(self, id: str) -> R | None:
        """The record of this id."""
        return self._records.get(id)

    def find(self, alias: str) -> R | None:
        """The record of this alias."""
        found = self._ids.get(alias)
        return None if found is None else self._records[found]

    def hold(self, record: R) -> None:
        """Keep a record that the data file has already."""
        self._forget_aliases(record.id)
        self._records[record.id] = record
        self._ids.update(dict.fromkeys(self._aliases_of(record), record.id))

    def clear(self) -> None:
        """Forget all records, of which the data file knows."""
        self._records.clear()
        self._ids.clear()

    def put(self, record: R) -> R:
        """Keep a record, in place of an earlier one of its id."""
        self.hold(record)
        self._note(record.id, record)
        return record

    def remove(self, id: str) -> None:
        """Delete a record."""
        self._forget_aliases(id)
        del self._records[id]
        self._note(id, None)

    def restore(self, records: Sequence[R]) -> None:
        """Hold what was held before, and nothing else."""
        changed = dict(self._records)
        self.clear()
        for record in records:
            self.hold(record)
            if changed.pop(record.id, None) is not record:
                self._note(record.id, record)
        for gone in changed:
            self._note(gone, None)

    def _note(self, id: str, record: R | None) -> None:
        """Tell the data file what became of a record; None for one that is deleted."""
        if self._data_file:
            body = None if record is None else json.dumps(attrs.asdict(record))
            self._data_file.note(Change(self._kind, self._project_id, id, body))

    def _forget_aliases(self, id: str) -> None:
        held = self._records.get(id)
        for alias in self._aliases_of(held) if held else ():
            self._ids.pop(alias, None)

"""What runs that are not finished are still working on, so that no plan comes between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from descope_async.cli.run_folders import RunFolder, open_runs

from .lock_file import LockFile

#: Nothing was made for these keys, so a new plan may take them up.
_NOT_BEGUN: Final = frozenset({"failed", "not done"})
#: Their secrets are where they belong.
_STORED: Final = frozenset({"done", "given up", "waiting", "stored, unproven"})


@frozen
class UnderWay:
    """What runs of a project are about.

    Attributes:
        labels: The labels of the manifest whose keys are not finished, with the name of the run.
        ids: The ids of keys that runs are about: those that they make, and those that they retire.
        learned: Ids of keys by label that a run made, and that the lock file does not know yet because the run
            was killed.
        not_begun: Runs of the manifest with the labels of keys for which nothing was made.
    """

    labels: Mapping[str, str]
    ids: frozenset[str]
    learned: Mapping[str, str]
    not_begun: tuple[tuple[RunFolder, tuple[str, ...]], ...]


def under_way(lock: LockFile) -> UnderWay:
    """What the runs of a project that are not finished are about.

    Args:
        lock: The lock file of the manifest.

    Raises:
        JournalLocked: A process is working on one of them.
        JournalError: A journal cannot be read.
    """
    from descope_async.batch import read_journal

    labels: dict[str, str] = {}
    learned: dict[str, str] = {}
    ids: set[str] = set()
    not_begun: list[tuple[RunFolder, tuple[str, ...]]] = []
    for folder in open_runs():
        if folder.project != lock.project or not folder.journal.exists():
            continue
        outcomes = read_journal(folder.journal)
        ids |= {each.key_id for each in outcomes} | {each.replaces for each in outcomes}
        if folder.lock_file == str(lock.path.absolute()):
            learned |= {
                each.label: each.key_id
                for each in outcomes
                if each.key_id and lock.keys.get(each.label, "") == each.replaces
            }
            failed = tuple(each.label for each in outcomes if each.outcome in _NOT_BEGUN)
            not_begun += [(folder, failed)] if failed else []
            labels |= {
                each.label: folder.name
                for each in outcomes
                if each.outcome not in _NOT_BEGUN | _STORED
            }
    return UnderWay(labels, frozenset(ids - {""}), learned, tuple(not_begun))

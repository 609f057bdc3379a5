"""Refuses what a run is doing already: there would be two of each key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from .refusals import ProjectBusy, RunUnfinished
from .run_folders import RunFolder, open_runs


def refuse_unfinished(project: str, labels: Sequence[str]) -> None:
    """Refuse keys of a run that was interrupted, or of which a part failed.

    Args:
        project: The project's id.
        labels: What the keys are called.

    Raises:
        RunUnfinished: There is such a run.
        JournalError: The journal of a run cannot be read.
    """
    from descope_async.batch import JournalLocked, read_journal

    wanted = frozenset(labels)
    for folder in open_runs():
        if folder.project != project or folder.operation != "create" or not folder.journal.exists():
            continue
        try:
            outcomes = read_journal(folder.journal)
        except JournalLocked:
            continue  # it is at work, and may well finish
        known = [each for each in outcomes if each.label in wanted and each.outcome != "given up"]
        if known:
            others = f" and {len(known) - 1} more" if len(known) > 1 else ""
            raise RunUnfinished(
                f"the run {folder.name} creates {known[0].label!r}{others} already, and is not "
                f"finished: nothing was changed.\n  Go on with it: descope-keys resume {folder.name}"
            )


def new_run(project: str, operation: str, sinks: Sequence[str], keys: Sequence[str]) -> RunFolder:
    """The folder of a new run, unless another process carries out one over the very same keys.

    Args:
        project: The project's id.
        operation: What is done, such as ``"create"``.
        sinks: Where secrets go.
        keys: What tells these keys from others: labels of new ones, or ids.

    Raises:
        ProjectBusy: Another process does. Where both begin at the same moment, both may be refused.
        ConfigurationError: The folder cannot be made.
    """
    digest = hashlib.sha256(json.dumps(keys).encode()).hexdigest()
    # It is made first, so that another process sees it too.
    folder = RunFolder.new(project, operation, sinks, keys=digest)
    for other in open_runs():
        is_same = (other.project, other.keys) == (project, digest)
        if is_same and other.path != folder.path and other.is_at_work:
            folder.discard()
            folder.release()
            raise ProjectBusy(
                f"the run {other.name} is changing the same keys at this moment: nothing was changed"
            )
    return folder

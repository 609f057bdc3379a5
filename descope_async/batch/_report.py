"""The report of a run: a file with a line for each key, and counts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from io import BufferedWriter, FileIO, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from descope_async._files.paths import file_path
from descope_async._runtime.clock import SYSTEM_CLOCK
from descope_async._values.value import Value

from ._device import Device
from ._journal import Journal
from ._journal_lines import require
from ._ledger import UNKNOWN, State

#: Made once, because `json.dumps` makes one for each line.
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode

#: How many failures a report holds in memory. All are in its file.
_MOST_FAILURES: Final = 1000

#: Keys that were not begun, or whose secret is not where it is to be.
_UNFINISHED: Final = (State.PLANNED, State.MADE, State.STORED, State.PROVED, State.RESCUED)
#: What the journal and the report say of a key that somebody gave up.
_GIVEN_UP: Final = "given up"
#: States of a key that may have a new secret which is in no sink, as far as the journal tells.
_WITHOUT_SECRET: Final = (*UNKNOWN, State.MADE)
_WORDS: Final = {
    State.PLANNED: "not done",
    State.INTENT: "unknown",
    State.ROTATING: "unknown",
    State.MADE: "not stored",
    State.STORED: "stored",
    State.UNPROVEN: "stored, unproven",
    State.PROVED: "stored",
    State.WAITING: "waiting",
    State.RETIRED: "waiting",
    State.RESCUED: "rescued",
    State.FAILED: "failed",
    State.DONE: "done",
}


@frozen(kw_only=True, eq=False, repr=False)
class KeyOutcome(Value):
    """The outcome for one key.

    Attributes:
        number: Its place in the run, from 0 on.
        label: What the run calls it.
        outcome: ``"done"``, ``"failed"``, ``"unknown"``, ``"waiting"`` (a successor has been made,
            and the old key still exists), ``"stored, unproven"`` (may be used from other addresses
            only), ``"stored"``, ``"not stored"``, ``"rescued"``, ``"not done"`` or ``"given up"``.
        key_id: The id of the key, or of its successor; empty for none.
        replaces: The id of the key that it is the successor of; empty for none.
        references: Where its secret is, to be read by.
        fingerprint: 16 hexadecimal digits that tell its secret from others; empty for none.
        problem: What is wrong; empty for nothing.
        notes: What else there is to know, such as that the key was rotated again.
        until: When the next step is due, epoch seconds; None for no more steps.
        secret_lost_at: Since when programs with the old secret may have been refused, epoch seconds:
            a rotation was sent then, and its secret was lost. None where that did not happen.
    """

    number: int
    label: str
    outcome: str
    key_id: str = ""
    replaces: str = ""
    references: tuple[str, ...] = ()
    fingerprint: str = ""
    problem: str = ""
    notes: tuple[str, ...] = ()
    until: float | None = None
    secret_lost_at: float | None = None

    def _members(self, *, secrets: bool) -> dict[str, Any]:
        members = super()._members(secrets=secrets)
        return {name: member for name, member in members.items() if member not in ("", (), None)}


@frozen(kw_only=True, eq=False, repr=False)
class BatchReport(Value):
    """The counts of a run.

    Attributes:
        operation: What was done, such as ``"create"``.
        total: How many keys it is about.
        done: How many are done or given up.
        failed: How many cannot be done as things are; the next run tries again.
        unknown: Of how many nobody knows what became of them.
        unproven: How many are stored and could not be proved from here.
        waiting: How many have a successor, and an old key that is not retired yet.
        left: How many others were not begun, or not taken to their end.
        failures: The first 1,000 of which something is wrong.
        next_due: When the next step is due, epoch seconds; None for none.
        path: The file with a line for each key.
        journal: The journal.
    """

    operation: str
    total: int
    done: int
    failed: int
    unknown: int
    unproven: int
    waiting: int
    left: int
    failures: tuple[KeyOutcome, ...] = field(repr=lambda failures: f"<{len(failures)}>")
    next_due: float | None
    path: Path
    journal: Path

    @property
    def is_complete(self) -> bool:
        """Whether all is done, and the journal may go."""
        return self.done == self.total

    def __str__(self) -> str:
        counts = {
            "failed": self.failed,
            "unknown": self.unknown,
            "unproven": self.unproven,
            "waiting": self.waiting,
            "left": self.left,
        }
        rest = "".join(f", {count} {name}" for name, count in counts.items() if count)
        return f"{self.operation}: {self.done} of {self.total} done{rest} (see {self.path})"


def read_journal(path: str | Path) -> list[KeyOutcome]:
    """The outcome for each key of a run, also of one that was killed. Nothing is changed.

    Args:
        path: The journal of a run that no process works with now.

    Returns:
        A value for each key, in the order of the plan; empty when the run never began.

    Raises:
        InvalidArgument: The path is none of a file.
        JournalLocked: A process works with it.
        JournalDamaged: It was edited, or a part of it is lost.
        JournalError: It does not exist, is another file, or cannot be read.
    """
    path = file_path("path", path)
    require(path)
    # It is only read, so it does not matter on which machine a process had it open.
    journal = Journal.open(path, SYSTEM_CLOCK.now, takeover=True)
    try:
        return list(outcomes(journal)) if journal.is_begun else []
    finally:
        journal.release()


def outcomes(journal: Journal) -> Iterator[KeyOutcome]:
    """The outcome for each key, in the order of the plan."""
    ledger = journal.ledger
    for number in range(len(ledger)):
        plan = journal.record_at(ledger.plan_offset(number))
        offset = ledger.outcome_offset(number)
        said = journal.record_at(offset) if offset else {}
        state = ledger.state(number)
        yield _outcome(plan, said | ledger.details(number), state)


def _outcome(plan: Mapping[str, Any], said: Mapping[str, Any], state: State) -> KeyOutcome:
    old, key_id = plan.get("id", ""), said.get("id", "")
    problems = [said[name] for name in ("why", "hook") if said.get(name)]
    notes: list[str] = []
    if said.get("again"):
        notes.append("its first secret was lost, so it was rotated")
    if said.get("by_hand"):
        notes.append(said["by_hand"])
    if twins := said.get("twins"):
        notes.append(f"delete its twins: {', '.join(twins)}")
    lost_at = said.get("lost_at")
    if lost_at is None and state in _WITHOUT_SECRET:
        lost_at = said.get("at")
    return KeyOutcome(
        number=plan["i"],
        label=plan["label"],
        outcome=_GIVEN_UP if said.get("k") == _GIVEN_UP else _WORDS[state],
        key_id=key_id or old,
        replaces=old if key_id and key_id != old else "",
        references=tuple(said.get("refs", ())),
        fingerprint=said.get("fp", ""),
        problem="; ".join(problems),
        notes=tuple(notes),
        until=said.get("until") if state in (State.WAITING, State.RETIRED) else None,
        secret_lost_at=lost_at,
    )


def write_report(journal: Journal, path: Path) -> BatchReport:
    """Write the report's file anew, from the journal.

    A device or a pipe, such as ``/dev/null``, is written to as it is.

    Raises:
        OSError: It cannot be written, or nobody reads the pipe. An older one, which is not true any more, is removed then.
    """
    draft = draft_of(path)
    try:
        if _is_file(path):
            new = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            report = _written(journal, path, FileIO(os.open(draft, new, 0o600), "w"))
            draft.rename(path)
            return report
        return _written(journal, path, Device(path))
    except OSError:
        remove_report(draft)
        remove_report(path)
        raise


def draft_of(path: Path) -> Path:
    """The file that a report is written to before it gets its name."""
    return path.with_name(f".{path.name}.draft")


def remove_report(path: Path) -> None:
    """Remove a report that tells of an earlier end."""
    with suppress(OSError):
        if _is_file(path):
            path.unlink()


def _is_file(path: Path) -> bool:
    """Whether there is a file, or may be one."""
    return path.is_file() or not path.exists()


def _written(journal: Journal, path: Path, raw: RawIOBase) -> BatchReport:
    failures: list[KeyOutcome] = []
    failed = left = 0
    next_due: float | None = None
    with TextIOWrapper(BufferedWriter(raw), encoding="utf-8") as file:
        for outcome in outcomes(journal):
            file.write(_encode(outcome.to_dict()) + "\n")
            if outcome.until is not None:
                next_due = min(next_due or outcome.until, outcome.until)
            if outcome.problem:
                failed += 1
                left -= journal.ledger.state(outcome.number) in _UNFINISHED
                if len(failures) < _MOST_FAILURES:
                    failures.append(outcome)
    left += sum(journal.ledger.counts[state] for state in _UNFINISHED)
    return summary(journal, path, failed=failed, left=left, failures=failures, next_due=next_due)


def summary(
    journal: Journal,
    path: Path,
    *,
    failed: int | None = None,
    left: int | None = None,
    failures: Sequence[KeyOutcome] = (),
    next_due: float | None = None,
) -> BatchReport:
    """The counts, with what was found while the file was written."""
    counts = journal.ledger.counts
    return BatchReport(
        operation=journal.header["operation"],
        total=len(journal.ledger),
        done=counts[State.DONE],
        failed=counts[State.FAILED] if failed is None else failed,
        unknown=sum(counts[state] for state in UNKNOWN),
        unproven=counts[State.UNPROVEN],
        waiting=counts[State.WAITING] + counts[State.RETIRED],
        left=sum(counts[state] for state in _UNFINISHED) if left is None else left,
        failures=tuple(failures),
        next_due=next_due,
        path=path,
        journal=journal.path,
    )

"""A plan: for a person, as JSON, and as a file that is applied as it was shown or not at all."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from attrs import frozen

from descope_async.cli import moments, output
from descope_async.cli.refusals import StalePlan
from descope_async.cli.whole_files import read_file

from .changes import Action, Change, Difference, Prune

_MOST_BYTES: Final = 64 * 1024 * 1024
_MARKS: Final = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "-/+",
    Action.ACTIVATE: "~",
    Action.DEACTIVATE: "-",
}


@frozen
class Plan:
    """What is to be done, and where.

    Attributes:
        project: The project's id.
        base_url: The address of the service.
        sinks: Where the secrets of new keys go.
        grace: Seconds for which replaced keys work on.
        delete_after: Seconds from then to their deletion; None to keep them deactivated.
        prune: Which keys are deactivated that the manifest does not describe.
        difference: What is to be done.
    """

    project: str
    base_url: str
    sinks: tuple[str, ...]
    grace: float
    delete_after: float | None
    prune: Prune
    difference: Difference

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is to be done with each key."""
        return self.difference.changes

    @property
    def is_met(self) -> bool:
        """Whether the project is as the manifest says, with nothing left to do for anybody."""
        return not (self.changes or self.difference.unfinished)

    @property
    def makes_secrets(self) -> bool:
        """Whether secrets come into being that need a place."""
        return any(each.action in (Action.CREATE, Action.REPLACE) for each in self.changes)

    def as_json(self) -> str:
        """One JSON document, which `apply` takes."""
        members = self._members()
        return output.document("plan", **members, sha256=_digest(members))

    def as_text(self) -> str:
        """The plan for a person."""
        return "\n".join(self._lines())

    def check_saved(self, path: Path) -> None:
        """See whether a saved plan is this one.

        Raises:
            StalePlan: It was edited, is of another project, or what it is about has changed.
            ConfigurationError: It cannot be read.
        """
        saved = _read(path)
        for name, own in (("project", self.project), ("baseUrl", self.base_url)):
            if saved[name] != own:
                raise StalePlan(f"{path} is a plan for the {name} {saved[name]}, not for {own}")
        ours: Any = json.loads(json.dumps(self._members()))
        for name in ("sinks", "grace", "deleteAfter", "prune"):
            if saved.get(name) != ours[name]:
                raise StalePlan(
                    f"{path} was made with other settings ({name}): plan again, and look at it"
                )
        if saved.get("changes") != ours["changes"]:
            differing = sorted(_labels(saved["changes"], ours["changes"]))
            raise StalePlan(
                f"{path} is out of date: keys, manifest or lock file have changed since. "
                f"It differs in: {', '.join(differing)}. Plan again, and look at it"
            )

    def _members(self) -> dict[str, Any]:
        return {
            "project": self.project,
            "baseUrl": self.base_url,
            "sinks": list(self.sinks),
            "grace": self.grace,
            "deleteAfter": self.delete_after,
            "prune": self.prune.value,
            "changes": [
                {
                    "action": each.action.value,
                    "label": each.label,
                    "keyId": each.key_id,
                    "name": each.name,
                    "before": dict(each.before),
                    "after": dict(each.after),
                    "why": each.why,
                }
                for each in self.changes
            ],
            "notes": list(self.difference.notes),
        }

    def _lines(self) -> Iterator[str]:
        for change in self.changes:
            head = [
                _MARKS[change.action],
                change.action.value,
                change.label or change.name,
                change.key_id,
            ]
            yield output.printable("  ".join(filter(None, head)))
            if change.why:
                yield f"      {output.printable(change.why)}"
            if change.action is Action.REPLACE:
                yield f"      {self._retirement()}"
            yield from (f"      {line}" for line in _field_lines(change))
        if self.makes_secrets:
            yield f"secrets go to {', '.join(self.sinks) or 'no place yet: name sinks in the manifest, or --to'}"
        yield from (f"note: {output.printable(each)}" for each in self.difference.notes)
        yield self.summary

    def _retirement(self) -> str:
        end = (
            "stays deactivated"
            if self.delete_after is None
            else f"is deleted {moments.span(self.delete_after)} later"
        )
        return f"the old key works for {moments.span(self.grace)} more, is deactivated, and {end}"

    @property
    def summary(self) -> str:
        """How many changes there are, by what is done."""
        counts = Counter(each.action for each in self.changes)
        if not counts and self.difference.unfinished:
            return f"nothing to change before another run is finished: {len(self.difference.unfinished)} to finish"
        if not counts:
            return "the project is as the manifest says: nothing to change"
        return ", ".join(
            f"{counts[action]} to {action.value}" for action in Action if counts[action]
        )


def _field_lines(change: Change) -> Iterator[str]:
    for name, value in change.after.items():
        if change.action is Action.REPLACE and name not in change.before:
            continue
        shown = _shown(value)
        if name in change.before:
            yield f"{name}: {_shown(change.before[name])} -> {shown}"
        else:
            yield f"{name}: {shown}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return output.printable(value) or "''"
    return output.printable(json.dumps(value, ensure_ascii=False))


def _labels(saved: Any, ours: list[dict[str, Any]]) -> set[str]:
    """The labels or names of the changes that are in one of two plans only."""
    texts = [{json.dumps(each, sort_keys=True): each for each in plan} for plan in (saved, ours)]
    apart = texts[0].keys() ^ texts[1].keys()
    changes = [(texts[0] | texts[1])[each] for each in apart]
    return {str(each.get("label") or each.get("keyId")) for each in changes} or {"the order"}


def _read(path: Path) -> dict[str, Any]:
    data = read_file(path, _MOST_BYTES)
    try:
        found: object = json.loads(data)
    except (ValueError, RecursionError):
        raise StalePlan(f"{path} is no plan, or a part of it is lost") from None
    saved = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    if saved.get("kind") != "plan" or saved.get("schema") != output.SCHEMA:
        raise StalePlan(f"{path} is no plan of this version: make it with descope-keys plan -o")
    about: Mapping[str, Any] = {
        name: value for name, value in saved.items() if name not in ("schema", "kind", "sha256")
    }
    if saved.get("sha256") != _digest(about):
        raise StalePlan(f"{path} was edited after it was made: plan again")
    return saved


def _digest(members: Mapping[str, Any]) -> str:
    text = json.dumps(members, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

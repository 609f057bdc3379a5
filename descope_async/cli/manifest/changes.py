"""What would have to be done so that a project's keys are as its manifest says: a pure computation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from attrs import frozen

from descope_async import AccessKey
from descope_async.cli import moments
from descope_async.errors import ConfigurationError

from .comparison import FIXED, described, differing
from .lock_file import LockFile
from .manifest import Manifest, WantedKey
from .under_way import UnderWay


class Action(StrEnum):
    """What is done with a key."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"


class Prune(StrEnum):
    """Which keys are deactivated that the manifest does not describe."""

    NONE = "none"
    REMOVED = "removed"
    ALL = "all"


@frozen
class Change:
    """What is to be done with one key.

    Attributes:
        action: What.
        label: What the manifest calls the key; empty for one that it does not know.
        key_id: The id of the key that there is; empty for none.
        name: The key's name.
        before: The fields that change, as they are.
        after: The fields as they are to be: those that change, or all of a new key.
        why: Why it is done, where the fields do not say so.
    """

    action: Action
    label: str
    key_id: str
    name: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    why: str = ""


@frozen
class Difference:
    """How a project differs from its manifest.

    Attributes:
        changes: What is to be done, in this order.
        notes: What a person should know beside.
        forgotten: Labels that the lock file need not know any more when that is done.
        unfinished: Labels whose keys a run was making when it was interrupted.
    """

    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    forgotten: tuple[str, ...]
    unfinished: tuple[str, ...]


def difference(
    manifest: Manifest,
    lock: LockFile,
    keys: Sequence[AccessKey],
    under_way: UnderWay,
    prune: Prune,
) -> Difference:
    """Compare a project with its manifest.

    Args:
        manifest: The manifest.
        lock: Its lock file, with what runs have done since.
        keys: All keys of the project.
        under_way: What runs are still working on.
        prune: Which other keys are to be deactivated.

    Raises:
        ConfigurationError: A key is wanted that has expired already.
    """
    known = {key.id: key for key in keys}
    wanted = [each for each in manifest.keys.values() if each.label not in under_way.labels]
    found = [change for each in wanted for change in _of_key(manifest, lock, known, each)]
    pruned = list(_pruned(manifest, lock, keys, under_way, prune))
    # What takes something away comes last.
    order = list(Action)
    changes = sorted([*found, *pruned], key=lambda change: order.index(change.action))
    removed = sorted(set(lock.keys) - set(manifest.keys) - set(under_way.labels))
    notes = list(_notes(manifest, lock, keys, under_way, prune, changes))
    if removed and prune is Prune.NONE:
        listed = ", ".join(removed)
        notes.append(f"no longer in the manifest, and left alone (see --prune): {listed}")
    forgotten = () if prune is Prune.NONE else tuple(removed)
    unfinished = tuple(label for label in under_way.labels if label in manifest.keys)
    return Difference(tuple(changes), tuple(notes), forgotten, unfinished)


def _of_key(
    manifest: Manifest, lock: LockFile, known: Mapping[str, AccessKey], wanted: WantedKey
) -> Iterator[Change]:
    key_id = lock.keys.get(wanted.label, "")
    key = known.get(key_id)
    if key is None:
        why = f"{key_id} is gone" if key_id else ""
        yield _new(manifest, wanted, dict(wanted.fields), why=why)
        return
    found = described(key)
    names = differing(wanted.fields, found)
    stays_off = not wanted.fields.get("active", found["active"])
    if stays_off:
        # Nobody can use it, so it does not matter when it expires and for whom it is.
        names = [name for name in names if name not in FIXED]
    fixed = [name for name in names if name in FIXED]
    if fixed:
        what = " and ".join({"expires": "expiry", "user_id": "user"}[name] for name in fixed)
        after = _without_leftovers({**found, **wanted.fields})
        if not found["active"]:
            why = f"in place of {key_id}, which is inactive: its {what} cannot be changed"
            yield _new(manifest, wanted, after, why=why)
            return
        _refuse_past(manifest, wanted)
        yield Change(
            Action.REPLACE,
            wanted.label,
            key_id,
            key.name,
            {name: found[name] for name in names},
            after,
            f"its {what} cannot be changed, so a successor takes over",
        )
        return
    changed = [name for name in names if name != "active"]
    if changed:
        before = {name: found[name] for name in changed}
        after = {name: wanted.fields[name] for name in changed}
        yield Change(Action.UPDATE, wanted.label, key_id, key.name, before, after)
    if "active" in names:
        action = Action.ACTIVATE if wanted.fields["active"] else Action.DEACTIVATE
        yield Change(action, wanted.label, key_id, key.name, {}, {})


def _without_leftovers(fields: dict[str, Any]) -> dict[str, Any]:
    """A successor's fields: with a user, it has the user's roles and tenants."""
    if fields.get("user_id"):
        fields = {**fields, "roles": [], "tenants": {}}
    return {name: value for name, value in fields.items() if value not in ("", [], {})}


def _new(manifest: Manifest, wanted: WantedKey, fields: dict[str, Any], *, why: str) -> Change:
    _refuse_past(manifest, wanted)
    name = str(fields.get("name", wanted.label))
    after = {"name": name, "expires": "never", **_without_leftovers(fields)}
    return Change(Action.CREATE, wanted.label, "", name, {}, after, why)


def _refuse_past(manifest: Manifest, wanted: WantedKey) -> None:
    expires = wanted.fields.get("expires", "never")
    if expires != "never" and moments.expiry(expires) <= moments.now():
        raise ConfigurationError(
            f"{manifest.path}, line {wanted.line}: {wanted.label!r} would be a new key that has expired "
            f"on {expires}; give it another date"
        )


def _pruned(
    manifest: Manifest,
    lock: LockFile,
    keys: Sequence[AccessKey],
    under_way: UnderWay,
    prune: Prune,
) -> Iterator[Change]:
    labels = {key_id: label for label, key_id in lock.keys.items()}
    for key in keys:
        label = labels.get(key.id, "")
        if key.id in under_way.ids or label in manifest.keys or key.status != "active":
            continue
        if prune is Prune.ALL or (prune is Prune.REMOVED and label):
            why = (
                "the manifest has no such label any more"
                if label
                else "the manifest has no such key"
            )
            yield Change(Action.DEACTIVATE, label, key.id, key.name, {}, {}, why)


def _notes(
    manifest: Manifest,
    lock: LockFile,
    keys: Sequence[AccessKey],
    under_way: UnderWay,
    prune: Prune,
    changes: Sequence[Change],
) -> Iterator[str]:
    for label, run in under_way.labels.items():
        if label in manifest.keys:
            yield f"{label} is not finished in another run: descope-keys resume {run}"
    names = Counter(key.name for key in keys)
    for change in changes:
        if change.action is Action.CREATE and not change.why and names[change.name]:
            ids = ", ".join(key.id for key in keys if key.name == change.name)
            yield (
                f"there is a key of the name of {change.label} already: {ids}. If that is the one: "
                f"descope-keys import {ids.split(',')[0]} --label {change.label}"
            )
    others = {key.id for key in keys} - set(lock.keys.values()) - under_way.ids
    if others and prune is not Prune.ALL:
        yield f"other keys of the project, left alone: {len(others)}"

"""Keys that there are already are taken into a manifest, with everything that they are now."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

from descope_async import AccessKey
from descope_async.errors import ConfigurationError

from .comparison import described, differing
from .lock_file import LockFile
from .manifest import Manifest, manifest_of

_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9._-]+")
_INDENT: Final = "  "


def labels_for(
    keys: Sequence[AccessKey], manifest: Manifest, lock: LockFile, label: str | None
) -> dict[str, AccessKey]:
    """The keys by new labels, made of their names.

    Args:
        keys: The keys.
        manifest: The manifest.
        lock: Its lock file.
        label: The label of the only key; None to make one of its name.

    Raises:
        ConfigurationError: A key has a label already, or the label means another key.
    """
    found: dict[str, AccessKey] = {}
    for key in keys:
        if (own := lock.label_of(key.id)) is not None:
            raise ConfigurationError(f"{key.id} is in the manifest already, as {own}")
        wanted = label or _FORBIDDEN.sub("-", key.name).strip("-._")[:90] or key.id
        if label is not None and label in lock.keys:
            raise ConfigurationError(f"{label} means the key {lock.keys[label]} already")
        taken = {*lock.keys, *found, *(manifest.keys if label is None else ())}
        number, free = 2, wanted
        while free in taken:
            free, number = f"{wanted}-{number}", number + 1
        found[free] = key
    return found


def entries(keys: Mapping[str, AccessKey]) -> str:
    """The keys as a manifest describes them, a line with a label for each."""
    import yaml

    texts: list[str] = []
    for label, key in keys.items():
        fields = {
            name: value
            for name, value in described(key).items()
            if value not in ("", [], {}) and (name, value) != ("active", True)
        }
        text: Any = yaml.safe_dump(fields, allow_unicode=True, sort_keys=False, width=100)
        texts.append(f"{label}:\n{textwrap.indent(text, _INDENT)}")
    return textwrap.indent("".join(texts), _INDENT)


def with_entries(manifest: Manifest, text: str, keys: Mapping[str, AccessKey]) -> str | None:
    """The text of a manifest with keys added at its end; None where they do not fit there.

    Args:
        manifest: The manifest.
        text: Its text; empty for a new one.
        keys: The keys by label.
    """
    before = text or "keys:\n"
    after = f"{before.rstrip()}\n{entries(keys)}"
    known = manifest.keys
    try:
        found = manifest_of(manifest.path, after)
    except ConfigurationError:
        return None
    is_kept = all(
        label in found.keys and found.keys[label].fields == key.fields
        for label, key in known.items()
    )
    is_added = all(
        label in found.keys and not differing(found.keys[label].fields, described(key))
        for label, key in keys.items()
    )
    return after if is_kept and is_added and len(found.keys) == len(known) + len(keys) else None

"""``aws-sm:NAME``: AWS Secrets Manager."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from ._errors import SecretStoreError
from ._extras import needed
from ._store import SecretEntry
from ._template import Template, slug

_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9_+=.@-]")
_LONGEST: Final = 400
_CURRENT: Final = "AWSCURRENT"
_PENDING: Final = "AWSPENDING"


class AwsSecretsManagerStore:
    """A secret for each key, whose value is a JSON object with ``cleartext``, ``id`` and more.

    Region and credentials are those of the environment, as boto3 finds them. A version's token is
    computed from the secret, so that a repeated write is the same version. The successor of a key
    that still works is staged as ``AWSPENDING``, and becomes ``AWSCURRENT`` after its proof.

    Args:
        location: The secret's name; ``{id}`` and ``{label}`` may stand in it.
    """

    def __init__(self, location: str) -> None:
        self._template = Template(location, lambda text: slug(text, _FORBIDDEN, _LONGEST))
        with needed("boto3", "aws", "aws-sm:"):
            boto3: Any = import_module("boto3")
        try:
            self._client: Any = boto3.client("secretsmanager")
        except Exception as error:  # noqa: BLE001 - botocore has many, and no base of all
            raise SecretStoreError(f"aws-sm:{location}", _told(error)) from None

    def place(self, key_id: str, label: str) -> str:
        """The secret's name."""
        return f"aws-sm:{self._template.fill(key_id, label)}"

    def check(self, keys: int) -> None:
        """Ask for the store's secrets. A probe is not written: a name stays taken for a week."""
        try:
            self._client.list_secrets(MaxResults=1)
        except Exception as error:  # noqa: BLE001 - as above
            raise SecretStoreError(f"aws-sm:{self._template.text}", _told(error)) from None

    def is_free(self, place: str) -> bool:
        """Whether there is no secret of that name with a value."""
        return self._read(place, _CURRENT) is None

    def put(self, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool) -> None:
        """Write a version, which is the same one when it is written again."""
        current = self._read(place, _CURRENT)
        is_free = current is None or current.get("id") == entry.key_id
        if not (is_free or overwrite or pending):
            raise SecretStoreError(place, "there is something already")
        value = {
            "id": entry.key_id,
            "name": entry.name,
            "label": entry.label,
            "fingerprint": entry.fingerprint,
            "cleartext": entry.cleartext,
        }
        text = json.dumps(value, ensure_ascii=False)
        # It names the version, and nobody can compute the secret from it.
        token = hashlib.sha256(f"{place} {entry.cleartext}".encode()).hexdigest()
        name = _name(place)
        try:
            with suppress(self._client.exceptions.ResourceExistsException):
                self._client.create_secret(Name=name)
            # A secret's first version is always the current one as well.
            self._client.put_secret_value(
                SecretId=name,
                ClientRequestToken=token,
                SecretString=text,
                VersionStages=[_PENDING if pending else _CURRENT],
            )
        except Exception as error:  # noqa: BLE001 - as above
            raise SecretStoreError(place, _told(error)) from None

    def get(self, place: str, *, pending: bool = False) -> str:
        """The secret in the current or the pending version."""
        found = self._read(place, _PENDING if pending else _CURRENT)
        if found is None or not isinstance(found.get("cleartext"), str):
            raise SecretStoreError(place, "there is no secret")
        cleartext: str = found["cleartext"]
        return cleartext

    def promote(self, place: str, key_id: str) -> None:
        """Let the pending version be the current one."""
        name = _name(place)
        pending = self._read(place, _PENDING)
        if pending is None or pending.get("id") != key_id:
            return
        try:
            stages = self._client.describe_secret(SecretId=name)["VersionIdsToStages"]
            version = next(each for each, names in stages.items() if _PENDING in names)
            old = next((each for each, names in stages.items() if _CURRENT in names), None)
            if old != version:
                self._client.update_secret_version_stage(
                    SecretId=name,
                    VersionStage=_CURRENT,
                    MoveToVersionId=version,
                    **({} if old is None else {"RemoveFromVersionId": old}),
                )
            self._client.update_secret_version_stage(
                SecretId=name, VersionStage=_PENDING, RemoveFromVersionId=version
            )
        except Exception as error:  # noqa: BLE001 - as above
            raise SecretStoreError(place, _told(error)) from None

    def _read(self, place: str, stage: str) -> dict[str, Any] | None:
        try:
            answer = self._client.get_secret_value(SecretId=_name(place), VersionStage=stage)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        except Exception as error:  # noqa: BLE001 - as above
            raise SecretStoreError(place, _told(error)) from None
        try:
            found: dict[str, Any] = json.loads(answer.get("SecretString", ""))
        except ValueError:
            return {}
        return found


def _name(place: str) -> str:
    return place.removeprefix("aws-sm:").partition("?")[0]


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

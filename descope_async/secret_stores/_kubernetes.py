"""``k8s:NAMESPACE/NAME``: secrets of a Kubernetes cluster."""

from __future__ import annotations

import base64
import os
import re
from importlib import import_module
from typing import Any, Final

from descope_async.errors import ConfigurationError

from ._errors import SecretStoreError
from ._extras import needed
from ._store import SecretEntry
from ._template import Template, slug

#: Names of secrets have small letters only (RFC 1123 subdomains).
_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9.-]")
_LONGEST: Final = 200
_CLEARTEXT, _PENDING, _PENDING_ID = "cleartext", "pending", "pending-id"
_NOT_FOUND, _CONFLICT = 404, 409
_SECONDS: Final = 10


class KubernetesStore:
    """An opaque secret for each key, with ``cleartext``, ``id``, ``label`` and ``fingerprint``.

    The cluster and the rights are those of the pod's service account, or else of the kubeconfig.
    A write names the version that it read, so it fails when somebody else has written meanwhile.

    Args:
        location: The namespace and the secret's name, as ``NAMESPACE/NAME``. ``{id}`` and
            ``{label}`` may stand in the name.
    """

    def __init__(self, location: str) -> None:
        namespace, slash, name = location.partition("/")
        if not slash or not namespace or not name or "{" in namespace or "/" in name:
            raise ConfigurationError(f"k8s:{location}: write it as k8s:NAMESPACE/NAME")
        self._namespace = namespace
        self._template = Template(
            location, lambda text: slug(text, _FORBIDDEN, _LONGEST, fold=True)
        )
        with needed("kubernetes", "k8s", "k8s:"):
            client: Any = import_module("kubernetes.client")
            config: Any = import_module("kubernetes.config")
        settings: Any = client.Configuration()
        try:
            if "KUBERNETES_SERVICE_HOST" in os.environ:
                config.load_incluster_config(settings)
            else:
                file = os.environ.get("KUBECONFIG") or None
                config.load_kube_config(file, client_configuration=settings)
        except Exception as error:  # noqa: BLE001 - the library has many
            raise ConfigurationError(f"k8s:{location}: {error}") from None
        self._error: Any = client.ApiException
        self._api: Any = client.CoreV1Api(client.ApiClient(settings))

    def place(self, key_id: str, label: str) -> str:
        """The namespace and the secret's name."""
        return f"k8s:{self._template.fill(key_id, label)}"

    def check(self, keys: int) -> None:
        """Let the cluster try to write a probe without keeping it."""
        store = f"k8s:{self._template.text}"
        name = self._template.fill("probe", "probe").partition("/")[2]
        try:
            self._api.create_namespaced_secret(
                self._namespace,
                {"metadata": {"name": f"{name}-probe"}, "data": {}},
                dry_run="All",
                _request_timeout=_SECONDS,
            )
        except Exception as error:  # noqa: BLE001 - as above
            raise SecretStoreError(store, self._told(error)) from None

    def is_free(self, place: str) -> bool:
        """Whether there is no such secret."""
        return self._read(place) is None

    def put(self, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool) -> None:
        """Write the secret, if nobody else has written meanwhile."""
        found = self._read(place)
        data: dict[str, str] = dict(found.data or {}) if found else {}
        if pending:
            data |= {_PENDING: _encoded(entry.cleartext), _PENDING_ID: _encoded(entry.key_id)}
            data |= {"pending-fingerprint": _encoded(entry.fingerprint)}
        else:
            if found and not overwrite and data.get("id") != _encoded(entry.key_id):
                raise SecretStoreError(place, "there is something already")
            data |= {
                _CLEARTEXT: _encoded(entry.cleartext),
                "id": _encoded(entry.key_id),
                "label": _encoded(entry.label),
                "fingerprint": _encoded(entry.fingerprint),
            }
        self._write(place, found, data)

    def get(self, place: str, *, pending: bool = False) -> str:
        """The secret."""
        found = self._read(place)
        data: dict[str, str] = dict(found.data or {}) if found else {}
        value = data.get(_PENDING if pending else _CLEARTEXT)
        if not value:
            raise SecretStoreError(place, "there is no secret")
        return base64.b64decode(value).decode()

    def promote(self, place: str, key_id: str) -> None:
        """Let the pending value be the secret, in one write."""
        found = self._read(place)
        data: dict[str, str] = dict(found.data or {}) if found else {}
        if data.get(_PENDING_ID) != _encoded(key_id):
            return
        data[_CLEARTEXT] = data.pop(_PENDING)
        data["id"] = data.pop(_PENDING_ID)
        data["fingerprint"] = data.pop("pending-fingerprint", "")
        self._write(place, found, data)

    def _read(self, place: str) -> Any:
        try:
            return self._api.read_namespaced_secret(
                _name(place), self._namespace, _request_timeout=_SECONDS
            )
        except self._error as error:
            if error.status == _NOT_FOUND:
                return None
            raise SecretStoreError(place, self._told(error)) from None
        except Exception as error:  # noqa: BLE001 - as above
            raise SecretStoreError(place, self._told(error)) from None

    def _write(self, place: str, found: Any, data: dict[str, str]) -> None:
        metadata: dict[str, Any] = {"name": _name(place)}
        body: dict[str, Any] = {"type": "Opaque", "metadata": metadata, "data": data}
        try:
            if found is None:
                self._api.create_namespaced_secret(self._namespace, body, _request_timeout=_SECONDS)
                return
            metadata["resourceVersion"] = found.metadata.resource_version
            metadata["labels"], metadata["annotations"] = (
                found.metadata.labels,
                found.metadata.annotations,
            )
            self._api.replace_namespaced_secret(
                _name(place), self._namespace, body, _request_timeout=_SECONDS
            )
        except Exception as error:  # noqa: BLE001 - as above
            raise SecretStoreError(place, self._told(error)) from None

    def _told(self, error: Exception) -> str:
        if isinstance(error, self._error):
            # Its text has the answer's body, which may repeat what was sent.
            answer: Any = error
            if answer.status == _CONFLICT:
                return "somebody else has written it meanwhile"
            return f"the cluster answers {answer.status} {answer.reason}"
        return type(error).__name__


def _name(place: str) -> str:
    return place.removeprefix("k8s:").partition("?")[0].partition("/")[2]


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()

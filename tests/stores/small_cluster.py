"""As much of a Kubernetes API server as secrets need: create, read, replace, dry run, conflicts."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, Self


class SmallCluster:
    """Serves on loopback while it is entered.

    Attributes:
        secrets: The secrets, by namespace and name.
    """

    def __init__(self) -> None:
        self.secrets: dict[tuple[str, str], dict[str, Any]] = {}
        self._versions = count(1)
        self._turn = threading.Lock()
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer("GET")

            def do_POST(self) -> None:
                self._answer("POST")

            def do_PUT(self) -> None:
                self._answer("PUT")

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self, method: str) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else {}
                path, _, query = self.path.partition("?")
                status, value = cluster.carry_out(method, path, body, is_dry="dryRun" in query)
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def carry_out(
        self, method: str, path: str, body: dict[str, Any], *, is_dry: bool
    ) -> tuple[int, dict[str, Any]]:
        """The status and the body of an answer."""
        parts = path.strip("/").split("/")
        if parts[:3] != ["api", "v1", "namespaces"] or parts[4:5] != ["secrets"]:
            return _failure(404, "NotFound")
        namespace = parts[3]
        name = parts[5] if len(parts) > 5 else body["metadata"]["name"]
        if name != name.lower() or len(name) > 253:
            return _failure(422, "Invalid")
        with self._turn:
            found = self.secrets.get((namespace, name))
            if (found is None) != (method == "POST"):
                return _failure(*((404, "NotFound") if found is None else (409, "AlreadyExists")))
            if method == "GET" and found is not None:
                return 200, found
            wanted = body["metadata"].get("resourceVersion")
            if found is not None and wanted not in (None, found["metadata"]["resourceVersion"]):
                return _failure(409, "Conflict")
            return 200, self._put(namespace, name, body, is_dry=is_dry)

    def _put(
        self, namespace: str, name: str, body: dict[str, Any], *, is_dry: bool
    ) -> dict[str, Any]:
        metadata = {**body["metadata"], "namespace": namespace, "name": name}
        metadata["resourceVersion"] = str(next(self._versions))
        kept = {"apiVersion": "v1", "kind": "Secret", **body, "metadata": metadata}
        if not is_dry:
            self.secrets[namespace, name] = kept
        return kept


def _failure(status: int, reason: str) -> tuple[int, dict[str, Any]]:
    return status, {"kind": "Status", "status": "Failure", "reason": reason, "code": status}

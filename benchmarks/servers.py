"""A server in another process that always answers the same: nginx, else one of our own."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import trustme
from attrs import frozen

from .answers import EXCHANGE

_START_WITHIN: Final = 10.0

_NGINX: Final = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; log_format line $uri; keepalive_requests 1000000000; open_file_cache max=16;
  default_type application/json; etag off; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
    error_page 405 =200 $uri;  # a POST for a file is answered like a GET
    {locations}
  }}
}}
"""


@frozen
class Site:
    """One way to the server.

    Attributes:
        url: Its base URL.
        ca: The certificate of its authority; None for plain HTTP.
    """

    url: str
    ca: Path | None

    def trust(self) -> ssl.SSLContext | None:
        """TLS settings that trust it; None for plain HTTP."""
        return ssl.create_default_context(cafile=str(self.ca)) if self.ca else None


@frozen
class Server:
    """A running server.

    Attributes:
        name: Which one, with its version.
        plain: Its side without TLS.
        tls: Its side with TLS.
    """

    name: str
    plain: Site
    tls: Site
    _log: Path

    def exchanges(self) -> int:
        """How many exchanges it has answered."""
        time.sleep(0.1)  # it takes note of an answer after sending it
        return self._log.read_text().count("\n") if self._log.exists() else 0


@contextmanager
def serving(answers: Mapping[str, bytes], folder: Path, kind: str = "auto") -> Iterator[Server]:
    """A server that answers these paths.

    Args:
        answers: Bodies by path.
        folder: An empty folder for its files.
        kind: ``"nginx"``, ``"asyncio"``, or ``"auto"`` for nginx where it is installed.
    """
    _write_certificates(folder)
    locations: list[str] = []
    files: list[str] = []
    for number, (path, body) in enumerate(answers.items()):
        file = folder / f"{number}.json"
        file.write_bytes(body)
        files.append(f"{path}={file}")
        log = f" access_log {folder}/exchanges.log line;" if path == EXCHANGE else ""
        locations.append(f"location = {path} {{ alias {file};{log} }}")
    plain, tls = _free_port(), _free_port()
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if kind == "nginx" or (kind == "auto" and nginx):
        if nginx is None:
            raise SystemExit("nginx is not installed")
        config = folder / "nginx.conf"
        config.write_text(
            _NGINX.format(folder=folder, plain=plain, tls=tls, locations="\n    ".join(locations))
        )
        command = [nginx, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)]
        said = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True).stderr
        name = re.sub(r".*nginx/(\S+).*", r"nginx \1", said.strip())
    else:
        command = [sys.executable, "-m", "benchmarks.asyncio_server"]
        command += [str(folder), str(plain), str(tls), *files]
        name = "asyncio"
    with subprocess.Popen(command) as process:
        try:
            server = Server(
                name,
                Site(f"http://127.0.0.1:{plain}", None),
                Site(f"https://127.0.0.1:{tls}", folder / "ca.pem"),
                folder / "exchanges.log",
            )
            _wait_for(server.plain, process)
            _wait_for(server.tls, process)
            yield server
        finally:
            process.terminate()


def _write_certificates(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_for(site: Site, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_WITHIN
    parts = urlsplit(site.url)
    while True:
        try:
            with socket.create_connection((parts.hostname, parts.port), timeout=1):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the server does not start") from None
            time.sleep(0.02)

"""The server where there is no nginx: ``python -m benchmarks.asyncio_server FOLDER PLAIN TLS PATH=FILE…``."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

from .answers import EXCHANGE


class Answering(asyncio.Protocol):
    """One connection: requests in, the answer of their path out."""

    def __init__(self, answers: Mapping[bytes, bytes], log: Path) -> None:
        self._answers = answers
        self._log = log
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            _, _, length = head.partition(b"content-length:")
            end += 4 + int(length.split(b"\r\n", 1)[0] or 0)
            if len(self._received) < end:
                return
            path = self._received.split(b" ", 2)[1].partition(b"?")[0]
            self._received = self._received[end:]
            if path == EXCHANGE.encode():
                with self._log.open("a") as log:
                    log.write(f"{EXCHANGE}\n")
            self._transport.write(self._answers[path])


async def serve(folder: Path, ports: tuple[int, int], files: Mapping[str, Path]) -> None:
    """Answer until the process is ended."""
    answers = {path.encode(): _answer(file.read_bytes()) for path, file in files.items()}
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "server.pem")
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(
            lambda: Answering(answers, folder / "exchanges.log"),
            "127.0.0.1",
            port,
            ssl=context,
            backlog=2048,
        )
        for port, context in zip(ports, (None, tls), strict=True)
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _answer(body: bytes) -> bytes:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: asyncio\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    _, where, plain_port, tls_port, *given = sys.argv
    pairs = [item.split("=", 1) for item in given]
    asyncio.run(
        serve(
            Path(where),
            (int(plain_port), int(tls_port)),
            {path: Path(file) for path, file in pairs},
        )
    )

"""Ports for servers that must be told where to listen."""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Final

#: The first port that systems give to whoever asks for none, where Linux does not tell.
_FIRST_GIVEN: Final = 32_768
_LOWEST: Final = 10_000
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def unused() -> int:
    """A port of 127.0.0.1 on which nobody listens.

    It is none of those that the system gives to connections and to servers without a port: another
    test may get any of these before the server that is meant has begun to listen.
    """
    first_given = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else _FIRST_GIVEN
    draw = random.SystemRandom()  # not the same ports as in other processes
    for _ in range(1_000):
        port = draw.randrange(_LOWEST, first_given)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # somebody has it
                continue
        return port
    raise AssertionError("there is no unused port")

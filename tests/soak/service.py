"""A local Descope in a process of its own, that can be killed and comes back."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from attrs import define

from descope_async.emulator import Emulator, Fault

ROOT: Final = Path(__file__).parents[2]
ACCOUNT: Final = ("Psoak", "Ksoak")

#: How often each of them happens, by itself.
_FAULTS: Final = (
    Fault("close", commit=True, probability=0.02),
    Fault("close", probability=0.02),
    Fault("reset", reused=True, probability=0.03),
    Fault("status", status=502, commit=True, probability=0.02),
    Fault("status", status=521, probability=0.02),
    Fault("stall", commit=True, seconds=20, probability=0.005),
    Fault("stall_body", seconds=20, probability=0.003),
    Fault("truncate", probability=0.01),
    Fault("garbage", commit=True, probability=0.01),
    Fault("invalid_json", probability=0.01),
    Fault("delay", seconds=0.3, probability=0.05),
    Fault("drip", seconds=0.3, probability=0.03),
    Fault("rate_limit", retry_after=1, probability=0.002),
)


@define
class Service:
    """The process.

    Attributes:
        port: Where it listens, each time.
        data: What it keeps.
        kills: How often it was killed.
    """

    port: int
    data: Path
    kills: int = 0
    _process: subprocess.Popen[str] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, misbehaves: bool) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "tests.soak.service", str(self.port), str(self.data)]
        command += ["misbehaves"] * misbehaves
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        assert self._process.stdout.readline() == "listening\n"

    def kill(self) -> None:
        """End it in the middle of what it does."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()
        self.kills += 1


async def _serve(port: int, data: Path, *, misbehaves: bool) -> None:
    async with Emulator(*ACCOUNT, port=port, data=data, signing_algorithm="ES256") as emulator:
        for fault in _FAULTS if misbehaves else ():
            emulator.faults.add(fault)
        print("listening", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2]), misbehaves="misbehaves" in sys.argv))

"""Options: what an emulator was constructed with, checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from descope_async.emulator import _arguments as arguments
from descope_async.emulator import _controls as controls
from descope_async.emulator._memory.signing_keys import ALGORITHMS, Algorithm
from descope_async.emulator._memory.state import usable_id
from descope_async.emulator.errors import EmulatorError

from .addresses import is_loopback

_ROTATIONS: Final = range(366 * 24 * 3600 + 1)


@frozen(kw_only=True)
class Options:
    """What an emulator was constructed with; see `Emulator`.

    Raises:
        EmulatorError: A value cannot be used.
    """

    project_id: str | None
    management_key: str | None = field(repr=False)
    control_token: str = field(repr=False)
    host: str
    port: int
    data: Path | None
    seed: str | Path | Mapping[str, Any] | None = field(repr=False)
    unsafe_bind: bool
    token_lifetime: int
    signing_algorithm: Algorithm
    key_rotation: int
    tls: bool
    strict: bool
    rate_limits: bool

    def __attrs_post_init__(self) -> None:
        arguments.text("host", self.host)  # an empty one would mean every address
        for name in ("unsafe_bind", "tls", "strict", "rate_limits"):
            arguments.flag(name, getattr(self, name))
        if not self.unsafe_bind and not is_loopback(self.host):
            raise EmulatorError(
                f"host {self.host} can be reached by other machines; use a loopback address, or "
                "allow it (--unsafe-bind; unsafe_bind=True in Python)"
            )
        if self.signing_algorithm not in ALGORITHMS:
            raise EmulatorError(f"signing_algorithm must be one of {', '.join(ALGORITHMS)}")
        if self.project_id is not None:
            usable_id(self.project_id)
        arguments.integer("port", self.port, range(2**16), "1 to 65535, or 0 for a free one")
        controls.token_lifetime(self.token_lifetime)
        arguments.integer(
            "key_rotation", self.key_rotation, _ROTATIONS, "0 for never, or seconds up to 366 days"
        )

"""What a session token claims, and whether it would pass: ``descope-keys inspect``."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final, cast

from attrs import frozen

from descope_async._values.numbers import is_number
from descope_async.errors import ConfigurationError, DescopeError, TokenError

from . import moments, output
from .exit_codes import ExitCode
from .parameters import Argument, Option
from .running import Run, carry_out, current
from .standard_input import piped
from .streams import write
from .whole_files import read_file

#: Characters of a file that holds a token: far more than any token has.
_LONGEST: Final = 2**20
_TIMES: Final = ("exp", "iat", "nbf")
_UNCHECKED: Final = (
    "not judged: its signature was not checked, because no signing keys were asked for. "
    "Add --online, or set DESCOPE_PUBLIC_KEY"
)


@frozen
class TokenReport:
    """What was found out about a token.

    Attributes:
        header: Its header; empty when it cannot be read.
        claims: Its claims; empty when they cannot be read, as those of an encrypted token.
        passes: Whether it would pass; None when that was not judged.
        verdict: That in words.
    """

    header: dict[str, Any]
    claims: dict[str, Any]
    passes: bool | None
    verdict: str

    def as_json(self) -> str:
        """One JSON document."""
        return output.document(
            "token_report",
            header=self.header,
            claims=self.claims,
            passes=self.passes,
            verdict=self.verdict,
        )

    def as_text(self) -> str:
        """For a person: the verdict first."""
        lines = [self.verdict]
        for part, members in (("header", self.header), ("claims", self.claims)):
            lines += [f"{part}.{name}: {_shown(name, value)}" for name, value in members.items()]
        return "\n".join(lines)


async def report(run: Run, jwt: str, *, audience: str | None, online: bool) -> TokenReport:
    """Read a token, and judge it when there are signing keys to judge it by."""
    parts = jwt.split(".")
    header, claims = _decoded(parts[0]), _decoded(parts[1]) if len(parts) == 3 else {}  # noqa: PLR2004
    passes, verdict = await _judged(run, jwt, audience=audience, online=online)
    return TokenReport(header, claims, passes, verdict)


async def _judged(
    run: Run, jwt: str, *, audience: str | None, online: bool
) -> tuple[bool | None, str]:
    try:
        async with run.client() as client:
            if not online:
                # Without I/O, a client knows only the keys that its settings pin.
                if client.validate_session_nowait(jwt, audience) is None:
                    return None, _UNCHECKED
            else:
                await client.validate_session(jwt, audience)
    except TokenError as error:
        return False, f"refused: {error}"
    except ConfigurationError as error:
        return None, f"not judged: {error}"
    except DescopeError as error:
        return None, f"not judged: {error}"
    return True, "passes"


def _decoded(segment: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _shown(name: str, value: Any) -> str:
    if name in _TIMES and is_number(value):
        try:
            away = value - moments.now()
            return f"{value} ({moments.iso(value)}, {_distance(away)})"
        except (ValueError, OverflowError, OSError):
            return str(value)
    return output.printable(
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    )


def _distance(seconds: float) -> str:
    size = abs(seconds)
    unit, name = next(
        (each for each in ((86_400, "d"), (3_600, "h"), (60, "min")) if size >= each[0]), (1, "s")
    )
    amount = f"{size / unit:.0f} {name}"
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def inspect_token(
    file: Annotated[
        Path | None,
        Argument(help="A file that holds the token; stdin for - or without one.", dir_okay=False),
    ] = None,
    audience: Annotated[str | None, Option(help="The audience that the token must be for.")] = None,
    online: Annotated[
        bool,
        Option("--online", help="Fetch the project's signing keys to check the signature."),
    ] = False,
    as_json: Annotated[bool, Option("--json", help="Write one JSON document.")] = False,
) -> None:
    """``descope-keys inspect``."""

    async def work() -> ExitCode:
        found = await report(current(), _read(file), audience=audience, online=online)
        write((found.as_json() if as_json else found.as_text()) + "\n")
        return ExitCode.DONE if found.passes else ExitCode.FAILED

    carry_out(work)


def _read(file: Path | None) -> str:
    if file is None or str(file) == "-":
        if sys.stdin.isatty():
            raise ConfigurationError("pass the token on stdin, or name a file that holds it")
        return piped("the token", _LONGEST).strip()
    try:
        return read_file(file, _LONGEST).decode().strip()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is no UTF-8 text") from None

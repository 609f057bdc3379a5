"""``descope-keys doctor``: what is wrong between here and the service, and what to do."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from attrs import frozen

import descope_async
from descope_async.errors import (
    ConfigurationError,
    ConnectionFailed,
    Forbidden,
    NotFound,
    ProxyRefused,
    TLSFailed,
    Unauthorized,
)

if TYPE_CHECKING:
    from descope_async._calls.readiness import Problem, Readiness, Subject

from . import output
from .exit_codes import ExitCode
from .parameters import Option
from .running import Run, carry_out, current, without_code
from .streams import write

_SET_IT: Final = "set it in the environment or in a profile: descope-keys --help"
_CORRECT_IT: Final = "correct it in the environment or in the profile"


@frozen
class Finding:
    """What one examination found.

    Attributes:
        about: What was examined.
        is_good: Whether nothing is wrong.
        said: What was found.
        advice: What to do; empty for nothing.
    """

    about: str
    is_good: bool
    said: str
    advice: str = ""


def doctor(
    as_json: Annotated[bool, Option("--json", help="Write one JSON document.")] = False,
    exit_code: Annotated[
        bool, Option("--exit-code", help=f"Leave with {ExitCode.FOUND} if anything is wrong.")
    ] = False,
) -> None:
    """``descope-keys doctor``."""

    async def work() -> ExitCode:
        findings = [finding async for finding in _examined(current())]
        if as_json:
            listed = [
                {
                    "about": each.about,
                    "good": each.is_good,
                    "said": each.said,
                    "advice": each.advice,
                }
                for each in findings
            ]
            write(output.document("doctor", findings=listed) + "\n")
        else:
            write("".join(map(_lines, findings)))
        is_well = all(each.is_good for each in findings)
        return ExitCode.DONE if is_well or not exit_code else ExitCode.FOUND

    carry_out(work)


def _lines(found: Finding) -> str:
    said = f"{'ok ' if found.is_good else 'BAD'}  {found.about}: {found.said}\n"
    return f"{said}     {found.advice}\n" if found.advice else said


async def _examined(run: Run) -> AsyncGenerator[Finding]:
    try:
        async with run.client() as client:
            if missing := client.check():
                yield Finding(
                    "settings",
                    is_good=False,
                    said="; ".join(map(without_code, missing)),
                    advice=_SET_IT,
                )
            else:
                yield Finding("settings", is_good=True, said=run.where(client))
            readiness = client._readiness  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - a part of this package
            yield _way(client, readiness)
            examination = await readiness.examine(management=True)
            problems = {each.about: each for each in examination.problems}
            well: dict[Subject, str] = {
                "service": "it answers, and has signing keys for the project",
                "clock": "it agrees with the service's",
                "rights": "the management key may manage access keys",
                "tier": f"rate limits are those of {readiness.tier}",
            }
            for about, said in well.items():
                if about in problems:
                    yield _bad(problems[about])
                elif about in examination.examined:
                    yield Finding(about, is_good=True, said=said)
    except ConfigurationError as error:
        yield Finding("settings", is_good=False, said=str(error), advice=_CORRECT_IT)


def _bad(problem: Problem) -> Finding:
    return Finding(problem.about, is_good=False, said=problem.sentence, advice=_advice(problem))


def _advice(problem: Problem) -> str:
    match problem.about, problem.error:
        case "service", error:
            return _advice_about_service(error)
        case "clock", _:
            return (
                "set this machine's clock, by NTP for example: valid tokens are refused otherwise"
            )
        case "rights", Unauthorized() | Forbidden():
            return "make a management key that may manage access keys, in the Descope console"
        case "tier", _:
            return "large jobs go on, slowly"
        case _:
            return "try again"


def _advice_about_service(error: BaseException | None) -> str:
    match error:
        case ProxyRefused():
            return "correct the proxy in HTTPS_PROXY"
        case TLSFailed():
            return "name the authority that your proxy uses in SSL_CERT_FILE"
        case NotFound():
            return "check the project id and base URL"
        case ConnectionFailed():
            return "look at network, DNS and proxy"
        case _:
            return "look at https://status.descope.com, and try again"


def _way(client: descope_async.DescopeClient, readiness: Readiness) -> Finding:
    parts = [f"{urlsplit(client.base_url).hostname}"]
    parts.append(f"through the proxy {readiness.proxy}" if readiness.proxy else "directly")
    if readiness.authority_variables:
        parts.append(f"with the authorities of {' and '.join(readiness.authority_variables)}")
    return Finding("way", is_good=True, said=", ".join(parts))

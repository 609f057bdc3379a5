"""``descope-keys doctor``: what is wrong between here and the service, and what to do."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer
from attrs import frozen

import descope_async
from descope_async.errors import (
    ConfigurationError,
    ConnectionFailed,
    DescopeError,
    Forbidden,
    KeySetUnavailable,
    NotFound,
    TLSFailed,
    Unauthorized,
)

from . import output
from .exit_codes import ExitCode
from .running import Run, carry_out, current

#: What the environment may say about the way to the service.
_ON_THE_WAY: Final = (
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)


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
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help=f"Leave with {ExitCode.FOUND} if anything is wrong.")
    ] = False,
) -> None:
    """Examine settings, network, certificates and rights, and say what to do."""

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
            typer.echo(output.document("doctor", findings=listed))
        else:
            for each in findings:
                typer.echo(f"{'ok ' if each.is_good else 'BAD'}  {each.about}: {each.said}")
                if each.advice:
                    typer.echo(f"     {each.advice}")
        is_well = all(each.is_good for each in findings)
        return ExitCode.DONE if is_well or not exit_code else ExitCode.FOUND

    carry_out(work)


async def _examined(run: Run) -> AsyncGenerator[Finding]:
    try:
        async with run.client() as client:
            yield Finding("settings", is_good=True, said=run.where(client))
            yield _way(client)
            reached = await _reached(client)
            yield reached
            if reached.is_good:
                yield await _rights(client)
    except ConfigurationError as error:
        yield Finding("settings", is_good=False, said=str(error), advice="see descope-keys --help")


def _way(client: descope_async.DescopeClient) -> Finding:
    host = urlsplit(client.base_url).hostname
    # A proxy's URL may hold a password, so only the names are shown.
    found = ", ".join(name for name in _ON_THE_WAY if os.environ.get(name))
    return Finding("way", is_good=True, said=f"{host}, {f'by {found}' if found else 'directly'}")


async def _reached(client: descope_async.DescopeClient) -> Finding:
    try:
        await client.refresh_key_set()
    except KeySetUnavailable as error:
        cause = error.__cause__
        advice = "look at network, DNS and proxy"
        if isinstance(cause, TLSFailed):
            advice = "name the authority that your proxy uses in SSL_CERT_FILE"
        elif isinstance(cause, NotFound):
            advice = "check the project id and base URL"
        elif not isinstance(cause, ConnectionFailed):
            advice = "look at https://status.descope.com, and try again"
        return Finding("service", is_good=False, said=str(cause or error), advice=advice)
    return Finding("service", is_good=True, said="it answers, and has signing keys for the project")


async def _rights(client: descope_async.DescopeClient) -> Finding:
    try:
        keys = await client.mgmt.access_key.search_all_access_keys()
    except ConfigurationError as error:
        return Finding(
            "rights", is_good=False, said=str(error), advice="set DESCOPE_MANAGEMENT_KEY"
        )
    except (Unauthorized, Forbidden) as error:
        advice = (
            "make a management key with the right to manage access keys, in the Descope console"
        )
        return Finding("rights", is_good=False, said=str(error), advice=advice)
    except DescopeError as error:
        return Finding("rights", is_good=False, said=str(error), advice="try again")
    return Finding("rights", is_good=True, said=f"the management key sees {len(keys)} access keys")

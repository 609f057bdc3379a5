"""The commands with which one tries things out: ``emulator`` and ``demo``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import click

from .parameters import Option


class LogFormat(StrEnum):
    """How the emulator shows requests."""

    TEXT = "text"
    JSON = "json"


def emulator(
    host: Annotated[str, Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    project_id: Annotated[
        str | None, Option(help="Project to serve; a random one if not given.")
    ] = None,
    management_key: Annotated[
        str | None, Option(help="Its management key; a random one if not given.")
    ] = None,
    data: Annotated[
        Path | None, Option(help="SQLite file to keep everything in; memory if not given.")
    ] = None,
    seed: Annotated[Path | None, Option(help="YAML or JSON file of what to start with.")] = None,
    token_lifetime: Annotated[
        int, Option(help="Seconds that a session token lives, up to 4 weeks.")
    ] = 600,
    key_rotation: Annotated[
        int, Option(help="Seconds after which signing keys are rotated; 0 for never.")
    ] = 86_400,
    env: Annotated[bool, Option("--env", help="Print only the variables to export.")] = False,
    unsafe_bind: Annotated[
        bool, Option("--unsafe-bind", help="Allow an address that other machines can reach.")
    ] = False,
    tls: Annotated[
        bool, Option("--tls", help="Speak TLS, with a certificate made for this run.")
    ] = False,
    strict: Annotated[
        bool,
        Option("--strict", help="Refuse roles, tenants and attributes that do not exist."),
    ] = False,
    rate_limits: Annotated[
        bool, Option("--rate-limits", help="Refuse too many requests, as the service does.")
    ] = False,
    quiet: Annotated[bool, Option("--quiet", "-q", help="Show no requests.")] = False,
    log: Annotated[
        LogFormat | None,
        Option(help="How to show requests, on standard error; text on a terminal."),
    ] = None,
) -> None:
    """``descope-keys emulator``."""
    from .emulator import serve

    serve(
        {
            "project_id": project_id,
            "management_key": management_key,
            "host": host,
            "port": port,
            "data": data,
            "seed": seed,
            "token_lifetime": token_lifetime,
            "key_rotation": key_rotation,
            "unsafe_bind": unsafe_bind,
            "tls": tls,
            "strict": strict,
            "rate_limits": rate_limits,
        },
        env=env,
        log="" if quiet else log and log.value,
    )


@click.pass_context
def demo(
    context: click.Context,
    base_url: Annotated[
        str | None, Option(help="A real Descope to run on, instead of a local one.")
    ] = None,
    project_id: Annotated[
        str | None,
        Option(envvar="DESCOPE_PROJECT_ID", help="Its project; only with --base-url."),
    ] = None,
    management_key: Annotated[
        str | None,
        Option(envvar="DESCOPE_MANAGEMENT_KEY", help="Its management key; only with --base-url."),
    ] = None,
    verbose: Annotated[
        bool, Option("--verbose", "-v", help="Show every call and its result.")
    ] = False,
) -> None:
    """``descope-keys demo``."""
    sources = [context.get_parameter_source(name) for name in ("project_id", "management_key")]
    if base_url is None and any(source and source.name == "COMMANDLINE" for source in sources):
        raise click.BadParameter(
            "a project and a management key are for a real Descope: "
            "add --base-url, such as https://api.descope.com"
        )
    from .demo import run

    raise click.exceptions.Exit(run(base_url, project_id, management_key, verbose=verbose))

"""The commands about session tokens: ``exchange``, ``header``, ``exec`` and ``inspect``."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated, Final, NoReturn

import click

import descope_async
from descope_async.errors import ConfigurationError

from . import moments, output
from .exit_codes import ExitCode
from .name_values import pairs
from .parameters import Option
from .running import carry_out, current
from .standard_input import answer, piped
from .streams import write

#: Characters of a key on stdin: far more than any key has.
_LONGEST: Final = 1_000_000
_VARIABLE: Final = "DESCOPE_ACCESS_KEY"
_SESSION_VARIABLE: Final = "DESCOPE_SESSION_TOKEN"
#: What to do about an access key that is missing or refused.
_ADVICE: Final = (
    f"Check the access key that --key names ({_VARIABLE} without it), and DESCOPE_PROJECT_ID"
    "\n  or the profile that --profile names: the key must be one of that project, active and not expired."
)

AccessKeyFrom = Annotated[
    str,
    Option(
        "--key",
        "-k",
        help="Where the access key is: env:NAME, file:PATH, keyring:SERVICE/NAME, or - for stdin.",
        metavar="WHERE",
    ),
]
Tenant = Annotated[str | None, Option(help="The tenant to act in.", metavar="ID")]
Claims = Annotated[
    list[str] | None,
    Option("--claim", help="A claim to nest under nsec.", metavar="NAME=VALUE"),
]
Reveal = Annotated[bool, Option("--reveal", help="Show the token although stdout is a terminal.")]


def exchange(
    key: AccessKeyFrom = f"env:{_VARIABLE}",
    tenant: Tenant = None,
    claim: Claims = None,
    reveal: Reveal = False,
    as_json: Annotated[
        bool, Option("--json", help="Write what the token grants, without the token.")
    ] = False,
) -> None:
    """``descope-keys exchange``."""

    async def work() -> None:
        if not as_json:
            _refuse_terminal(reveal=reveal)
        session = await _exchanged(key, tenant, claim)
        if as_json:
            write(output.document("session_token", **_described(session)) + "\n")
        else:
            write(f"{session.jwt}\n")

    carry_out(work, advice=_ADVICE)


def header(
    key: AccessKeyFrom = f"env:{_VARIABLE}",
    tenant: Tenant = None,
    claim: Claims = None,
    reveal: Reveal = False,
) -> None:
    """``descope-keys header``."""

    async def work() -> None:
        _refuse_terminal(reveal=reveal)
        session = await _exchanged(key, tenant, claim)
        write(f"Authorization: Bearer {session.jwt}\n")

    carry_out(work, advice=_ADVICE)


@click.pass_context
def exec_command(
    context: click.Context,
    key: AccessKeyFrom = f"env:{_VARIABLE}",
    tenant: Tenant = None,
    claim: Claims = None,
    variable: Annotated[
        str, Option(help="The environment variable that gets the token.", metavar="NAME")
    ] = _SESSION_VARIABLE,
) -> None:
    """``descope-keys exec``."""
    command = context.args
    if not command:
        raise click.BadParameter("name the command to run, after --")
    if not variable or "=" in variable:
        raise click.BadParameter(f"{variable!r} cannot be the name of a variable")

    async def work() -> ExitCode | None:
        session = await _exchanged(key, tenant, claim)
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in {_VARIABLE, "DESCOPE_MANAGEMENT_KEY", "DESCOPE_AUTH_MANAGEMENT_KEY"}
            and key != f"env:{name}"
        }
        _become(command, {**environment, variable: session.jwt})

    carry_out(work, advice=_ADVICE)


async def _exchanged(
    key: str, tenant: str | None, claims: list[str] | None
) -> descope_async.SessionToken:
    options = descope_async.AccessKeyLoginOptions(
        custom_claims=pairs(claims), selected_tenant=tenant
    )
    async with current().client() as client:
        return await client.exchange_access_key(_access_key(key), login_options=options)


def _refuse_terminal(*, reveal: bool) -> None:
    if sys.stdout.isatty() and not reveal:
        raise ConfigurationError(
            "stdout is a terminal, where everybody who looks sees the token: pipe it on, or add --reveal"
        )


def _described(session: descope_async.SessionToken) -> dict[str, object]:
    return {
        "keyId": session.key_id,
        "projectId": session.project_id,
        "expiresAt": moments.iso(session.expires_at.timestamp()),
        "roles": list(session.roles),
        "permissions": list(session.permissions),
        "tenants": list(session.tenants),
        "currentTenant": session.current_tenant,
    }


def _become(command: list[str], environment: dict[str, str]) -> NoReturn:
    """Go on as another program: its signals and its exit code are then its own."""
    try:
        if os.name == "posix":
            os.execvpe(command[0], command, environment)  # noqa: S606 - the user named the program
        done = subprocess.run(command, env=environment, check=False)  # noqa: S603 - as above
    except FileNotFoundError:
        raise ConfigurationError(f"there is no command {command[0]!r}") from None
    except OSError as error:
        raise ConfigurationError(f"{command[0]!r} cannot be run: {error.strerror}") from None
    raise click.exceptions.Exit(done.returncode)


def _access_key(where: str) -> str:
    if where == "-":
        is_typed = sys.stdin.isatty()
        return answer("Access key", is_secret=True) if is_typed else piped("the key", _LONGEST)
    return descope_async.SecretReference.parse(where).read()

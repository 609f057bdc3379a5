"""The commands that use an access key, and those that examine what does not work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .command import Command

_PANEL: Final = "Use an access key"


def _exchange() -> Callable[..., None]:
    from descope_async.cli.tokens import exchange

    return exchange


def _header() -> Callable[..., None]:
    from descope_async.cli.tokens import header

    return header


def _exec() -> Callable[..., None]:
    from descope_async.cli.tokens import exec_command

    return exec_command


def _doctor() -> Callable[..., None]:
    from descope_async.cli.doctor import doctor

    return doctor


def _inspect() -> Callable[..., None]:
    from descope_async.cli.token_report import inspect_token

    return inspect_token


USE: Final = (
    Command(
        "exchange",
        _PANEL,
        _exchange,
        (
            "Exchange an access key for a session token.",
            "The token is written to stdout. On a terminal, that needs --reveal.",
        ),
        {
            "descope-keys exchange --json": "what the token of $DESCOPE_ACCESS_KEY grants",
            "TOKEN=$(descope-keys exchange -k file:key.txt)": "a session token in a variable",
        },
    ),
    Command(
        "header",
        _PANEL,
        _header,
        (
            "Write an Authorization header with a fresh session token.",
            "It is for curl -H @-. On a terminal, that needs --reveal.",
        ),
        {
            "descope-keys header | curl -H @- https://api.example.com": "a call with curl",
            "descope-keys header -k file:key.txt --tenant t1 | curl -H @- https://api.example.com": "the same in a tenant",
        },
    ),
    Command(
        "exec",
        _PANEL,
        _exec,
        (
            "Run a command with a fresh session token in its environment.",
            "The access key and the management key are taken out of the command's environment.",
        ),
        {
            "descope-keys exec -- ./report.sh": "a script with $DESCOPE_SESSION_TOKEN set",
            "descope-keys exec -k env:CI_KEY --variable TOKEN -- make deploy": "under another name",
        },
        {"allow_extra_args": True, "ignore_unknown_options": True},
    ),
    Command(
        "doctor",
        _PANEL,
        _doctor,
        ("Examine settings, network, clock and rights; say what to do.",),
        {
            "descope-keys doctor": "when something does not work",
            "descope-keys --profile staging doctor --exit-code": "for a job that must fail",
        },
    ),
    Command(
        "inspect",
        _PANEL,
        _inspect,
        (
            "Say what a session token claims, and whether it would pass.",
            (
                "Nothing is sent anywhere unless you ask for it with --online: without the project's "
                "signing keys the signature is not checked."
            ),
        ),
        {
            "descope-keys inspect token.txt": "what a token claims",
            "descope-keys exchange | descope-keys inspect --online": "whether it would pass",
        },
    ),
)

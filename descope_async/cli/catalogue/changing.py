"""The commands that change access keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .command import Command

_PANEL: Final = "Change access keys"


def _create() -> Callable[..., None]:
    from descope_async.cli.creating import create

    return create


def _provision() -> Callable[..., None]:
    from descope_async.cli.creating import provision

    return provision


def _update() -> Callable[..., None]:
    from descope_async.cli.changing import update

    return update


def _rotate() -> Callable[..., None]:
    from descope_async.cli.changing import rotate

    return rotate


def _replace() -> Callable[..., None]:
    from descope_async.cli.changing import replace

    return replace


def _activate() -> Callable[..., None]:
    from descope_async.cli.changing import activate

    return activate


def _deactivate() -> Callable[..., None]:
    from descope_async.cli.changing import deactivate

    return deactivate


def _delete() -> Callable[..., None]:
    from descope_async.cli.changing import delete

    return delete


CHANGE: Final = (
    Command(
        "create",
        _PANEL,
        _create,
        ("Create an access key, and put its secret where --to says.",),
        {
            "descope-keys create ci --expires 90d --role Reader --to 'file:keys/{id}.json'": "with its secret in a file",
            "descope-keys create ci --to 'dotenv:.env#API_KEY'": "with its secret in a .env file",
        },
    ),
    Command(
        "provision",
        _PANEL,
        _provision,
        (
            "Create an access key for each row of a CSV file.",
            (
                "The secrets go where --to says. Columns: name, and any of label, description, "
                "expires, roles, tenants (t1:Reader+Biller), permitted_ips, user_id, claims and "
                "attributes (JSON objects). In a cell, | or ; parts several values."
            ),
        ),
        {
            "descope-keys provision machines.csv --to 'file:keys/{label}.json' --dry-run": "the plan",
            "descope-keys provision machines.csv --to 'file:keys/{label}.json' --canary 3 --yes": "the keys, after proving three",
        },
    ),
    Command(
        "update",
        _PANEL,
        _update,
        (
            "Change access keys.",
            "What is not named stays as it is; a list replaces the whole list.",
        ),
        {
            "descope-keys update K2abc --description 'billing, night job'": "a new description",
            "descope-keys list -q --tenant t1 | descope-keys update - --permitted-ip 10.0.0.0/8 --yes": "an address list for many",
        },
    ),
    Command(
        "rotate",
        _PANEL,
        _rotate,
        (
            "Give access keys new secrets.",
            (
                "Their expiry stays: `replace` gives another one. Without --grace, the old secrets "
                "are dead at once."
            ),
        ),
        {
            "descope-keys rotate K2abc --to 'file:keys/{id}.json'": "a new secret; the old one is dead at once",
            "descope-keys rotate K2abc --grace 1d --to 'file:keys/{id}.json'": "a successor, and a day to change over",
        },
    ),
    Command(
        "replace",
        _PANEL,
        _replace,
        (
            "Give access keys successors with a new expiry.",
            (
                "The old ones go on to work for a while, and are then deactivated and deleted. "
                "`descope-keys resume` takes these steps when they are due: run it from cron."
            ),
        ),
        {
            "descope-keys replace K2abc --expires 90d --to 'file:keys/{id}.json'": "a successor with a new expiry",
            "descope-keys expiring -q | descope-keys replace - --expires 90d --to 'file:keys/{label}.json' --yes": "for all that expire soon",
        },
    ),
    Command(
        "activate",
        _PANEL,
        _activate,
        ("Let deactivated access keys work again.",),
        {
            "descope-keys activate K2abc": "one key",
            "descope-keys list -q --state inactive | descope-keys activate - --yes": "all that are switched off",
        },
    ),
    Command(
        "deactivate",
        _PANEL,
        _deactivate,
        (
            "Stop access keys from working.",
            "Session tokens that they were exchanged for go on to work until they end.",
        ),
        {
            "descope-keys deactivate K2abc": "one key, after asking",
            "descope-keys list -q --creator U2abc | descope-keys deactivate - --dry-run": "the plan for a person's keys",
        },
    ),
    Command(
        "delete",
        _PANEL,
        _delete,
        ("Delete access keys for good.",),
        {
            "descope-keys delete K2abc": "one key, after asking",
            "descope-keys list -q --state expired | descope-keys delete - --yes": "all that have expired",
        },
    ),
)

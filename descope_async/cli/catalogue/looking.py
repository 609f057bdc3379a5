"""The commands that look at access keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .command import Command

_PANEL: Final = "Look at access keys"


def _list() -> Callable[..., None]:
    from descope_async.cli.reading import list_keys

    return list_keys


def _show() -> Callable[..., None]:
    from descope_async.cli.reading import show

    return show


def _search() -> Callable[..., None]:
    from descope_async.cli.reading import search

    return search


def _expiring() -> Callable[..., None]:
    from descope_async.cli.reading import expiring

    return expiring


def _export() -> Callable[..., None]:
    from descope_async.cli.reading import export

    return export


def _audit() -> Callable[..., None]:
    from descope_async.cli.audit import audit_command

    return audit_command


LOOK: Final = (
    Command(
        "list",
        _PANEL,
        _list,
        ("List access keys, all of them or those that meet every criterion.",),
        {
            "descope-keys list --state active --sort name": "all active keys by name",
            "descope-keys list -q --name 'ci-*'": "the ids of the keys whose name begins with ci-",
        },
    ),
    Command(
        "show",
        _PANEL,
        _show,
        (
            "Show everything about access keys.",
            "Their secrets are never shown: nobody has them.",
        ),
        {
            "descope-keys show K2abc": "everything about one key",
            "descope-keys list -q --tenant t1 | descope-keys show - --json": "the keys of a tenant as JSON",
        },
    ),
    Command(
        "search",
        _PANEL,
        _search,
        ("Find access keys in which a text occurs.",),
        {
            "descope-keys search billing": "keys in which the text occurs",
            "descope-keys search billing --json": "the same as JSON",
        },
    ),
    Command(
        "expiring",
        _PANEL,
        _expiring,
        ("List active access keys that expire soon, the first at the top.",),
        {
            "descope-keys expiring --within 14d": "keys that expire in the next two weeks",
            "descope-keys expiring --exit-code -q": "for a job that must fail when there are any",
        },
    ),
    Command(
        "export",
        _PANEL,
        _export,
        (
            "Write access keys as JSON, JSON lines or CSV.",
            "All of the project, or those that meet every criterion.",
        ),
        {
            "descope-keys export -f csv -o keys.csv": "all keys for a spreadsheet",
            "descope-keys export -f jsonl | jq -r .name": "all keys, one a line",
        },
    ),
    Command(
        "audit",
        _PANEL,
        _audit,
        (
            "Find access keys that are doubtful, and say what to do.",
            (
                "The rules: over-broad (an administrator's role, or very many tenants), no-expiry, "
                "no-ip-list, twins (several active keys of one name), old, and no-roles. Keys that "
                "nobody can use are left out."
            ),
        ),
        {
            "descope-keys audit": "what is doubtful, with what to do",
            "descope-keys audit -f sarif --exit-code > audit.sarif": "for a build server",
        },
    ),
)

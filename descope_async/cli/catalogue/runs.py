"""The commands about runs that are not finished, and about stored secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .command import Command

_PANEL: Final = "Runs that are not finished"


def _resume() -> Callable[..., None]:
    from descope_async.cli.unfinished_runs import resume

    return resume


def _journal() -> Callable[..., None]:
    from descope_async.cli.unfinished_runs import journal

    return journal


def _rescue() -> Callable[..., None]:
    from descope_async.cli.unfinished_runs import rescue

    return rescue


def _verify() -> Callable[..., None]:
    from descope_async.cli.unfinished_runs import verify

    return verify


RUNS: Final = (
    Command(
        "resume",
        _PANEL,
        _resume,
        (
            "Go on with runs that were interrupted, or whose next step is due.",
            (
                "It is safe to run from cron: when there is nothing to do, it does nothing, and two "
                "do not work at the same time."
            ),
        ),
        {
            "descope-keys resume": "all runs that are not finished",
            "descope-keys resume 20260101-120000-rotate-77 --confirm K2abc": "one, whose secret works elsewhere",
        },
    ),
    Command(
        "journal",
        _PANEL,
        _journal,
        ("Show the runs that are not finished, or the keys of one.",),
        {
            "descope-keys journal": "which runs are not finished",
            "descope-keys journal 20260101-120000-rotate-77": "what has become of its keys",
        },
    ),
    Command(
        "rescue",
        _PANEL,
        _rescue,
        ("Store secrets that no sink had taken, and go on with their run.",),
        {
            "descope-keys rescue 20260101-120000-rotate-77": "after the sink works again",
            "descope-keys rescue 20260101-120000-rotate-77 --to 'file:other/{id}.json'": "to another sink",
        },
    ),
    Command(
        "verify",
        _PANEL,
        _verify,
        ("Prove that stored secrets work, by exchanging each.",),
        {
            "descope-keys verify file:keys/K2abc.json": "whether a stored secret works",
            "descope-keys verify dotenv:.env#API_KEY file:keys/K2abc.json": "the same of several",
        },
    ),
)

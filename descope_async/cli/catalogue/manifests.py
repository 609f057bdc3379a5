"""The commands about manifests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .command import Command

_PANEL: Final = "Keys as a file describes them"


def _plan() -> Callable[..., None]:
    from descope_async.cli.manifest.commands import plan

    return plan


def _apply() -> Callable[..., None]:
    from descope_async.cli.manifest.commands import apply

    return apply


def _drift() -> Callable[..., None]:
    from descope_async.cli.manifest.commands import drift

    return drift


def _import() -> Callable[..., None]:
    from descope_async.cli.manifest.commands import import_keys

    return import_keys


MANIFEST: Final = (
    Command(
        "plan",
        _PANEL,
        _plan,
        (
            "Show what a manifest would change.",
            (
                "A manifest is a YAML file that describes access keys. Nothing is changed by this "
                "command. What the manifest does not say about a key is left as it is, and keys that "
                "are not in it are left alone unless --prune says otherwise."
            ),
        ),
        {
            "descope-keys plan": "what keys.yaml would change",
            "descope-keys plan keys.yaml -o plan.json": "the same, to apply it as it was shown",
        },
    ),
    Command(
        "apply",
        _PANEL,
        _apply,
        (
            "Change access keys so that they are as a manifest says.",
            (
                "The plan is shown, and you are asked. A saved plan is not asked about: it is applied"
                " as it was shown, or refused."
            ),
            (
                "An expiry or a user cannot be changed, so such a key gets a successor. Run "
                "`descope-keys resume` from cron: it retires the old key when its time is over."
            ),
        ),
        {
            "descope-keys apply": "what keys.yaml says, after asking",
            "descope-keys apply keys.yaml --plan plan.json": "a plan that somebody has looked at",
        },
    ),
    Command(
        "drift",
        _PANEL,
        _drift,
        (
            "Find out whether access keys are still as a manifest says.",
            (
                "Leaves with 20 if they are not. With --prune, keys that the manifest does not "
                "describe count as a difference too. Nothing is changed."
            ),
        ),
        {
            "descope-keys drift": "for a pipeline that must fail when somebody changed a key by hand",
            "descope-keys drift keys.yaml --prune all --json": "also when there are keys that no manifest describes",
        },
    ),
    Command(
        "import",
        _PANEL,
        _import,
        (
            "Take access keys that there are already into a manifest.",
            (
                "They are described as they are now. A label that the manifest describes already is "
                "only connected with the key. Nothing is changed at the service."
            ),
        ),
        {
            "descope-keys import K2abc --label billing": "one key",
            "descope-keys list -q --state active | descope-keys import -": "all active keys",
        },
    ),
)

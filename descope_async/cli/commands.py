"""Every command of ``descope-keys`` that works on a project, with its place and its examples."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import typer
from attrs import field, frozen

from . import audit, changing, creating, doctor, journals, reading, token_report, tokens
from .manifest import commands as manifests

LOOK: Final = "Look at access keys"
CHANGE: Final = "Change access keys"
MANIFEST: Final = "Keys as a file describes them"
RUNS: Final = "Runs that are not finished"
USE: Final = "Use an access key"


@frozen
class Command:
    """A command.

    Attributes:
        name: What one types.
        panel: The group of commands that ``--help`` shows it in.
        work: What it does; its docstring is its help.
        examples: Two or more command lines, each with what it does.
        settings: Settings of its context.
    """

    name: str
    panel: str
    work: Callable[..., None]
    examples: Mapping[str, str]
    settings: Mapping[str, Any] = field(factory=dict[str, Any])


COMMANDS: Final = (
    Command(
        "list",
        LOOK,
        reading.list_keys,
        {
            "descope-keys list --state active --sort name": "all active keys by name",
            "descope-keys list -q --name 'ci-*'": "the ids of the keys whose name begins with ci-",
        },
    ),
    Command(
        "show",
        LOOK,
        reading.show,
        {
            "descope-keys show K2abc": "everything about one key",
            "descope-keys list -q --tenant t1 | descope-keys show - --json": "the keys of a tenant as JSON",
        },
    ),
    Command(
        "search",
        LOOK,
        reading.search,
        {
            "descope-keys search billing": "keys in which the text occurs",
            "descope-keys search billing --json": "the same as JSON",
        },
    ),
    Command(
        "expiring",
        LOOK,
        reading.expiring,
        {
            "descope-keys expiring --within 14d": "keys that expire in the next two weeks",
            "descope-keys expiring --exit-code -q": "for a job that must fail when there are any",
        },
    ),
    Command(
        "export",
        LOOK,
        reading.export,
        {
            "descope-keys export -f csv -o keys.csv": "all keys for a spreadsheet",
            "descope-keys export -f jsonl | jq -r .name": "all keys, one a line",
        },
    ),
    Command(
        "audit",
        LOOK,
        audit.audit_command,
        {
            "descope-keys audit": "what is doubtful, with what to do",
            "descope-keys audit -f sarif --exit-code > audit.sarif": "for a build server",
        },
    ),
    Command(
        "create",
        CHANGE,
        creating.create,
        {
            "descope-keys create ci --expires 90d --role Reader --to 'file:keys/{id}.json'": "with its secret in a file",
            "descope-keys create ci --to 'dotenv:.env#API_KEY'": "with its secret in a .env file",
        },
    ),
    Command(
        "provision",
        CHANGE,
        creating.provision,
        {
            "descope-keys provision machines.csv --to 'file:keys/{label}.json' --dry-run": "the plan",
            "descope-keys provision machines.csv --to 'file:keys/{label}.json' --canary 3 --yes": "the keys, after proving three",
        },
    ),
    Command(
        "update",
        CHANGE,
        changing.update,
        {
            "descope-keys update K2abc --description 'billing, night job'": "a new description",
            "descope-keys list -q --tenant t1 | descope-keys update - --permitted-ip 10.0.0.0/8 --yes": "an address list for many",
        },
    ),
    Command(
        "rotate",
        CHANGE,
        changing.rotate,
        {
            "descope-keys rotate K2abc --to 'file:keys/{id}.json'": "a new secret; the old one is dead at once",
            "descope-keys rotate K2abc --grace 1d --to 'file:keys/{id}.json'": "a successor, and a day to change over",
        },
    ),
    Command(
        "replace",
        CHANGE,
        changing.replace,
        {
            "descope-keys replace K2abc --expires 90d --to 'file:keys/{id}.json'": "a successor with a new expiry",
            "descope-keys expiring -q | descope-keys replace - --expires 90d --to 'file:keys/{label}.json' --yes": "for all that expire soon",
        },
    ),
    Command(
        "activate",
        CHANGE,
        changing.activate,
        {
            "descope-keys activate K2abc": "one key",
            "descope-keys list -q --state inactive | descope-keys activate - --yes": "all that are switched off",
        },
    ),
    Command(
        "deactivate",
        CHANGE,
        changing.deactivate,
        {
            "descope-keys deactivate K2abc": "one key, after asking",
            "descope-keys list -q --creator U2abc | descope-keys deactivate - --dry-run": "the plan for a person's keys",
        },
    ),
    Command(
        "delete",
        CHANGE,
        changing.delete,
        {
            "descope-keys delete K2abc": "one key, after asking",
            "descope-keys list -q --state expired | descope-keys delete - --yes": "all that have expired",
        },
    ),
    Command(
        "plan",
        MANIFEST,
        manifests.plan,
        {
            "descope-keys plan": "what keys.yaml would change",
            "descope-keys plan keys.yaml -o plan.json": "the same, to apply it as it was shown",
        },
    ),
    Command(
        "apply",
        MANIFEST,
        manifests.apply,
        {
            "descope-keys apply": "what keys.yaml says, after asking",
            "descope-keys apply keys.yaml --plan plan.json": "a plan that somebody has looked at",
        },
    ),
    Command(
        "drift",
        MANIFEST,
        manifests.drift,
        {
            "descope-keys drift": "for a pipeline that must fail when somebody changed a key by hand",
            "descope-keys drift keys.yaml --prune all --json": "also when there are keys that no manifest describes",
        },
    ),
    Command(
        "import",
        MANIFEST,
        manifests.import_keys,
        {
            "descope-keys import K2abc --label billing": "one key",
            "descope-keys list -q --state active | descope-keys import -": "all active keys",
        },
    ),
    Command(
        "resume",
        RUNS,
        journals.resume,
        {
            "descope-keys resume": "all runs that are not finished",
            "descope-keys resume 20260101-120000-rotate-77 --confirm K2abc": "one, whose secret works elsewhere",
        },
    ),
    Command(
        "journal",
        RUNS,
        journals.journal,
        {
            "descope-keys journal": "which runs are not finished",
            "descope-keys journal 20260101-120000-rotate-77": "what has become of its keys",
        },
    ),
    Command(
        "rescue",
        RUNS,
        journals.rescue,
        {
            "descope-keys rescue 20260101-120000-rotate-77": "after the sink works again",
            "descope-keys rescue 20260101-120000-rotate-77 --to 'file:other/{id}.json'": "to another sink",
        },
    ),
    Command(
        "verify",
        RUNS,
        journals.verify,
        {
            "descope-keys verify file:keys/K2abc.json": "whether a stored secret works",
            "descope-keys verify dotenv:.env#API_KEY file:keys/K2abc.json": "the same of several",
        },
    ),
    Command(
        "exchange",
        USE,
        tokens.exchange,
        {
            "descope-keys exchange --json": "what the token of $DESCOPE_ACCESS_KEY grants",
            "TOKEN=$(descope-keys exchange -k file:key.txt)": "a session token in a variable",
        },
    ),
    Command(
        "header",
        USE,
        tokens.header,
        {
            "descope-keys header | curl -H @- https://api.example.com": "a call with curl",
            "descope-keys header -k file:key.txt --tenant t1 | curl -H @- https://api.example.com": (
                "the same in a tenant"
            ),
        },
    ),
    Command(
        "exec",
        USE,
        tokens.exec_command,
        {
            "descope-keys exec -- ./report.sh": "a script with $DESCOPE_SESSION_TOKEN set",
            "descope-keys exec -k env:CI_KEY --variable TOKEN -- make deploy": "under another name",
        },
        {"allow_extra_args": True, "ignore_unknown_options": True},
    ),
    Command(
        "doctor",
        USE,
        doctor.doctor,
        {
            "descope-keys doctor": "when something does not work",
            "descope-keys --profile staging doctor --exit-code": "for a job that must fail",
        },
    ),
    Command(
        "inspect",
        USE,
        token_report.inspect_token,
        {
            "descope-keys inspect token.txt": "what a token claims",
            "descope-keys exchange | descope-keys inspect --online": "whether it would pass",
        },
    ),
)


def register(app: typer.Typer) -> None:
    """Add the commands to an app."""
    for command in COMMANDS:
        examples = [f"{line}   {purpose}" for line, purpose in command.examples.items()]
        app.command(
            command.name,
            help=_paragraphs(command.work.__doc__ or ""),
            rich_help_panel=command.panel,
            epilog="\n\n".join(["Examples:", *examples]),
            context_settings=dict(command.settings),
        )(command.work)


def _paragraphs(docstring: str) -> str:
    """A docstring whose paragraphs are one line each, so that they fit every terminal."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)

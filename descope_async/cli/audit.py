"""What is doubtful about a project's access keys: pure rules, and ``descope-keys audit``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import click
from attrs import frozen

from descope_async import AccessKey

from . import moments, output
from .exit_codes import ExitCode
from .parameters import Option
from .running import carry_out, current
from .streams import write

Level = Literal["error", "warning", "note"]
_DAY: Final = 86_400


@frozen
class Settings:
    """What counts as old or over-broad.

    Attributes:
        now: Epoch seconds.
        max_age: Seconds after which a key that was never replaced is old.
        broad_roles: Roles that few machines should have.
        max_tenants: More tenants than this are over-broad.
    """

    now: float
    max_age: int = 365 * _DAY
    broad_roles: frozenset[str] = frozenset({"Tenant Admin"})
    max_tenants: int = 10


@frozen
class Rule:
    """A rule of the audit.

    Attributes:
        id: Its stable name.
        level: How much it matters.
        title: What is doubtful, for a list of rules.
        advice: What to do.
        finds: Judges a key: a sentence, or None when nothing is wrong. It also gets how often each name
            occurs among the keys.
    """

    id: str
    level: Level
    title: str
    advice: str
    finds: Callable[[AccessKey, Settings, Mapping[str, int]], str | None]


@frozen
class Finding:
    """What a rule found about a key."""

    rule: Rule
    key: AccessKey
    message: str

    def as_dict(self) -> dict[str, str]:
        """The finding as JSON."""
        return {
            "rule": self.rule.id,
            "level": self.rule.level,
            "keyId": self.key.id,
            "keyName": self.key.name,
            "message": self.message,
            "advice": self.rule.advice,
        }


def _never_expires(key: AccessKey, _: Settings, __: Mapping[str, int]) -> str | None:
    return None if key.expire_time else "it never expires"


def _any_address(key: AccessKey, _: Settings, __: Mapping[str, int]) -> str | None:
    return None if key.permitted_ips else "it may be used from any address"


def _grants_nothing(key: AccessKey, _: Settings, __: Mapping[str, int]) -> str | None:
    has_grants = key.role_names or key.key_tenants or key.bound_user_id
    return None if has_grants else "it has no roles, no tenants and no user"


def _too_broad(key: AccessKey, settings: Settings, _: Mapping[str, int]) -> str | None:
    roles = {*key.role_names, *(role for each in key.key_tenants for role in each.role_names)}
    broad = sorted(roles & settings.broad_roles)
    if broad:
        return f"it has the role {', '.join(broad)}"
    if len(key.key_tenants) > settings.max_tenants:
        return f"it belongs to {len(key.key_tenants)} tenants"
    return None


def _twins(key: AccessKey, _: Settings, names: Mapping[str, int]) -> str | None:
    return f"{names[key.name]} active keys have its name" if names[key.name] > 1 else None


def _old(key: AccessKey, settings: Settings, _: Mapping[str, int]) -> str | None:
    age = settings.now - key.created_time
    return f"it was made {int(age // _DAY)} days ago" if age > settings.max_age else None


RULES: Final = (
    Rule(
        "over-broad",
        "error",
        "A key has an administrator's role or very many tenants.",
        "Give it a role that holds only the permissions that the machine needs.",
        _too_broad,
    ),
    Rule(
        "no-expiry",
        "warning",
        "A key never expires.",
        "Replace it by a key with an expiry: descope-keys replace ID --expires 90d.",
        _never_expires,
    ),
    Rule(
        "no-ip-list",
        "warning",
        "A key may be used from any address.",
        "If the machine has fixed addresses: descope-keys update ID --permitted-ip ADDRESS.",
        _any_address,
    ),
    Rule(
        "twins",
        "warning",
        "Several active keys have one name.",
        "Find out which one is in use, and deactivate the others.",
        _twins,
    ),
    Rule(
        "old",
        "warning",
        "A key has had its secret for very long, unless it was rotated in place.",
        "Replace it by a fresh one: descope-keys replace ID --expires 90d.",
        _old,
    ),
    Rule(
        "no-roles",
        "note",
        "A key grants nothing.",
        "If nothing uses it: descope-keys deactivate ID.",
        _grants_nothing,
    ),
)


def audit(keys: Iterable[AccessKey], settings: Settings) -> list[Finding]:
    """What the rules find about the keys that can be used now."""
    active = [key for key in keys if output.state(key) == "active"]
    names = Counter(key.name for key in active)
    return list(_findings(active, settings, names))


def _findings(
    keys: Sequence[AccessKey], settings: Settings, names: Mapping[str, int]
) -> Iterator[Finding]:
    for rule in RULES:
        for key in keys:
            if (message := rule.finds(key, settings, names)) is not None:
                yield Finding(rule, key, message)


def as_text(findings: Sequence[Finding]) -> str:
    """The findings for a person, by rule."""
    lines: list[str] = []
    for rule in RULES:
        found = [finding for finding in findings if finding.rule is rule]
        if found:
            lines.append(f"{rule.level}: {rule.title} ({len(found)})")
            lines += [
                f"  {finding.key.id}  {output.printable(finding.key.name)}: {finding.message}"
                for finding in found
            ]
            lines.append(f"  → {rule.advice}")
    return "\n".join(lines)


def as_sarif(findings: Sequence[Finding], project_id: str) -> dict[str, Any]:
    """The findings in the Static Analysis Results Interchange Format, version 2.1.0 (OASIS)."""
    from descope_async import __version__

    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "descope-keys",
                        "version": __version__,
                        "rules": [
                            {
                                "id": rule.id,
                                "shortDescription": {"text": rule.title},
                                "help": {"text": rule.advice},
                                "defaultConfiguration": {"level": rule.level},
                            }
                            for rule in RULES
                        ],
                    }
                },
                "results": [
                    {
                        "ruleId": finding.rule.id,
                        "level": finding.rule.level,
                        "message": {"text": f"Access key {finding.key.name!r}: {finding.message}."},
                        "partialFingerprints": {
                            "accessKey/v1": f"{finding.rule.id}:{finding.key.id}"
                        },
                        "locations": [
                            {
                                # There is no file: consoles that want one get the project's name.
                                "physicalLocation": {
                                    "artifactLocation": {"uri": f"descope/{project_id}"}
                                },
                                "logicalLocations": [{"name": finding.key.id, "kind": "resource"}],
                            }
                        ],
                    }
                    for finding in findings
                ],
            }
        ],
    }


class Report(StrEnum):
    """How an audit is written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def audit_command(
    form: Annotated[Report, Option("--format", "-f", help="text, json or sarif.")] = Report.TEXT,
    as_json: Annotated[bool, Option("--json", help="The same as -f json.")] = False,
    max_age: Annotated[str, Option(help="Keys older than this are old.", metavar="TIME")] = "365d",
    broad_role: Annotated[
        list[str] | None,
        Option(help="A role that few machines should have; may be repeated.", metavar="ROLE"),
    ] = None,
    ignore: Annotated[
        list[str] | None, Option(help="A rule to leave out; may be repeated.", metavar="RULE")
    ] = None,
    exit_code: Annotated[
        bool, Option("--exit-code", help=f"Leave with {ExitCode.FOUND} if anything is found.")
    ] = False,
) -> None:
    """``descope-keys audit``."""
    unknown = set(ignore or ()) - {rule.id for rule in RULES}
    if unknown:
        known = ", ".join(rule.id for rule in RULES)
        raise click.BadParameter(
            f"there is no rule {', '.join(sorted(unknown))}; there are: {known}"
        )
    if as_json and form is Report.SARIF:
        raise click.BadParameter("--json and --format sarif do not go together")
    form = Report.JSON if as_json else form
    settings = Settings(moments.now(), moments.seconds(max_age))
    if broad_role:
        settings = Settings(settings.now, settings.max_age, frozenset(broad_role))

    async def work() -> ExitCode:
        async with current().client() as client:
            keys = await client.mgmt.access_key.search_all_access_keys()
            project_id = client.project_id
        found = [each for each in audit(keys, settings) if each.rule.id not in (ignore or ())]
        if form is Report.SARIF:
            text = json.dumps(as_sarif(found, project_id), indent=2)
        elif form is Report.JSON:
            listed = [each.as_dict() for each in found]
            text = output.document("audit", keys=len(keys), findings=listed)
        else:
            text = as_text(found) or f"nothing is doubtful about {len(keys)} access keys"
        write(f"{text}\n")
        return ExitCode.FOUND if found and exit_code else ExitCode.DONE

    carry_out(work)

"""The operations on JWT templates, as far as they shape the tokens of access keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import Fields
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import JwtTemplate, new_id
from descope_async.emulator.errors import EmulatorError
from descope_async.emulator.token_shapes import TokenShape

from .call import Call

#: A template's settings with the values that they have at first.
_SETTINGS: Final[Json] = {
    "description": "",
    "source": "",
    "tags": [],
    "type": "key",
    "issuerType": "legacy",
    "authSchema": "default",
    "emptyClaimPolicy": "none",
    "autoDCT": False,
    "conformanceIssuer": False,
    "enforceIssuer": False,
    "excludePermissions": False,
    "overrideSubject": False,
    "addJti": False,
    "omitCustomClaimsFromDSR": False,
}
_CHOICES: Final = {
    "type": ("user", "key"),
    "issuerType": ("legacy", "inbound", "federated"),
    "authSchema": ("default", "tenantOnly", "none"),
    "emptyClaimPolicy": ("none", "nil", "delete"),
}


def create(call: Call) -> Json:
    """Create a template."""
    fields = call.fields.child("template")
    template = JwtTemplate(
        id=new_id("JT"),
        name=fields.required("name"),
        settings=_SETTINGS | _settings(fields),
        template=fields.mapping("template"),
    )
    return {"template": to_json(call.project.jwt_templates.put(template))}


def load(call: Call) -> Json:
    """Show a template."""
    return {"template": to_json(named(call.project, call.fields.required("id")))}


def load_all(call: Call) -> Json:
    """Show all templates."""
    return {"templates": [to_json(each) for each in call.project.jwt_templates]}


def update(call: Call) -> Json:
    """Change what is given of a template."""
    fields = call.fields.child("template")
    template = named(call.project, fields.required("id"))
    changed = attrs.evolve(
        template,
        name=fields.keep("name", fields.required, template.name),
        settings=template.settings | _settings(fields),
        template=fields.keep("template", fields.mapping, template.template),
    )
    return {"template": to_json(call.project.jwt_templates.put(changed))}


def delete(call: Call) -> Json:
    """Forget a template."""
    call.project.jwt_templates.remove(named(call.project, call.fields.required("id")).id)
    return {}


def named(project: Project, id: str) -> JwtTemplate:
    """The template of this id."""
    template = project.jwt_templates.get(id)
    if template is None:
        raise Refusal(Problem.NOT_FOUND, "The JWT template does not exist")
    return template


def shape_of(template: JwtTemplate) -> TokenShape:
    """The shape of the tokens that a template makes.

    Raises:
        EmulatorError: It is a template for users, or sets a claim that the emulator sets.
    """
    settings = template.settings
    if settings["type"] != "key":
        raise EmulatorError("the JWT template is for users; access keys need one of type key")
    return TokenShape(
        auth_schema=settings["authSchema"],
        auto_tenant=settings["autoDCT"],
        override_subject=settings["overrideSubject"],
        add_jti=settings["addJti"],
        exclude_permissions=settings["excludePermissions"],
        claims=template.template,
    )


def to_json(template: JwtTemplate) -> Json:
    """A template as the service shows it."""
    shown = {"id": template.id, "name": template.name, "template": template.template}
    return {**shown, **_SETTINGS, **template.settings}


def _settings(fields: Fields) -> Json:
    readers: dict[type, Callable[[str], object]] = {
        bool: fields.flag,
        str: fields.text,
        list: fields.names,
    }
    found: Json = {
        name: readers[value.__class__](name)
        for name, value in _SETTINGS.items()
        if fields.has(name)
    }
    for name, known in _CHOICES.items():
        if found.get(name, known[0]) not in known:
            raise Refusal(Problem.INVALID, f"The {name} field must be one of {', '.join(known)}")
    return found

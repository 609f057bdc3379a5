"""Whether the roles, tenants and attributes that a request names exist in the project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from descope_async.emulator._error_answers import Code, Problem, Refusal
from descope_async.emulator._memory.project import Project

from .grants import resolve_role


def check_grants(
    project: Project,
    role_names: Iterable[str],
    tenants: Mapping[str, Iterable[str]],
    code: Code = Problem.INVALID,
) -> None:
    """Refuse roles and tenants that the project does not have.

    Raises:
        Refusal: One does not exist; the message names it.
    """
    for name in role_names:
        if resolve_role(project, name) is None:
            raise Refusal(code, f"Role {{}} does not exist in project {project.id}", name)
    for tenant_id, names in tenants.items():
        if project.tenants.get(tenant_id) is None:
            raise Refusal(code, f"Tenant {{}} does not exist in project {project.id}", tenant_id)
        for name in names:
            if resolve_role(project, name, tenant_id) is None:
                raise Refusal(code, f"Role {{}} does not exist in project {project.id}", name)


def check_permissions(project: Project, names: Iterable[str]) -> None:
    """Refuse permissions that the project does not have.

    Raises:
        Refusal: One does not exist; the message names it.
    """
    for name in names:
        if project.permissions.find(name) is None:
            message = f"Permission {{}} does not exist in project {project.id}"
            raise Refusal(Problem.INVALID, message, name)


def check_attributes(project: Project, names: Iterable[str], code: Code = Problem.INVALID) -> None:
    """Refuse custom attributes that the project does not declare for access keys.

    Raises:
        Refusal: One is not declared; the message names it.
    """
    declared = set(project.settings.key_attributes)
    for name in names:
        if name not in declared:
            message = f"Custom attribute {{}} is not declared in project {project.id}"
            raise Refusal(code, message, name)

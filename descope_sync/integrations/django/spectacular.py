"""Registers the security scheme of session tokens with drf-spectacular, when it is imported."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

__all__ = ["DescopeAuthenticationScheme"]


class DescopeAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its base has no types
    """Describes `DescopeAuthentication` as a bearer JWT."""

    target_class: str | type[object] | None = (
        "descope_sync.integrations.django.drf.DescopeAuthentication"
    )
    name: str | list[str] = "DescopeAccessKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002 - its signature
        """The scheme, as OpenAPI has it."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A session token, made from a Descope access key.",
        }

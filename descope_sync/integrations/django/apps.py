"""The Django app: its label is ``descope``."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig, apps


class DescopeConfig(AppConfig):
    """Registers the system checks, and the security scheme for OpenAPI. It has no models."""

    name = "descope_sync.integrations.django"
    label = "descope"

    def ready(self) -> None:
        """Register the checks."""
        from . import checks

        checks.register()
        if apps.is_installed("drf_spectacular"):
            import_module(f"{self.name}.spectacular")  # its class registers itself

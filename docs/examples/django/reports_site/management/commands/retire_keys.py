"""``manage.py retire_keys``: deactivate the keys that a person who has left had made."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from descope_sync.integrations.django import client


class Command(BaseCommand):
    """Deactivates access keys by the user who made them."""

    help = "Deactivate the access keys that a user has made."

    def add_arguments(self, parser: CommandParser) -> None:
        """The user, and whether to do it."""
        parser.add_argument("user_id")
        parser.add_argument("--yes", action="store_true", help="do it, and do not only say it")

    def handle(self, *_: Any, user_id: str, yes: bool, **__: Any) -> None:
        """Say what would be deactivated, or do it."""
        access_keys = client().mgmt.access_key
        found = access_keys.search_all_access_keys(creating_user=user_id)
        active = [key for key in found if key.is_active]
        for key in active:
            self.stdout.write(f"{key.id} {key.name}")
        if active and yes:
            access_keys.deactivate_batch([key.id for key in active])
        self.stdout.write(f"{len(active)} keys{'' if yes else ' would be'} deactivated")

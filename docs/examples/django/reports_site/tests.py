"""Tests of the site on a local Descope: ``manage.py test``."""

from __future__ import annotations

from django.test import SimpleTestCase

from descope_sync.emulator import Emulator
from descope_sync.integrations.django import client
from descope_sync.integrations.django.testing import on_local

SEED = {
    "permissions": [{"name": "reports:read"}],
    "roles": [{"name": "Reader", "permissionNames": ["reports:read"]}],
}


class ReportsTest(SimpleTestCase):
    """Who may read reports."""

    def setUp(self) -> None:
        """Have the site on a local Descope."""
        local = self.enterContext(Emulator(seed=SEED))
        self.enterContext(on_local(local))

    def caller(self, *roles: str) -> dict[str, str]:
        """The headers of a caller with these roles."""
        created = client().mgmt.access_key.create("caller", role_names=roles)
        token = client().exchange_access_key(created.cleartext).jwt
        return {"Authorization": f"Bearer {token}"}

    def test_readers_may(self) -> None:
        """A caller with the role is let in."""
        answer = self.client.get("/reports", headers=self.caller("Reader"))
        self.assertEqual(answer.status_code, 200)

    def test_others_may_not(self) -> None:
        """A caller without it is refused, and so is nobody."""
        self.assertEqual(self.client.get("/reports", headers=self.caller()).status_code, 403)
        self.assertEqual(self.client.get("/reports").status_code, 401)

"""Tests of the site on a local Descope: ``manage.py test``."""

from __future__ import annotations

from django.test import SimpleTestCase, override_settings

from descope_sync import DescopeClient
from descope_sync.emulator import Emulator

SEED = {
    "permissions": [{"name": "reports:read"}],
    "roles": [{"name": "Reader", "permissionNames": ["reports:read"]}],
}


class ReportsTest(SimpleTestCase):
    """Who may read reports."""

    def setUp(self) -> None:
        """Have the site and an administrator on a local Descope."""
        local = self.enterContext(Emulator(seed=SEED))
        described = {"PROJECT_ID": local.project_id, "BASE_URL": local.base_url}
        self.enterContext(override_settings(DESCOPE=described))
        self.admin = self.enterContext(
            DescopeClient(local.project_id, local.management_key, base_url=local.base_url)
        )

    def caller(self, *roles: str) -> dict[str, str]:
        """The headers of a caller with these roles."""
        created = self.admin.mgmt.access_key.create("caller", role_names=roles)
        token = self.admin.exchange_access_key(created.cleartext).jwt
        return {"Authorization": f"Bearer {token}"}

    def test_readers_may(self) -> None:
        """A caller with the role is let in."""
        answer = self.client.get("/reports", headers=self.caller("Reader"))
        self.assertEqual(answer.status_code, 200)

    def test_others_may_not(self) -> None:
        """A caller without it is refused, and so is nobody."""
        self.assertEqual(self.client.get("/reports", headers=self.caller()).status_code, 403)
        self.assertEqual(self.client.get("/reports").status_code, 401)

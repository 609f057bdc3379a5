"""An access key as the service answers with it, in which each member has a value of its own."""

from __future__ import annotations

import json
from typing import Any

KEY: dict[str, Any] = {
    "id": "AK1",
    "name": "ci",
    "roleNames": ["Backend"],
    "keyTenants": [{"tenantId": "t1", "tenantName": "One", "roleNames": ["Admin"], "new": 1}],
    "status": "active",
    "createdTime": 1_700_000_000,
    "expireTime": "1900000000",
    "createdBy": "me",
    "clientId": "c",
    "boundUserId": "",
    "customClaims": {"k": {"nested": [1, None]}},
    "description": "",
    "permittedIps": ["10.0.0.0/8"],
    "editable": True,
    "customAttributes": None,
    "brandNew": {"x": [1]},
}


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()

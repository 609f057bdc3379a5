"""A local Descope of this process, which forks."""

from __future__ import annotations

import os
import sys

from descope_async.testing import tell_unclaimed_secrets
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator

tell_unclaimed_secrets(told=False)  # none is kept here

with (
    Emulator() as emulator,
    DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client,
):
    client.mgmt.access_key.create("parent's")
    child = os.fork()
    if not child:
        client.mgmt.access_key.create("child's")
        sys.exit(0)  # which leaves the emulator, too
    _, status = os.waitpid(child, 0)
    print("child", status)
    print(len(client.mgmt.access_key.search_all_access_keys()))

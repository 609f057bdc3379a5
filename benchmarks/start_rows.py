"""Rows about the first moments of a process. What Python itself takes to start is not counted."""

from __future__ import annotations

from typing import Final

from .answers import KEY_ID, LOAD, MANAGEMENT_KEY, PROJECT
from .bars import Line, line
from .processes import floor, printed, tokens
from .rounds import Setting

_OFFICIAL: Final = "official"
#: Processes of each contender in a round.
_TIMES: Final = 3

#: The code is compiled before the clock is read.
_TIMED: Final = """
import os, sys, time
body = compile(os.environ["BODY"], "body", "exec")
start = time.perf_counter()
exec(body, {"__name__": "__main__"})
print(time.perf_counter() - start)
"""

_FIRST_TOKEN: Final = {
    "ours": f"""
import json, sys
from descope_async import DescopeClient
made = json.load(open(sys.argv[1]))
client = DescopeClient({PROJECT!r}, public_key=made["jwk"])
assert client.validate_session_nowait(made["tokens"][0])
""",
    "peer": f"""
import json, sys
from descope import DescopeClient
made = json.load(open(sys.argv[1]))
client = DescopeClient({PROJECT!r}, public_key=made["jwk"])
assert client.validate_session(made["tokens"][0])
""",
    "floor": floor("first_token"),
}
_FIRST_CALL: Final = {
    "ours": f"""
import asyncio, sys
from descope_async import DescopeClient
async def call():
    async with DescopeClient({PROJECT!r}, {MANAGEMENT_KEY!r}, base_url=sys.argv[2]) as client:
        await client.mgmt.access_key.load({KEY_ID!r})
asyncio.run(call())
""",
    "peer": f"""
import sys
from descope import DescopeClient
client = DescopeClient({PROJECT!r}, management_key={MANAGEMENT_KEY!r}, base_url=sys.argv[2])
client.mgmt.access_key.load({KEY_ID!r})
""",
    "floor": floor("first_call"),
}
_FIRST_BLOCKING_CALL: Final = {
    "ours": f"""
import sys
from descope_sync import DescopeClient
with DescopeClient({PROJECT!r}, {MANAGEMENT_KEY!r}, base_url=sys.argv[2]) as client:
    client.mgmt.access_key.load({KEY_ID!r})
""",
    "peer": _FIRST_CALL["peer"],
    "floor": floor("first_call"),
}


def imports(setting: Setting) -> list[Line]:
    """What an import costs."""
    lines: list[Line] = []
    for package in ("descope_async", "descope_sync"):
        bodies = {
            "ours": f"import {package}",
            "peer": "import descope",
            "floor": floor("first_import"),
        }
        lines.append(
            line(
                f"import {package}",
                printed(setting, _TIMED, bodies, times=_TIMES),
                peer="import descope",
                floor="import typing",
                times_peer=0.2,
            )
        )
    return lines


def first_client(setting: Setting) -> list[Line]:
    """What a process costs until its first client has done something."""
    url = setting.server.plain.url
    load = f"{url}{LOAD}?id={KEY_ID}"
    with tokens(setting, 1) as file:
        token = printed(setting, _TIMED, _FIRST_TOKEN, str(file), times=_TIMES)
    awaited = printed(setting, _TIMED, _FIRST_CALL, load, url, times=_TIMES)
    blocking = printed(setting, _TIMED, _FIRST_BLOCKING_CALL, load, url, times=_TIMES)
    return [
        line(
            "import and first client, to the first token validated with a pinned key",
            token,
            peer=_OFFICIAL,
            floor="jose, attrs, asyncio",
            times_peer=0.55,
        ),
        line(
            "import and first client, to the first call answered, awaited",
            awaited,
            peer=_OFFICIAL,
            floor="aiohttp",
            times_peer=0.95,
        ),
        line(
            "import and first client, to the first call answered, blocking",
            blocking,
            peer=_OFFICIAL,
            floor="aiohttp",
            times_peer=0.95,
        ),
    ]

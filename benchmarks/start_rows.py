"""Rows about the first moments of a process. What Python itself takes to start is not counted."""

from __future__ import annotations

from typing import Final

from .answers import KEY_ID, LOAD, MANAGEMENT_KEY, PROJECT
from .bars import Line, line
from .contenders import OFFICIAL_SYNC
from .processes import floor, printed, tokens, with_pinned_key
from .rounds import Setting

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
    **with_pinned_key('assert validate(made["tokens"][0])'),
    "floor": floor("first_token"),
}
_AWAITED_CALL: Final = f"""
import asyncio, sys
from descope_async import DescopeClient
async def call():
    client = DescopeClient({PROJECT!r}, {MANAGEMENT_KEY!r}, base_url=sys.argv[2])
    await client.mgmt.access_key.load({KEY_ID!r})
    await client.aclose()
asyncio.run(call())
"""
_CALL_IN_BLOCK: Final = f"""
import asyncio, sys
from descope_async import DescopeClient
async def call():
    async with DescopeClient({PROJECT!r}, {MANAGEMENT_KEY!r}, base_url=sys.argv[2]) as client:
        await client.mgmt.access_key.load({KEY_ID!r})
asyncio.run(call())
"""
_BLOCKING_CALL: Final = f"""
import sys
from MODULE import DescopeClient
client = DescopeClient({PROJECT!r}, management_key={MANAGEMENT_KEY!r}, base_url=sys.argv[2])
client.mgmt.access_key.load({KEY_ID!r})
"""
_OTHERS_CALLS: Final = {
    "peer": _BLOCKING_CALL.replace("MODULE", "descope"),
    "floor": floor("first_call"),
}
_FIRST_CALL: Final = {"ours": _AWAITED_CALL, **_OTHERS_CALLS}
_FIRST_CALL_IN_BLOCK: Final = {"ours": _CALL_IN_BLOCK, **_OTHERS_CALLS}
_FIRST_BLOCKING_CALL: Final = {
    "ours": _BLOCKING_CALL.replace("MODULE", "descope_sync"),
    **_OTHERS_CALLS,
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
    in_block = printed(setting, _TIMED, _FIRST_CALL_IN_BLOCK, load, url, times=_TIMES)
    blocking = printed(setting, _TIMED, _FIRST_BLOCKING_CALL, load, url, times=_TIMES)
    return [
        line(
            "import and first client, to the first token validated with a pinned key",
            token,
            peer=OFFICIAL_SYNC,
            floor="jose, attrs, asyncio",
            times_peer=0.55,
        ),
        line(
            "import and first client, to the first call answered, awaited",
            awaited,
            peer=OFFICIAL_SYNC,
            floor="aiohttp",
            times_peer=0.95,
        ),
        line(
            "import and first client, to the first call answered, in `async with`",
            in_block,
            peer=OFFICIAL_SYNC,
            floor="aiohttp",
        ),
        line(
            "import and first client, to the first call answered, blocking",
            blocking,
            peer=OFFICIAL_SYNC,
            floor="aiohttp",
            times_peer=0.95,
        ),
    ]

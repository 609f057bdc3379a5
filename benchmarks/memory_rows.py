"""Rows about memory: of a process, of an idle client, and of tokens."""

from __future__ import annotations

from typing import Final

from .answers import KEY_ID, MANAGEMENT_KEY, PROJECT
from .bars import Line, line
from .processes import floor, printed, tokens
from .rounds import Setting

_OFFICIAL, _ASYNC = "official", "official async"
_FEW, _MANY, _CLIENTS = 1_000, 10_000, 100

#: Memory grows in steps, so what a process has before is made once and dropped.
_RESIDENT: Final = """
import gc, json, os, sys
def resident():
    gc.collect()
    try:
        with open("/proc/self/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return int(fields["VmRSS"].split()[0]) * 1024
    except FileNotFoundError:  # not on Linux: the most it ever had, which macOS counts in bytes
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
scope = {"__name__": "__main__", "resident": resident}
exec(os.environ["BODY"], scope)
print(max(1, scope["found"] if "found" in scope else resident()))
"""

_HOLD: Final = {
    "ours": f"""
import json, sys
from descope_async import DescopeClient
made = json.load(open(sys.argv[1]))
client = DescopeClient({PROJECT!r}, public_key=made["jwk"])
held = [client.validate_session_nowait(token) for token in made["tokens"]]
""",
    "peer": f"""
import json, sys
from descope import DescopeClient
made = json.load(open(sys.argv[1]))
client = DescopeClient({PROJECT!r}, public_key=made["jwk"])
held = [client.validate_session(token) for token in made["tokens"]]
""",
    "floor": floor("held_tokens"),
}
#: The first token is validated before, so that no import counts.
_TOKENS_ALONE: Final = {
    "ours": f"""
import json, sys
from descope_async import DescopeClient
made = json.load(open(sys.argv[1]))
client = DescopeClient({PROJECT!r}, public_key=made["jwk"])
tokens = made["tokens"]
client.validate_session_nowait(tokens[0])
before = resident()
held = [client.validate_session_nowait(token) for token in tokens]
found = resident() - before
""",
    "peer": f"""
import json, sys
from descope import DescopeClient
made = json.load(open(sys.argv[1]))
client = DescopeClient({PROJECT!r}, public_key=made["jwk"])
tokens = made["tokens"]
client.validate_session(tokens[0])
before = resident()
held = [client.validate_session(token) for token in tokens]
found = resident() - before
""",
    "floor": """
import json, sys
text = open(sys.argv[1]).read()
before = resident()
held = json.loads(text)["tokens"]
found = resident() - before
""",
}
_IDLE: Final = """
import asyncio, sys
{imported}
async def main():
    clients = []
    async def add():
        client = {made}
        clients.append(client)
        await client.mgmt.access_key.load({key!r})
    for _ in range(10):
        await add()
    before = resident()
    for _ in range({count}):
        await add()
    taken = (resident() - before) / {count}
    for client in clients:
        await client.aclose()
    return taken
found = asyncio.run(main())
"""
_BARE: Final = """
import asyncio, sys
import aiohttp
async def main():
    sessions = []
    async def add():
        session = aiohttp.ClientSession()
        sessions.append(session)
        async with session.get(sys.argv[1] + "/v1/mgmt/accesskey?id={key}") as response:
            await response.read()
    for _ in range(10):
        await add()
    before = resident()
    for _ in range({count}):
        await add()
    taken = (resident() - before) / {count}
    for session in sessions:
        await session.close()
    return taken
found = asyncio.run(main())
"""


def memory(setting: Setting) -> list[Line]:
    """A process with tokens, an idle client, and tokens alone."""
    few, many = (10, 100) if setting.is_quick else (_FEW, _MANY)
    with tokens(setting, few) as file:
        whole = printed(setting, _RESIDENT, _HOLD, str(file))
    with tokens(setting, many) as file:
        alone = printed(setting, _RESIDENT, _TOKENS_ALONE, str(file))
    return [
        line(
            f"memory of a process with {few:,} tokens",
            whole,
            peer=_OFFICIAL,
            floor="Python with the tokens",
            unit="bytes",
        ),
        line(
            f"memory of {many:,} tokens that are held",
            alone,
            peer=_OFFICIAL,
            floor="the tokens",
            unit="bytes",
        ),
        _idle_client(setting),
    ]


def _idle_client(setting: Setting) -> Line:
    """What a client holds that has made a call and keeps its connection."""
    count = 2 if setting.is_quick else _CLIENTS
    arguments = f"({PROJECT!r}, management_key={MANAGEMENT_KEY!r}, base_url=sys.argv[1])"
    bodies = {
        "ours": _IDLE.format(
            imported="from descope_async import DescopeClient",
            made=f"DescopeClient{arguments}",
            key=KEY_ID,
            count=count,
        ),
        "peer": _IDLE.format(
            imported="from descope.descope_client_async import DescopeClientAsync",
            made=f"await DescopeClientAsync{arguments}.__aenter__()",
            key=KEY_ID,
            count=count,
        ),
        "floor": _BARE.format(key=KEY_ID, count=count),
    }
    taken = printed(setting, _RESIDENT, bodies, setting.server.plain.url)
    return line("memory of an idle client", taken, peer=_ASYNC, floor="aiohttp", unit="bytes")

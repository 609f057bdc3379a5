"""Rows about memory: of a process, of tokens alone, and of an idle client."""

from __future__ import annotations

from typing import Final

from .answers import KEY_ID, LOAD, MANAGEMENT_KEY, PROJECT
from .bars import Line, line
from .contenders import OFFICIAL_ASYNC, OFFICIAL_SYNC
from .processes import floor, printed, tokens, with_pinned_key
from .rounds import Setting

_FEW, _MANY, _CLIENTS = 1_000, 10_000, 100

#: Prints the resident bytes of the process. Where the contender defines `hold`, these are the bytes
#: of each thing that it returns, without what the process had before.
_RESIDENT: Final = """
import gc, os
def resident():
    gc.collect()
    try:
        with open("/proc/self/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return int(fields["VmRSS"].split()[0]) * 1024
    except FileNotFoundError:  # not on Linux: the most it ever had, which macOS counts in bytes
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
scope = {"__name__": "__main__"}
exec(os.environ["BODY"], scope)
before = resident()
if "hold" in scope:
    held = scope["hold"]()
    print(max(1, (resident() - before) / len(held)))
else:
    print(before)
"""
_HOLDING: Final = {
    **with_pinned_key('held = [validate(token) for token in made["tokens"]]'),
    "floor": floor("held_tokens"),
}
#: The first token is validated before, so that no import counts.
_TOKENS_ALONE: Final = {
    **with_pinned_key("""
validate(made["tokens"][0])
text = open(sys.argv[2]).read()
def hold():
    return [validate(token) for token in json.loads(text)["tokens"]]
"""),
    "floor": floor("held_texts"),
}
#: With ten clients there is everything that clients share.
_IDLE: Final = """
import asyncio, atexit, sys
from {module} import {name} as Client
runner, clients = asyncio.Runner(), []
async def add(count):
    for _ in range(count):
        client = Client({project!r}, management_key={management_key!r}, base_url=sys.argv[1])
        clients.append(await client.__aenter__())
        await client.mgmt.access_key.load({key_id!r})
async def close():
    for client in clients:
        await client.aclose()
atexit.register(lambda: runner.run(close()))
runner.run(add(10))
def hold():
    before = len(clients)
    runner.run(add(int(sys.argv[2])))
    return clients[before:]
"""


def memory(setting: Setting) -> list[Line]:
    """A process with tokens, tokens alone, and an idle client."""
    few, many = (10, 100) if setting.is_quick else (_FEW, _MANY)
    with tokens(setting, few) as file:
        whole = printed(setting, _RESIDENT, _HOLDING, str(file))
    with tokens(setting, 1) as first, tokens(setting, many) as file:
        alone = printed(setting, _RESIDENT, _TOKENS_ALONE, str(first), str(file))
    return [
        line(
            f"memory of a process with {few:,} tokens",
            whole,
            peer=OFFICIAL_SYNC,
            floor="Python with the tokens",
            unit="bytes",
        ),
        line(
            f"memory of a token, {many:,} being held",
            alone,
            peer=OFFICIAL_SYNC,
            floor="its text",
            unit="bytes",
        ),
        _idle_client(setting),
    ]


def _idle_client(setting: Setting) -> Line:
    """What a client holds that has made a call and keeps its connection."""
    count = 2 if setting.is_quick else _CLIENTS
    clients = {
        "ours": ("descope_async", "DescopeClient"),
        "peer": ("descope.descope_client_async", "DescopeClientAsync"),
    }
    bodies = {
        who: _IDLE.format(
            module=module,
            name=name,
            project=PROJECT,
            management_key=MANAGEMENT_KEY,
            key_id=KEY_ID,
        )
        for who, (module, name) in clients.items()
    }
    bodies["floor"] = floor("idle_session")
    url = setting.server.plain.url
    load = f"{url}{LOAD}?id={KEY_ID}"
    taken = printed(setting, _RESIDENT, bodies, url, str(count), load)
    return line(
        "memory of an idle client", taken, peer=OFFICIAL_ASYNC, floor="aiohttp", unit="bytes"
    )

"""Batch work that dies at a chosen line of its journal, once for each kind of line."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from descope_async.emulator import Fault
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator

from .crashes import Crashes, report_of

ITEMS: Final = [{"name": f"machine-{number}"} for number in range(12)]
#: A successor for each key, and each step as soon as possible.
AT_ONCE: Final = {"expire_time": 2**31 - 1, "grace": 0, "delete_after": 0}


@frozen
class Death:
    """Work that comes to a certain line of its journal.

    Attributes:
        operation: What is done.
        orders: More orders.
        items: The keys, where they are to be created.
        fault: What the service does wrong.
    """

    operation: str = "create"
    orders: Mapping[str, Any] = field(factory=dict[str, Any])
    items: list[dict[str, Any]] = ITEMS
    fault: Fault | None = None


#: By the kind of the line that is the last one.
DEATHS: Final[dict[str, Death]] = {
    "header": Death(),
    "open": Death(),
    "plan": Death(),
    "begin": Death(),
    "intent": Death(),
    "made": Death(),
    "stored": Death(),
    "done": Death(),
    "close": Death(),
    "proved": Death(orders={"prove": True}),
    "rotating": Death(fault=Fault("close", "access_key.create", commit=True, every=3)),
    "undone": Death(fault=Fault("close", "access_key.create", every=3)),
    "waiting": Death("replace", {"options": AT_ONCE}),
    "retired": Death("replace", {"options": AT_ONCE}),
    "failed": Death(fault=Fault("status", "access_key.create", status=400, every=3)),
    "given up": Death(fault=Fault("status", "access_key.create", status=400, every=3)),
    "rescued": Death(orders={"break_sink_at": 3}),
    "unproven": Death(
        orders={"prove": True},
        items=[*ITEMS[:6], *({**each, "permitted_ips": ["10.0.0.1"]} for each in ITEMS[6:])],
    ),
    "confirmed": Death(
        orders={"prove": True},
        items=[{**each, "permitted_ips": ["10.0.0.1"]} for each in ITEMS],
    ),
}

#: Lines that a process writes once at most.
_ONCE: Final = frozenset({"header", "open", "begin", "close"})


def die(crashes: Crashes, kind: str, name: str, numbers: list[int]) -> None:
    """Let work die when the journal has so many lines of a kind, go on each time, and reckon up.

    Args:
        crashes: Where it happens.
        kind: The kind of line.
        name: A name for the journal and the sink.
        numbers: How many lines, once for each death.
    """
    death, emulator = DEATHS[kind], crashes.emulator
    items: list[Any] = death.items
    if death.operation != "create":
        made = crashes.orders(f"{name}-made", "create", items)
        crashes.carry_out(made, 0, 0)
        items = [line["key_id"] for line in report_of(Path(made["journal"]))]
    if death.fault:
        emulator.faults.add(death.fault)
    orders = crashes.orders(name, death.operation, items, **death.orders)
    dying = orders
    if kind == "confirmed":
        crashes.run(orders)
        dying = orders | {"operation": "confirm", "items": [each["name"] for each in items]}
    if kind == "given up":
        crashes.run(orders)
        failed = [line["label"] for line in report_of(Path(orders["journal"])) if "problem" in line]
        dying = orders | {"operation": "give_up", "items": failed}
    for number in numbers:
        crashes.die(dying | {"die_at": kind}, number)
        _mend_sink(crashes.folder / name)
    emulator.faults.clear()
    orders.pop("break_sink_at", None)
    if kind in ("unproven", "confirmed"):
        crashes.run(orders)
        _with_client(emulator, _open_to_all)
        crashes.carry_out(
            orders | {"operation": "confirm", "items": [each["name"] for each in items]}, 0, 0
        )
    else:
        crashes.carry_out(orders, 0, 0)
    crashes.reckon(orders)


def top_up(draw: random.Random, folder: Path, kind: str, kills: int) -> Crashes:
    """So many kills at lines of a kind, in as many runs as they need."""
    with Emulator(signing_algorithm="ES256") as emulator:
        crashes = Crashes(emulator, folder, draw)
        for number in range(kills):  # each run dies at least once
            if crashes.states[kind] >= kills or crashes.problems:
                break
            most = 1 if kind in _ONCE else 2
            die(crashes, kind, f"{kind}-{number}", [draw.randint(1, most) for _ in range(4)])
    return crashes


def _mend_sink(folder: Path) -> None:
    if folder.is_file():
        folder.unlink()
    away = folder.with_name(f"{folder.name}.away")
    if away.exists():
        away.rename(folder)


def _with_client(emulator: Emulator, act: Callable[[DescopeClient], object]) -> None:
    with DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:
        act(client)


def _open_to_all(client: DescopeClient) -> None:
    """Let keys be used from here, so that their secrets can be tried."""
    for key in client.mgmt.access_key.search_all_access_keys():
        if key.permitted_ips:
            client.mgmt.access_key.update(key.id, key.name, permitted_ips=[])

"""``descope-keys demo``: what the product's page on access keys shows, for real."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from operator import attrgetter
from typing import Final

import descope_async
import descope_sync
from descope_async import DescopeError, SessionToken

from .demo_report import Report
from .demo_steps import SEED, STEPS, Made
from .streams import say

_AT_ONCE: Final = 200


def run(
    base_url: str | None, project_id: str | None, management_key: str | None, *, verbose: bool
) -> int:
    """Run the demo on a real project, or on a local Descope when there is no base URL.

    Returns:
        The exit status: 0 when everything was as it should be, 1 when not, 2 when it cannot start.
    """
    report = Report(verbose=verbose)
    with ExitStack() as stack:
        local = base_url is None
        if local:
            from descope_sync.emulator import Emulator

            emulator = stack.enter_context(Emulator(seed=SEED))
            base_url, project_id = emulator.base_url, emulator.project_id
            management_key = emulator.management_key
        try:
            client = stack.enter_context(
                descope_sync.DescopeClient(project_id, management_key, base_url=base_url)
            )
            client.mgmt.access_key.search_all_access_keys()
        except DescopeError as error:
            say(str(error))
            return 2
        made = Made(local)
        at_once = asyncio.run(
            _run_async(
                descope_async.DescopeClient(project_id, management_key, base_url=base_url),
                report,
                made,
            )
        )
        _run_sync(client, report, Made(local))
        article = "a local Descope" if local else "Descope"
        return report.summary(f"{article} at {client.base_url}", made, at_once)


async def _run_async(client: descope_async.DescopeClient, report: Report, made: Made) -> str:
    report.heading("descope_async")
    async with client:
        try:
            for step in STEPS:
                arguments = step.arguments(made)
                try:
                    result = await attrgetter(step.method)(client)(**arguments)
                except DescopeError as error:
                    result = error
                if not report.judged(step, arguments, result, made):
                    break
        finally:
            for key_id in made.ids:
                try:
                    await client.mgmt.access_key.delete(key_id)
                except DescopeError as error:
                    report.leftover(key_id, error)
        return await _exchange_at_once(client, report)


def _run_sync(client: descope_sync.DescopeClient, report: Report, made: Made) -> None:
    report.heading("descope_sync: the same calls, blocking")
    try:
        for step in STEPS:
            arguments = step.arguments(made)
            try:
                result = attrgetter(step.method)(client)(**arguments)
            except DescopeError as error:
                result = error
            if not report.judged(step, arguments, result, made):
                break
    finally:
        for key_id in made.ids:
            try:
                client.mgmt.access_key.delete(key_id)
            except DescopeError as error:
                report.leftover(key_id, error)


async def _exchange_at_once(client: descope_async.DescopeClient, report: Report) -> str:
    """How many exchanges at once succeeded, and how long they took."""
    report.heading(f"{_AT_ONCE} exchanges at once")
    try:
        created = await client.mgmt.access_key.create("demo-burst")
    except DescopeError as error:
        report.line(False, "Create a key to exchange", str(error))
        return ""
    try:
        start = time.perf_counter()
        results = await asyncio.gather(
            *(client.exchange_access_key(created.cleartext) for _ in range(_AT_ONCE)),
            return_exceptions=True,
        )
        seconds = time.perf_counter() - start
        good = sum(isinstance(result, SessionToken) for result in results)
        at_once = f"{good} of {_AT_ONCE} tokens in {seconds:.2f} s"
        report.line(good == _AT_ONCE, at_once)
        return at_once
    finally:
        await client.mgmt.access_key.delete(created.key.id)

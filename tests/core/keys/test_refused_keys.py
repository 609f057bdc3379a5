"""Keys that the service refused: when they are sent again."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from descope_async import (
    EnvironmentVariable,
    Unauthorized,
)
from tests.core.keys.exchanging import Service, settle


@pytest.fixture
def service() -> Service:
    return Service()


async def test_a_refused_key_is_not_sent_again_too_soon(service: Service) -> None:
    service.valid = set()
    moments: list[float] = []
    source = service.source()
    for _ in range(2_000):
        before = len(service.sent)
        with pytest.raises(Unauthorized):
            await source.token()
        if len(service.sent) > before:
            moments.append(service.clock.at)
        service.clock.at += 1
    pauses = [later - sooner for sooner, later in pairwise(moments)]
    for pause, expected in zip(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300], strict=False):
        assert 0.8 * expected <= pause <= 1.2 * expected + 1
    assert len(service.sent) < 14
    sent = len(service.sent)
    await source.aclose()
    with pytest.raises(Unauthorized) as caught:  # a new source for the same key knows
        await service.source().token()
    assert caught.value.retry_after is not None
    assert len(service.sent) == sent


@pytest.mark.parametrize("kind", ["file", "environment", "callable", "coroutine function"])
async def test_a_rotated_key_is_picked_up(
    service: Service, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"

    def put(key: str) -> None:
        path.write_text(f"{key}\n")
        monkeypatch.setenv("SOME_KEY", key)

    async def read_later() -> str:
        await asyncio.sleep(0)
        return path.read_text()

    put("Kold")
    kinds = {
        "file": path,
        "environment": EnvironmentVariable("SOME_KEY"),
        "callable": path.read_text,
        "coroutine function": read_later,
    }
    source = service.source(kinds[kind])
    service.valid = {"Kold"}
    assert await source.token() == "token-1"
    service.valid = {"Knew"}
    service.clock.at += 601
    for _ in range(3):
        with pytest.raises(Unauthorized):
            await source.token()
    assert service.sent == ["Kold", "Kold"]
    put("Knew")
    assert await source.token() == "token-3"
    assert service.sent[-1] == "Knew"


async def test_a_key_replaced_during_its_refusal_is_tried_at_once(service: Service) -> None:
    keys = iter(["Kold", "Knew"])
    service.valid = {"Knew"}
    assert await service.source(lambda: next(keys)).token() == "token-2"
    assert service.sent == ["Kold", "Knew"]


async def test_a_refused_key_serves_its_token_to_the_end(service: Service) -> None:
    source = service.source()
    await source.warm_up()
    service.valid = set()
    began = service.clock.at
    while service.clock.at < began + 599:
        assert await source.token() == "token-1"
        await settle()
        service.clock.at += 3
    assert len(service.sent) < 10
    service.clock.at = began + 601
    with pytest.raises(Unauthorized):
        await source.token()

"""Which requests a rule strikes, and which rules there can be."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descope_async.emulator import Emulator, EmulatorError, Fault, FaultCount, Faults
from descope_async.emulator._faults.fault import CONNECT, Effect
from descope_async.emulator._operations import routes

Ask = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


SPOILS_THE_TRUE_ANSWER = {
    "delay",
    "drip",
    "stall_body",
    "truncate",
    "wrong_length",
    "invalid_json",
    "wrong_content_type",
}


def struck(fault: Fault, requests: int, operation: str = "exchange") -> list[int]:
    """Which of so many requests are struck, from 1 on."""
    faults = Faults()
    faults.add(fault)
    return [nth for nth in range(1, requests + 1) if faults.strike(operation)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 3}, [3]),
        ({"nth": 7}, []),
        ({"every": 2}, [2, 4, 6]),
        ({"every": 1}, [1, 2, 3, 4, 5, 6]),
        ({"times": 2}, [1, 2]),
        ({"every": 2, "times": 2}, [2, 4]),
        ({"probability": 0}, []),
        ({"probability": 1, "times": 1}, [1]),
    ],
)
def test_which_requests_are_struck(rule: dict[str, Any], expected: list[int]) -> None:
    assert struck(Fault("close", **rule), 6) == expected


@settings(deadline=None)  # the machine may be busy
@given(
    every=st.none() | st.integers(1, 5),
    times=st.none() | st.integers(1, 5),
    probability=st.none() | st.floats(0, 1),
    seed=st.integers(-(2**63), 2**63 - 1),
    requests=st.integers(0, 40),
)
def test_rules_are_their_definition(
    every: int | None, times: int | None, probability: float | None, seed: int, requests: int
) -> None:
    fault = Fault(
        "close",
        every=every,
        times=times,
        probability=probability,
        seed=None if probability is None else seed,
    )
    draws = random.Random(seed)  # noqa: S311 - the same as the rule's
    drawn = [probability is None or draws.random() < probability for _ in range(requests)]
    expected = [nth for nth in range(1, requests + 1) if drawn[nth - 1] and nth % (every or 1) == 0]
    assert struck(fault, requests) == expected[:times]


def test_a_seed_gives_the_same_sequence_each_time_and_others_give_others() -> None:
    def sequence(seed: int | None) -> list[int]:
        return struck(Fault("close", probability=0.5, seed=seed), 200)

    assert sequence(1) == sequence(1) != sequence(2)
    assert sequence(None) != sequence(None)
    assert 50 < len(sequence(1)) < 150


def test_rules_are_for_operations() -> None:
    faults = Faults()
    for operation in (None, "exchange", CONNECT):
        faults.add(Fault("close", operation))
    assert faults.strike("license", reused=True) is not None
    faults.strike("exchange")
    faults.strike(CONNECT)
    assert [each.seen for each in faults] == [2, 1, 1]


def test_only_reused_connections() -> None:
    faults = Faults()
    faults.add(Fault("reset", "exchange", reused=True, nth=2))
    asked = [faults.strike("exchange", reused=reused) for reused in (False, True, False, True)]
    assert [fault is not None for fault in asked] == [False, False, False, True]
    assert [each.seen for each in faults] == [2]


def test_the_oldest_rule_strikes_and_all_of_them_count() -> None:
    faults = Faults()
    rules = [Fault("close", nth=2), Fault("reset", times=1), Fault("garbage")]
    for rule in rules:
        faults.add(rule)
    found = [faults.strike("exchange") for _ in range(3)]
    assert found == [rules[1], rules[0], rules[2]]
    assert list(faults) == [FaultCount(rule, seen=3, struck=1) for rule in rules]
    faults.clear()
    assert list(faults) == []
    assert faults.strike("exchange") is None


def test_the_same_rule_twice_is_two_rules() -> None:
    faults = Faults()
    for _ in range(2):
        faults.add(Fault("close", times=1))
    assert [faults.strike("exchange") is not None for _ in range(3)] == [True, True, False]


def test_one_rule_is_removed_the_newest_of_equal_ones() -> None:
    faults = Faults()
    close, reset = Fault("close", times=3), Fault("reset", "access_key.load")
    for rule in (close, reset):
        faults.add(rule)
    assert faults.strike("exchange") == close
    faults.add(close)
    faults.remove(close)
    assert list(faults) == [
        FaultCount(close, seen=1, struck=1),
        FaultCount(reset, seen=0, struck=0),
    ]
    faults.remove(Fault("close"))  # there is no such rule
    assert len(list(faults)) == 2
    faults.remove(close)
    assert [each.fault for each in faults] == [reset]
    assert faults.strike("exchange") is None


def test_threads_count_together() -> None:
    faults = Faults()
    faults.add(Fault("close", every=2))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: faults.strike("exchange"), range(2000)))
    assert sum(fault is not None for fault in found) == 1000
    assert [(each.seen, each.struck) for each in faults] == [(2000, 1000)]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"effect": "explode"}, "effect must be one of close, "),
    ({"effect": None}, "effect must be one of"),
    ({"effect": ["close"]}, "effect must be one of"),
    ({"operation": "explode"}, "operation must be one of access_key.activate, "),
    ({"operation": ""}, "operation must be"),
    ({"operation": 5}, "operation must be"),
    ({"operation": ["exchange"]}, "operation must be"),
    ({"commit": "yes"}, "commit must be"),
    ({"commit": 1}, "commit must be"),
    ({"reused": None}, "reused must be"),
    ({"nth": 0}, "nth must be an integer, 1 or more"),
    ({"nth": True}, "nth must be"),
    ({"nth": 1.0}, "nth must be"),
    ({"every": -1}, "every must be"),
    ({"times": "2"}, "times must be"),
    ({"nth": 1, "times": 1}, "nth is one request"),
    ({"nth": 1, "every": 1}, "nth is one request"),
    ({"nth": 1, "probability": 1}, "nth is one request"),
    ({"probability": 1.5}, "probability must be a number from 0 to 1"),
    ({"probability": -0.1}, "probability must be"),
    ({"probability": float("nan")}, "probability must be"),
    ({"probability": "1"}, "probability must be"),
    ({"probability": 1, "seed": 1.5}, "seed must be"),
    ({"probability": 1, "seed": 2**63}, "seed must be"),
    ({"seed": 1}, "seed means nothing without probability"),
    ({"seconds": 1}, "seconds means nothing with close"),
    ({"status": 500}, "status means nothing with close"),
    ({"retry_after": 1}, "retry_after means nothing with close"),
    ({"retry_after_as_date": False}, "retry_after_as_date means nothing with close"),
    ({"location": "x"}, "location means nothing with close"),
    ({"size": 5}, "size means nothing with close"),
    ({"effect": "stall", "seconds": 601}, "seconds must be a number from 0 to 600"),
    ({"effect": "stall", "seconds": -1}, "seconds must be"),
    ({"effect": "stall", "seconds": float("nan")}, "seconds must be"),
    ({"effect": "stall", "seconds": "5"}, "seconds must be"),
    ({"effect": "status", "status": 399}, "status must be 400 to 599"),
    ({"effect": "status", "status": 600}, "status must be"),
    ({"effect": "status", "status": "503"}, "status must be"),
    ({"effect": "redirect", "status": 304}, "status of a redirect must be one of"),
    ({"effect": "redirect", "status": [301]}, "status of a redirect must be one of"),
    ({"effect": "redirect", "location": ""}, "location must be"),
    ({"effect": "redirect", "location": "http://a\r\nX: y"}, "location must be printable"),
    ({"effect": "redirect", "location": "é"}, "location must be printable"),
    ({"effect": "rate_limit", "retry_after": "a\nb"}, "retry_after must be printable"),
    ({"effect": "rate_limit", "retry_after": "a\n"}, "retry_after must be printable"),
    ({"effect": "rate_limit", "retry_after": 1.5}, "retry_after must be"),
    ({"effect": "rate_limit", "retry_after": 10**9}, "retry_after must be"),
    ({"effect": "rate_limit", "retry_after": True}, "retry_after must be"),
    ({"effect": "rate_limit", "retry_after_as_date": True}, "needs the seconds in retry_after"),
    (
        {"effect": "rate_limit", "retry_after": "x", "retry_after_as_date": True},
        "needs the seconds in retry_after",
    ),
    (
        {"effect": "rate_limit", "retry_after": 1, "retry_after_as_date": 1},
        "retry_after_as_date must be",
    ),
    ({"effect": "huge_body", "size": 1}, "size must be 2 bytes to 1 GiB"),
    ({"effect": "huge_body", "size": 2**30 + 1}, "size must be"),
    ({"effect": "compression_bomb", "size": "big"}, "size must be"),
    ({"effect": "drip", "commit": False}, "commit cannot be False: drip"),
    ({"effect": "status", "operation": "connect"}, "effect at connect must be one of"),
    ({"operation": "connect", "commit": True}, "mean nothing at connect"),
    ({"operation": "connect", "reused": True}, "mean nothing at connect"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_faults_that_make_no_sense(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(EmulatorError, match=message):
        Fault(**{"effect": "close", **arguments})


@pytest.mark.parametrize(
    "wrong", [None, "close", {"effect": "close"}, Fault, FaultCount(Fault("close"))]
)
def test_only_faults_are_rules(wrong: Any) -> None:
    faults = Faults()
    for change in (faults.add, faults.remove):
        with pytest.raises(EmulatorError, match="fault must be a Fault, not a "):
            change(wrong)
    assert list(faults) == []


@pytest.mark.parametrize("effect", get_args(Effect))
def test_each_effect_has_its_defaults(effect: Any) -> None:
    assert Fault(effect).value("commit") == (effect in SPOILS_THE_TRUE_ANSWER)
    assert Fault(effect, commit=True).value("commit") is True


@pytest.fixture
def steer(emulator: Emulator, ask: Ask) -> Ask:
    async def send(method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        kwargs = {} if body is None else {"json": body}
        return await ask(method, f"/emulator/{path}", emulator.control_token, **kwargs)

    return send


async def test_rules_over_http(emulator: Emulator, ask: Ask, steer: Ask) -> None:
    rule = {
        "effect": "rate_limit",
        "operation": "key_set",
        "commit": True,
        "every": 2,
        "times": 3,
        "probability": 1,
        "seed": 5,
        "retryAfter": 7,
        "retryAfterAsDate": True,
    }
    assert await steer("POST", "faults", rule) == (200, {})
    await steer(
        "POST", "faults", {"effect": "status", "status": 502, "retryAfter": "soon", "nth": 9}
    )
    assert [(await ask("GET", "/v2/keys/P404"))[0] for _ in range(3)] == [404, 429, 404]
    status, answer = await steer("GET", "faults")
    assert status == 200
    assert answer["faults"] == [
        {"fault": rule, "seen": 3, "struck": 1},
        {
            "fault": {"effect": "status", "status": 502, "retryAfter": "soon", "nth": 9},
            "seen": 3,
            "struck": 0,
        },
    ]
    assert next(iter(emulator.faults)).fault == Fault(
        "rate_limit",
        "key_set",
        commit=True,
        every=2,
        times=3,
        probability=1,
        seed=5,
        retry_after=7,
        retry_after_as_date=True,
    )
    assert await steer("POST", "faults/clear") == (200, {})
    assert list(emulator.faults) == []


async def test_every_attribute_can_be_said_over_http(steer: Ask) -> None:
    rules: list[dict[str, Any]] = [
        {"effect": "stall", "seconds": 0.5, "reused": True},
        {"effect": "redirect", "status": 302, "location": "http://127.0.0.1/"},
        {"effect": "huge_body", "size": 100},
        {"effect": "close", "operation": "connect", "times": 1},
    ]
    for rule in rules:
        assert await steer("POST", "faults", rule) == (200, {})
    _, answer = await steer("GET", "faults")
    assert [each["fault"] for each in answer["faults"]] == rules


async def test_the_control_door_is_not_struck(emulator: Emulator, ask: Ask, steer: Ask) -> None:
    await steer("POST", "faults", {"effect": "status", "status": 503})
    for _ in range(2):
        assert (await steer("GET", "faults"))[0] == 200
    assert [each.seen for each in emulator.faults] == [0]
    await steer("POST", "reset")
    assert list(emulator.faults) == []
    assert (await ask("GET", "/v2/keys/P404"))[0] == 404


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "The effect field is required"),
        ({"effect": "close", "odds": 1}, "fields known here are: commit, effect"),
        ({"effect": "close", "retry_after": 1}, "fields known here are"),
        ({"effect": 5}, "The effect field must be a string"),
        ({"effect": "explode"}, "effect must be one of"),
        ({"effect": "close", "operation": ["x"]}, "The operation field must be a string"),
        ({"effect": "close", "operation": ""}, "operation must be"),
        ({"effect": "close", "commit": "true"}, "The commit field must be a boolean"),
        ({"effect": "close", "nth": 1.5}, "The nth field must be an integer"),
        ({"effect": "close", "nth": 0}, "nth must be an integer, 1 or more"),
        ({"effect": "close", "probability": "0.5"}, "The probability field must be a number"),
        ({"effect": "stall", "seconds": 1e9}, "seconds must be"),
        ({"effect": "rate_limit", "retryAfter": []}, "The retryAfter field must be"),
        ({"effect": "close", "operation": "connect"}, "needs nth or times"),
        ({"effect": "redirect", "location": "a\nb"}, "location must be printable"),
    ],
)
async def test_rules_over_http_that_make_no_sense(
    emulator: Emulator, steer: Ask, rule: dict[str, Any], message: str
) -> None:
    status, answer = await steer("POST", "faults", rule)
    assert status == 400
    assert message in answer["errorMessage"]
    assert list(emulator.faults) == []


async def test_faults_need_the_control_token(emulator: Emulator, ask: Ask) -> None:
    for method, path in (("GET", "faults"), ("POST", "faults"), ("POST", "faults/clear")):
        status, _ = await ask(method, f"/emulator/{path}", emulator.management_key)
        assert status == 401


def test_every_operation_can_be_struck() -> None:
    for operation in routes.NAMES:
        assert struck(Fault("close", operation, nth=1), 2, operation) == [1]

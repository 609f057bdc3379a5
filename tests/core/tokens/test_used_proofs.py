"""Proofs that were used, each of which counts once."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attrs import define, field

from descope_async import (
    ConfigurationError,
    DescopeClient,
    DPoPRequest,
    InvalidArgument,
    ProofInvalid,
    ProofReplayed,
    ProofRequired,
    ReplayStoreFull,
    SessionToken,
    TokenError,
    TokenExpired,
)
from descope_async._runtime.clock import Clock
from descope_async._tokens import used_proofs
from descope_async._tokens.proofs import MAX_AGE, MAX_AHEAD, Proof
from descope_async._tokens.used_proofs import REMEMBERED_FOR, UsedProofs
from descope_async._tokens.validation import SessionValidator
from descope_async._values.secret import Secret
from tests.core.tokens.proving import (
    BEARER,
    HOLDER,
    NOW,
    PINNED,
    PROJECT,
    SIGNERS,
    STRANGER,
    TOKEN,
    URL,
    SetClock,
    hashed,
    mint,
    proof,
    request,
    validate,
    validator,
)


def test_a_proof_counts_once() -> None:
    using, made = validator(), proof()
    assert validate(request(made), using=using).jwt == TOKEN
    with pytest.raises(ProofReplayed) as refusal:
        validate(request(made), using=using)
    assert refusal.value.claim == "jti"
    assert validate(request(proof()), using=using).jwt == TOKEN


def test_an_id_belongs_to_its_key() -> None:
    using, other = validator(), mint(cnf={"jkt": STRANGER.thumbprint})
    validate(request(proof(jti="same")), using=using)
    validate(request(proof(STRANGER, jti="same", ath=hashed(other))), other, using)
    with pytest.raises(ProofReplayed):
        validate(request(proof(jti="same", iat=NOW + 1)), using=using)


def test_what_is_refused_for_anything_else_uses_nothing_up() -> None:
    clock = SetClock()
    using, made = validator(clock), proof(jti="mine")
    for wrong in (
        request(made, method="POST"),
        request(made, url="https://api.example.com/other"),
        request(made, made),
        request(proof(jti="mine", ath="x")),
        request(proof(jti="mine", iat=NOW - 61)),
        request(made[:-12] + "A" * 12),
    ):
        with pytest.raises(ProofInvalid):
            validate(wrong, using=using)
    with pytest.raises(TokenError):
        validate(request(made), TOKEN[:-12] + "A" * 12, using)
    clock.at = NOW + 605
    with pytest.raises(TokenExpired):
        validate(request(made), using=using)
    clock.at = NOW
    assert validate(request(made), using=using).jwt == TOKEN


def test_a_token_seen_before_still_needs_a_proof() -> None:
    using = validator()
    first = validate(request(proof()), using=using)
    assert validate(request(proof()), using=using) is first
    for asked, error in (
        (None, ProofRequired),
        (request(), ProofRequired),
        (request(proof(STRANGER)), ProofInvalid),
    ):
        with pytest.raises(error):
            validate(asked, using=using)


def test_the_clock_decides_how_old_a_proof_may_be() -> None:
    clock = SetClock()
    using = validator(clock)
    for age in (-5.0, 0.0, 60.0):
        clock.at = NOW + age
        assert validate(request(proof()), using=using).jwt == TOKEN
    for age in (-5.1, 60.1):
        clock.at = NOW + age
        with pytest.raises(ProofInvalid, match="iat"):
            validate(request(proof()), using=using)


def test_a_proof_is_remembered_for_as_long_as_it_is_accepted() -> None:
    clock = SetClock(NOW - 5)
    using, made = validator(clock), proof()
    validate(request(made), using=using)
    for later in (0, 60):
        clock.at = NOW + later
        with pytest.raises(ProofReplayed):
            validate(request(made), using=using)


def test_a_proof_is_remembered_from_the_first_to_the_last_moment() -> None:
    assert MAX_AHEAD + MAX_AGE < REMEMBERED_FOR
    clock = SetClock(NOW - MAX_AHEAD)
    using, made = validator(clock), proof()
    validate(request(made), using=using)
    for second in range(MAX_AHEAD + MAX_AGE + 1):
        clock.at = NOW - MAX_AHEAD + second
        with pytest.raises(ProofReplayed):
            validate(request(made), using=using)


@define
class TwoClocks(Clock):
    """A wall clock that can be set, and a running one that cannot."""

    wall: float = NOW
    elapsed: float = 0

    def now(self) -> float:
        return self.wall

    def running(self) -> float:
        return self.elapsed

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.elapsed += seconds


@pytest.mark.parametrize("back", [30, 60, 119, 121, 500])
async def test_a_clock_that_is_set_back_opens_no_window_for_replays(back: int) -> None:
    for store in (None, ForgetfulStore()):
        clock = TwoClocks()
        using = validator(clock, store)

        async def check(asked: DPoPRequest, using: SessionValidator = using) -> SessionToken:
            return await using.validate(Secret(TOKEN), None, "validate_session", asked)

        made = proof(iat=clock.wall)
        await check(request(made))
        clock.pass_by(REMEMBERED_FOR + 1)
        clock.wall -= back
        if store is not None:
            store.used.clear()
        with pytest.raises(ProofInvalid):
            await check(request(made))
        # Proofs pass again once the clock shows a time that was not there before.
        clock.pass_by(max(0, NOW + 1 - clock.wall))
        assert (await check(request(proof(iat=clock.wall)))).jwt == TOKEN


@define
class ForgetfulStore:
    """A store whose time for remembering can be over at once."""

    used: set[str] = field(factory=set[str])

    async def first_use(self, proof_id: str, _: int) -> bool:
        is_first = proof_id not in self.used
        self.used.add(proof_id)
        return is_first


def test_the_key_is_compared_before_the_signature_is_checked() -> None:
    signer = SIGNERS["RS512"]
    unsigned = signer.compact({"typ": "dpop+jwt", "alg": "RS512", "jwk": signer.jwk}, {})
    with pytest.raises(ProofInvalid, match="another key") as refusal:
        validate(request(unsigned[:-12] + "A" * 12))
    assert refusal.value.claim == "jwk"


def test_of_sixteen_threads_exactly_one_passes() -> None:
    using = validator()
    validate(request(proof()), using=using)
    for _ in range(20):
        made, start = proof(), threading.Barrier(16)

        def attempt(made: str = made, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                return validate(request(made), using=using).jwt == TOKEN
            except ProofReplayed:
                return False

        with ThreadPoolExecutor(16) as pool:
            outcomes = [each.result() for each in [pool.submit(attempt) for _ in range(16)]]
        assert sorted(outcomes) == [False] * 15 + [True]


@define
class SharedStore:
    """What a service puts before its database."""

    answer: Any = None
    calls: list[tuple[str, int]] = field(factory=list[tuple[str, int]])

    async def first_use(self, proof_id: str, seconds: int) -> bool:
        self.calls.append((proof_id, seconds))
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return self.answer  # type: ignore[no-any-return]  # also what it should not say
        return [each[0] for each in self.calls].count(proof_id) == 1


@pytest.fixture
def frozen_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock, "now", lambda _: NOW)


@pytest.mark.usefixtures("frozen_time")
async def test_the_client_checks_proofs() -> None:
    async with DescopeClient(PROJECT, base_url="https://x.example", public_key=PINNED) as client:
        session = await client.validate_session(TOKEN, dpop=request(proof()))
        assert session.claims["cnf"] == {"jkt": HOLDER.thumbprint}
        made = proof()
        assert client.validate_session_nowait(TOKEN, dpop=request(made)) is session
        with pytest.raises(ProofReplayed):
            await client.validate_session(TOKEN, dpop=request(made))
        with pytest.raises(ProofRequired):
            client.validate_session_nowait(TOKEN)
        with pytest.raises(ProofRequired):
            await client.validate_session(TOKEN)
        junk: Any
        for junk in ("x", 5, [proof()], {"method": "GET", "url": URL}):
            with pytest.raises(InvalidArgument, match="dpop"):
                client.validate_session_nowait(BEARER, dpop=junk)
            with pytest.raises(InvalidArgument, match="dpop"):
                await client.validate_session(BEARER, dpop=junk)


@pytest.mark.usefixtures("frozen_time")
async def test_two_processes_share_a_store() -> None:
    store = SharedStore()
    first, second = (
        DescopeClient(PROJECT, base_url="https://x.example", public_key=PINNED, replay_store=store)
        for _ in "12"
    )
    async with first, second:
        made = proof()
        assert first.validate_session_nowait(TOKEN, dpop=request(made)) is None
        assert store.calls == []  # and nothing was used up
        assert (await first.validate_session(TOKEN, dpop=request(made))).jwt == TOKEN
        assert first.validate_session_nowait(BEARER) is not None
        with pytest.raises(ProofReplayed):
            await second.validate_session(TOKEN, dpop=request(made))
        with pytest.raises(ProofInvalid):
            await second.validate_session(TOKEN, dpop=request(proof(ath="x")))
        assert len(store.calls) == 2
        assert {(len(name), seconds) for name, seconds in store.calls} == {(43, 120)}


@pytest.mark.usefixtures("frozen_time")
@pytest.mark.parametrize("answer", [False, 0, 1, "OK", ConnectionError("the database is away")])
async def test_a_store_that_does_not_say_yes_lets_nobody_in(answer: Any) -> None:
    store = SharedStore(answer)
    expected = type(answer) if isinstance(answer, Exception) else ProofReplayed
    async with DescopeClient(
        PROJECT, base_url="https://x.example", public_key=PINNED, replay_store=store
    ) as client:
        with pytest.raises(expected):
            await client.validate_session(TOKEN, dpop=request(proof()))


def test_what_is_no_store_is_refused_at_once() -> None:
    junk: Any
    for junk in ("redis://", 5, object(), {}):
        with pytest.raises(ConfigurationError, match="replay_store"):
            DescopeClient(PROJECT, replay_store=junk)


def test_a_full_store_fails_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(used_proofs, "CAPACITY", 3)
    clock = SetClock()
    using = validator(clock)
    made = [proof(iat=NOW + later) for later in range(3)]
    for later, each in enumerate(made):
        clock.at = NOW + later
        validate(request(each), using=using)
    with pytest.raises(ReplayStoreFull) as refusal:
        validate(request(proof()), using=using)
    assert not isinstance(refusal.value, TokenError)
    assert refusal.value.retry_after == pytest.approx(118)
    with pytest.raises(ProofReplayed):
        validate(request(made[2]), using=using)
    clock.at = NOW + 120
    assert validate(request(proof(iat=NOW + 120)), using=using).jwt == TOKEN


def test_a_hundred_thousand_proofs_are_remembered() -> None:
    used = UsedProofs(SetClock())
    for number in range(100_000):
        assert used.use_nowait(Proof(str(number), NOW))
    for number in (0, 99_999):
        with pytest.raises(ProofReplayed):
            used.use_nowait(Proof(str(number), NOW))
    with pytest.raises(ReplayStoreFull):
        used.use_nowait(Proof("one more", NOW))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_remembers_and_is_not_stuck() -> None:
    using, made = validator(), proof()
    validate(request(made), using=using)
    with using._proofs._memory._lock.held:  # noqa: SLF001 - as if another thread were at it
        child = os.fork()
        if child == 0:
            try:
                validate(request(made), using=using)
            except ProofReplayed:
                validate(request(proof()), using=using)
                os._exit(7)
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7

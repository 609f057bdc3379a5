from __future__ import annotations

import json
import pickle
import sys
import typing
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from jose import jwk, jws

from descope_async import (
    AudienceMismatch,
    DescopeClient,
    DescopeError,
    IssuerMismatch,
    ProofRequired,
    SessionToken,
    SignatureInvalid,
    TenantAccess,
    TokenError,
    TokenExpired,
    TokenMalformed,
    TokenNotYetValid,
    TokenTypeMismatch,
    UnknownKey,
)
from descope_async._runtime.clock import Clock
from descope_async._tokens.claim_rules import ClaimRules, issuers_of
from descope_async._tokens.pinned_keys import PinnedKeys
from descope_async._tokens.validation import SessionValidator
from descope_async._values.secret import Secret
from descope_async._values.strict_json import ReadOnlyDict, read_object
from tests.tracebacks import shown

NOW = 1_800_000_000
PROJECT = "P2aAc4T2V93bddihGEx2Ryhc8e5Z"
BASE = "https://api.descope.com"
WEEK = 7 * 86_400

_KEY = ec.generate_private_key(ec.SECP256R1())
PEM = _KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
PUBLIC = {**jwk.construct(PEM, "ES256").public_key().to_dict(), "kid": "k1"}


class FixedClock(Clock):
    def now(self) -> float:
        return NOW


def mint(payload: bytes | dict[str, Any], **header: Any) -> str:
    """A token that is really signed, whatever it says."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return str(jws.sign(body, PEM, {"kid": "k1", **header}, "ES256"))


def claims(**changes: Any) -> dict[str, Any]:
    return {
        "iss": f"{BASE}/{PROJECT}",
        "sub": "K2abc",
        "exp": NOW + 600,
        "iat": NOW,
        "drn": "DS",
        **changes,
    }


def validator(leeway: float = 5) -> SessionValidator:
    keys = PinnedKeys.parse(Secret(json.dumps(PUBLIC)))
    return SessionValidator(
        keys, ClaimRules(PROJECT, issuers_of(PROJECT, BASE), leeway), FixedClock()
    )


async def validate(token: object, audience: frozenset[str] | None = None) -> SessionToken:
    return await validator().validate(Secret(token), audience, "validate_session")


class Changing(str):
    """Says something else whenever it is asked."""

    __slots__ = ()

    def encode(self, *_: Any, **__: Any) -> bytes:
        return mint(claims(sub="K2another")).encode()

    def isascii(self) -> bool:
        return True

    def __len__(self) -> int:
        return 3

    def __str__(self) -> str:
        return "something else"


class ChangingBytes(bytes):
    """The same for bytes."""

    def rpartition(self, *_: Any) -> Any:
        return bytes.rpartition(mint(claims(sub="K2another")).encode(), b".")

    def __bytes__(self) -> bytes:
        return b"something else"

    def decode(self, *_: Any, **__: Any) -> str:
        return "something else"


async def test_a_token_is_what_its_characters_are() -> None:
    token = mint(claims())
    for given_as in (Changing(token), ChangingBytes(token.encode())):
        session = await validate(given_as)
        assert (session.jwt, type(session.jwt), session.key_id) == (token, str, "K2abc")
    for wrong in (Changing("a.b.c"), Changing("é"), Changing(""), ChangingBytes(b"a.b.c")):
        with pytest.raises(TokenMalformed):
            await validate(wrong)


Check = Callable[..., SessionToken]


def granted(**changes: Any) -> SessionToken:
    signed = json.dumps(claims(**changes)).encode()
    return SessionToken(
        jwt="a.b.c", key_id="K2abc", project_id=PROJECT, expire_time=NOW + 600, claims=signed
    )


async def test_a_good_token_says_what_it_grants() -> None:
    token = mint(
        claims(
            roles=["Backend"],
            permissions=["read", "write"],
            tenants={"t1": {"roles": ["Admin"], "permissions": ["invoice"]}, "t2": {}},
            nsec={"job": "nightly"},
            region={"zones": ["a", "b"]},
        )
    )
    session = await validate(token)
    assert (session.key_id, session.project_id, session.jwt) == ("K2abc", PROJECT, token)
    assert session.expire_time == NOW + 600
    assert (session.roles, session.permissions) == (("Backend",), ("read", "write"))
    assert session.tenants == {"t1": TenantAccess(("invoice",), ("Admin",)), "t2": TenantAccess()}
    assert session.current_tenant is None
    assert session.client_claims == {"job": "nightly"}
    assert session.claims["region"] == {"zones": ("a", "b")}
    assert (await validate(token.encode())).jwt == token
    assert token not in repr(session)
    assert pickle.loads(pickle.dumps(session)) == session  # noqa: S301 - our own


async def test_a_life_without_a_beginning_is_measured_each_time() -> None:
    clock = FixedClock()
    keys = PinnedKeys.parse(Secret(json.dumps(PUBLIC)))
    checks = SessionValidator(keys, ClaimRules(PROJECT, issuers_of(PROJECT, BASE), 5), clock)
    longest = claims(exp=NOW + 28 * 86_400)
    del longest["iat"]
    token = Secret[object](mint(longest))
    assert checks.validate_nowait(token, None, "validate_session") is not None
    assert checks.validate_nowait(token, None, "validate_session") is not None
    clock.now = lambda: NOW - 86_400  # type: ignore[method-assign]  # set back
    for _ in range(2):
        with pytest.raises(TokenMalformed, match="live longer"):
            checks.validate_nowait(token, None, "validate_session")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
async def test_what_is_accepted_can_be_read_from_anywhere(opening: str) -> None:
    def nested(depth: int) -> dict[str, Any]:
        closing = "]" if opening == "[" else "}"
        inner: Any = json.loads(opening * depth + "1" + closing * depth)
        return claims(nsec={"x": inner}, note='[[[{"\\' * 20)

    def read_deep_down(session: SessionToken, frames: int) -> Any:
        return read_deep_down(session, frames - 1) if frames else session.claims

    accepted = await validate(mint(nested(62)))
    assert read_deep_down(accepted, 500)["nsec"] == accepted.client_claims
    for depth in (63, 200, 700):
        with pytest.raises(TokenMalformed):
            await validate(mint(nested(depth)))


async def test_claims_are_read_only_in_depth() -> None:
    session = await validate(mint(claims(a={"b": [{"c": 1}]}, nsec={"d": {"e": 1}})))
    for inner in (session.claims, session.claims["a"], session.claims["a"]["b"][0]):
        assert isinstance(inner, ReadOnlyDict)
        with pytest.raises(TypeError):
            inner["c"] = 2
    nested: Any = session.client_claims["d"]
    with pytest.raises(TypeError):
        nested.update(e=2)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"exp": NOW - 5}, TokenExpired),
        ({"exp": 0}, TokenExpired),
        ({"exp": -(10**9)}, TokenExpired),
        ({"exp": None}, TokenMalformed),
        ({"exp": str(NOW + 600)}, TokenMalformed),
        ({"exp": True}, TokenMalformed),
        ({"exp": [NOW + 600]}, TokenMalformed),
        ({"exp": 10**400}, TokenMalformed),
        ({"exp": NOW + 4 * WEEK + 6}, TokenMalformed),
        ({"exp": NOW + WEEK, "iat": NOW - 3 * WEEK - 6}, TokenMalformed),
        ({"nbf": NOW + 6}, TokenNotYetValid),
        ({"nbf": None}, TokenMalformed),
        ({"nbf": "0"}, TokenMalformed),
        ({"iat": NOW + 6}, TokenNotYetValid),
        ({"iat": False}, TokenMalformed),
        ({"iss": "P2other"}, IssuerMismatch),
        ({"iss": f"https://evil.example/{PROJECT}"}, IssuerMismatch),
        ({"iss": f"{BASE}/{PROJECT}/"}, IssuerMismatch),
        ({"iss": f"{BASE}/v1/apps/agentic/{PROJECT}/server"}, IssuerMismatch),
        ({"iss": PROJECT.lower()}, IssuerMismatch),
        ({"iss": None}, IssuerMismatch),
        ({"iss": [PROJECT]}, IssuerMismatch),
        ({"aud": "another"}, AudienceMismatch),
        ({"aud": ["another"]}, AudienceMismatch),
        ({"aud": []}, AudienceMismatch),
        ({"aud": None}, AudienceMismatch),
        ({"aud": {PROJECT: True}}, AudienceMismatch),
        ({"drn": "DSR"}, TokenTypeMismatch),
        ({"drn": "ds"}, TokenTypeMismatch),
        ({"drn": None}, TokenTypeMismatch),
        ({"drn": ["DS"]}, TokenTypeMismatch),
        ({"cnf": {"jkt": "thumbprint"}}, ProofRequired),
        ({"cnf": {"x5t#S256": "thumbprint"}}, ProofRequired),
        ({"cnf": "thumbprint"}, ProofRequired),
        ({"sub": None}, TokenMalformed),
        ({"sub": ""}, TokenMalformed),
        ({"sub": 7}, TokenMalformed),
        ({"dsub": ""}, TokenMalformed),
        ({"dsub": ["K2abc"]}, TokenMalformed),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value)[:60],
)
async def test_a_token_that_must_not_pass(changes: dict[str, Any], error: type[TokenError]) -> None:
    token = mint(claims(**changes))
    with pytest.raises(TokenError) as refusal:
        await validate(token)
    assert type(refusal.value) is error
    assert refusal.value.operation == "validate_session"
    assert token not in repr(refusal.value)


@pytest.mark.parametrize("missing", ["exp", "iss", "sub"])
async def test_what_a_token_must_have(missing: str) -> None:
    given_claims = claims()
    del given_claims[missing]
    with pytest.raises(TokenError):
        await validate(mint(given_claims))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": PROJECT},
        {"iss": f"{BASE}/v1/apps/{PROJECT}"},
        {"exp": NOW - 4},
        {"exp": NOW + 0.5},
        {"exp": NOW + 4 * WEEK},
        {"nbf": NOW + 5},
        {"iat": NOW + 5},
        {"aud": PROJECT},
        {"aud": ["another", PROJECT]},
        {"aud": [1, PROJECT]},
        {"dsub": "K2real", "sub": "U2user"},
    ],
    ids=str,
)
async def test_a_token_that_must_pass(changes: dict[str, Any]) -> None:
    session = await validate(mint(claims(**changes)))
    assert session.key_id == changes.get("dsub", "K2abc")


async def test_a_token_without_optional_claims_passes() -> None:
    bare = {"iss": PROJECT, "sub": "K2abc", "exp": NOW + 60}
    assert (await validate(mint(bare))).tenants == {}


async def test_a_demanded_audience_must_be_named() -> None:
    demanded = frozenset({"billing", "stock"})
    for passing in ("stock", ["x", "billing"]):
        session = await validate(mint(claims(aud=passing)), demanded)
        assert session.key_id == "K2abc"
    for aud in ({}, {"aud": PROJECT}, {"aud": ["x"]}, {"aud": None}, {"aud": 1}):
        with pytest.raises(AudienceMismatch):
            await validate(mint(claims(**aud)), demanded)


async def test_errors_say_when() -> None:
    with pytest.raises(TokenExpired) as expired:
        await validate(mint(claims(exp=NOW - 60)))
    assert expired.value.expired_at == NOW - 60
    with pytest.raises(TokenNotYetValid) as early:
        await validate(mint(claims(nbf=NOW + 60)))
    assert early.value.valid_from == NOW + 60


@pytest.mark.parametrize(
    ("token", "advice"),
    [
        (mint(claims(exp=NOW - 60)), "exchange the access key again"),
        (mint(claims(nbf=NOW + 60)), "jwt_validation_leeway"),
        (mint(claims(aud="someone-else")), "as audience"),
        (mint(claims(drn="DSR")), "ask the caller for its session token"),
        (mint(claims(), kid="k2"), "exchange the access key again, with this project's id"),
        (mint(claims(cnf={"jkt": "x"})), "DPoP header"),
        (mint(claims())[:-6] + "AAAAAA", "refuse it"),
        ("K2some-access-key", "a session token alone"),
        ("Bearer " + mint(claims()), "without Bearer"),
    ],
)
async def test_errors_say_what_to_do(token: str, advice: str) -> None:
    with pytest.raises(TokenError, match=advice) as refused:
        await validate(token)
    for told in ("someone-else", "k2", "some-access-key", token):
        assert told not in str(refused.value)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b'{"exp":1e400}',
        b'{"exp":Infinity}',
        b'{"exp":NaN}',
        b'{"sub":"\xff"}',
        b"\xef\xbb\xbf{}",
        json.dumps(claims()).encode("utf-16"),
        b"[" * 1_500 + b"]" * 1_500,
        b'{"exp":1,"a":' + b"[" * 1_500 + b"]" * 1_500 + b"}",
        b'{"exp":' + b"9" * 5_000 + b"}",
        json.dumps(claims()).encode()[:-1] + b',"sub":"K2other"}',
        json.dumps(claims(tenants=1)).encode()[:-2] + b'{"t":{},"t":{}}}',
    ],
)
async def test_a_payload_that_is_not_one_plain_object_is_refused(payload: bytes) -> None:
    with pytest.raises(TokenMalformed):
        await validate(mint(payload))


@pytest.mark.parametrize(
    ("token", "error"),
    [
        (mint(claims(), kid="k2"), UnknownKey),
        (mint(claims(), kid=None), TokenMalformed),
        (mint(claims())[:-6] + "AAAAAA", SignatureInvalid),
        (mint(claims()) + ".", TokenMalformed),
        ("", TokenMalformed),
        (None, TokenMalformed),
        (b"\xff.a.b", TokenMalformed),
        ("Bearer " + mint(claims()), TokenMalformed),
        ("a" * 20_000_000, TokenMalformed),
    ],
    ids=[
        "unknown kid",
        "no kid",
        "signature",
        "segments",
        "empty",
        "None",
        "binary",
        "Bearer",
        "20 MB",
    ],
)
async def test_what_is_refused_before_any_claim_is_read(
    token: object, error: type[TokenError]
) -> None:
    with pytest.raises(DescopeError) as refusal:
        await validate(token)
    assert type(refusal.value) is error
    assert refusal.value.operation == "validate_session"


@pytest.mark.parametrize("suffix", ["", ".", "A"])
async def test_an_error_leaves_without_the_frames_that_hold_the_token(suffix: str) -> None:
    token = mint(claims(exp=1)) + suffix
    with pytest.raises(TokenError) as refusal:
        await validator().validate(Secret(token), None, "x")
    assert token not in shown(refusal.value, without=__file__)


@pytest.mark.parametrize(
    ("changes", "tenants"),
    [
        ({}, {}),
        ({"tenants": {}}, {}),
        ({"tenants": None}, {}),
        ({"dct": "t1"}, {"t1": TenantAccess(("p",), ("r",))}),
        ({"dct": "t1", "tenants": {}}, {"t1": TenantAccess()}),
        ({"dct": "t1", "tenants": None}, {"t1": TenantAccess()}),
        ({"dct": "t1", "tenants": ["t1"]}, {"t1": TenantAccess()}),
        ({"dct": "t1", "tenants": "t1"}, {"t1": TenantAccess()}),
        ({"dct": "t1", "tenants": {"t1": {"roles": ["a"]}}}, {"t1": TenantAccess((), ("a",))}),
        (
            {"dct": "t1", "tenants": {"t2": {"roles": ["a"]}}},
            {"t1": TenantAccess(), "t2": TenantAccess((), ("a",))},
        ),
        ({"dct": ""}, {}),
        ({"dct": ["t1"]}, {}),
        ({"dct": None}, {}),
        ({"tenants": {"t1": "Admin", "t2": None, "t3": []}}, {}),
        ({"tenants": {"t1": {"roles": "Admin", "permissions": {"x": 1}}}}, {"t1": TenantAccess()}),
    ],
    ids=str,
)
def test_the_tenants_of_a_token(changes: dict[str, Any], tenants: dict[str, TenantAccess]) -> None:
    session = granted(roles=["r"], permissions=["p"], **changes)
    assert session.tenants == tenants
    assert session.current_tenant == ("t1" if changes.get("dct") == "t1" else None)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(roles=JSON, permissions=JSON, tenants=JSON, dct=JSON, nsec=JSON)
def test_a_claim_of_the_wrong_type_grants_nothing(
    roles: Any, permissions: Any, tenants: Any, dct: Any, nsec: Any
) -> None:
    session = granted(roles=roles, permissions=permissions, tenants=tenants, dct=dct, nsec=nsec)
    listed = roles if isinstance(roles, list) else []
    assert session.roles == tuple(role for role in listed if isinstance(role, str))
    named = tenants if isinstance(tenants, dict) else {}
    members = {tenant for tenant, item in named.items() if isinstance(item, dict)}
    selected = {dct} if isinstance(dct, str) and dct else set()
    assert set(session.tenants) == members | selected
    if not isinstance(roles, list):
        assert not session.validate_roles(["a"])
    assert session.client_claims == session.claims["nsec"] or not isinstance(nsec, dict)
    assert isinstance(session.client_claims, ReadOnlyDict)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_strict_reading_is_json_s_own(value: dict[str, Any]) -> None:
    read = read_object(json.dumps(value).encode())

    def thawed(item: Any) -> Any:
        if isinstance(item, dict):
            return {name: thawed(inner) for name, inner in item.items()}
        return [thawed(inner) for inner in item] if isinstance(item, tuple) else item

    assert thawed(read) == value


@given(st.binary())
def test_reading_never_raises(document: bytes) -> None:
    assert read_object(document) is None or isinstance(read_object(document), ReadOnlyDict)


def test_issuers_are_whole_values() -> None:
    assert issuers_of("P1", "https://auth.company.com") == {
        "P1",
        "https://auth.company.com/P1",
        "https://auth.company.com/v1/apps/P1",
    }


def test_no_function_of_typing_runs_while_a_token_is_validated() -> None:
    """`Secret[object](…)` and `cast(…)` are such calls: they took a twentieth of a new token's time."""
    client = DescopeClient(PROJECT, public_key=json.dumps(PUBLIC), clock=FixedClock())
    called: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename == typing.__file__:
            called.append(frame.f_code.co_name)

    tenants = {"T1": {"permissions": ["Read"], "roles": ["Admin"]}}
    new = [mint(claims(sub=f"K2{number}", tenants=tenants)) for number in range(2)]

    def granted(token: str) -> tuple[str, ...]:
        session = client.validate_session_nowait(token)
        assert session is not None
        return session.tenants["T1"].roles

    assert granted(new[0]) == ("Admin",)
    sys.setprofile(note)
    try:
        granted(new[1])
    finally:
        sys.setprofile(None)
    assert called == []

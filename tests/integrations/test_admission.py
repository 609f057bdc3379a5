"""What the credential of a request becomes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from descope_async import (
    AudienceMismatch,
    ClientClosed,
    ConfigurationError,
    DescopeError,
    InvalidArgument,
    KeySetUnavailable,
    ProofInvalid,
    ProofReplayed,
    ProofRequired,
    RateLimited,
    ReplayStoreFull,
    SessionToken,
    SignatureInvalid,
    TokenExpired,
    TokenTypeMismatch,
    UnknownKey,
    UnverifiedKey,
)
from descope_async.integrations.admission import Admission, Credential, Refusal, Requirement

TOKEN = "abc.def.ghi"
ACCESS_KEY = "K2abcdefghijklmnopqrstuvwxyz"
KEYS_TOO = Admission(accept=("session_token", "access_key"), access_key_header="X-Api-Key")
MIXED = Admission(dpop="mixed")
REQUIRED = Admission(dpop="required")


def header(value: str, name: str = "authorization") -> tuple[bytes, bytes]:
    return name.encode(), value.encode("latin-1")


def read(*headers: tuple[bytes, bytes], admission: Admission | None = None) -> tuple[int, Any]:
    """A status and a code, or 200 and the credential."""
    found = (admission or Admission()).read(headers)
    return (200, found) if isinstance(found, Credential) else (found.status, found.error)


def caller(**claims: Any) -> SessionToken:
    return SessionToken(jwt=TOKEN, key_id="K1", project_id="P1", expire_time=2e9, claims=claims)


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}", f"bearer  {TOKEN} ", f"BEARER {TOKEN}"])
def test_a_bearer_token_is_read(value: str) -> None:
    assert read(header("x", "host"), header(value)) == (
        200,
        Credential("session_token", "Bearer", TOKEN),
    )


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic dTpw", TOKEN, f"DPoP {TOKEN}", "Bearer\tx"]
)
def test_no_credential_is_401_without_a_code(value: str) -> None:
    assert read(header(value)) == (401, None)


def test_only_the_authorization_header_counts() -> None:
    others = [header(f"Bearer {TOKEN}", "x-authorization"), header(f"token={TOKEN}", "cookie")]
    assert read(*others) == (401, None)


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        f"Bearer {TOKEN},{TOKEN}",
        f"Bearer {TOKEN} x",
        f"Bearer {TOKEN}\t",
        "Bearer t\u00f6k.e.n",
        "Bearer \x00",
    ],
)
def test_a_malformed_credential_is_400(value: str) -> None:
    assert read(header(value)) == (400, "invalid_request")
    assert read(header(value), admission=KEYS_TOO) == (400, "invalid_request")


def test_two_credentials_are_400() -> None:
    twice = [header(f"Bearer {TOKEN}"), header(f"Bearer {TOKEN}")]
    assert read(*twice) == (400, "invalid_request")
    both = [header(f"Bearer {TOKEN}"), header(ACCESS_KEY, "x-api-key")]
    assert read(*both, admission=KEYS_TOO) == (400, "invalid_request")


def test_access_keys_are_read_where_they_are_accepted() -> None:
    expected = (200, Credential("access_key", "Bearer", ACCESS_KEY))
    assert read(header(f"Bearer {ACCESS_KEY}"), admission=KEYS_TOO) == expected
    assert read(header(ACCESS_KEY, "x-api-key"), admission=KEYS_TOO) == expected


@pytest.mark.parametrize("admission", [Admission(), KEYS_TOO], ids=["tokens", "keys too"])
@pytest.mark.parametrize(
    "headers",
    [
        [header(f"Bearer {TOKEN}")],
        [header("x", "host"), header(f"Bearer {TOKEN}"), header("proof", "dpop")],
        [header(f"Bearer  {TOKEN}")],
        [header(f"Bearer {TOKEN} ")],
        [header(f"bearer {TOKEN}")],
        [header(f"Bearer {TOKEN}"), header(f"Bearer {TOKEN}")],
        [header(f"Bearer {TOKEN}"), header(ACCESS_KEY, "x-api-key")],
        [header(f"Bearer {ACCESS_KEY}")],
        [header(f"DPoP {TOKEN}")],
        [header("Bearer ")],
        [header("Basic dTpw")],
        [],
    ],
    ids=str,
)
def test_a_plain_token_is_what_would_be_read(
    admission: Admission, headers: list[tuple[bytes, bytes]]
) -> None:
    plain, found = admission.plain_token(headers), admission.read(headers)
    if isinstance(found, Credential) and found.kind == "session_token":
        # Where a token may need more than one look, nothing plain is found, or no token at all.
        given = found.value.encode()
        assert plain in {None, given, b" " + given, given + b" "}
    else:
        assert not plain
    usual = isinstance(found, Credential) and headers[0][1] == b"Bearer " + TOKEN.encode()
    assert not usual or plain == TOKEN.encode()


@pytest.mark.parametrize("admission", [MIXED, REQUIRED, Admission(accept="access_key")])
def test_elsewhere_no_token_is_plain(admission: Admission) -> None:
    assert admission.plain_token([header(f"Bearer {TOKEN}")]) is None


def test_elsewhere_an_access_key_is_a_token_that_cannot_be_valid() -> None:
    status, found = read(header(f"Bearer {ACCESS_KEY}"))
    assert (status, found.kind) == (200, "session_token")


def test_a_token_is_never_taken_for_an_access_key() -> None:
    only_keys = Admission(accept=("access_key",), access_key_header="X-Api-Key")
    for value in (TOKEN, "a.b.c.d.e", "a...b", "..", "..."):
        assert read(header(f"Bearer {value}"), admission=only_keys) == (401, "invalid_token")
        assert read(header(value, "x-api-key"), admission=only_keys) == (401, "invalid_token")


def test_proofs_are_read_where_they_are_looked_at() -> None:
    headers = [header(f"DPoP {TOKEN}"), header("proof", "dpop"), header("second", "dpop")]
    expected = Credential("session_token", "DPoP", TOKEN, ("proof", "second"))
    assert read(*headers, admission=MIXED) == (200, expected)
    assert read(*headers) == (401, None)
    expected = Credential("session_token", "DPoP", TOKEN)
    assert read(headers[0], admission=MIXED) == (200, expected)
    without = read(header(f"Bearer {TOKEN}"), header("proof", "dpop"))
    assert without == (200, Credential("session_token", "Bearer", TOKEN))
    both = Admission(dpop="mixed", accept=("session_token", "access_key"))
    key = [header(f"DPoP {ACCESS_KEY}"), header("proof", "dpop")]
    assert read(*key, admission=both) == (401, "invalid_token")


OUTAGES: list[tuple[DescopeError, int]] = [
    (KeySetUnavailable("x", retry_after=2.5), 3),
    (ReplayStoreFull("x", retry_after=0.01), 1),
    (RateLimited("x", retry_after=7, status_code=429), 7),
    (ClientClosed("x"), 5),
    (DescopeError("x", retry_after=1e9), 3600),
]


@pytest.mark.parametrize(("error", "wait"), OUTAGES)
def test_what_is_not_the_callers_fault_is_503(error: DescopeError, wait: int) -> None:
    refusal = Admission().refusal_of(error)
    assert (refusal.status, refusal.retry_after, refusal.challenge) == (503, wait, None)
    assert refusal.headers == {"Cache-Control": "no-store", "Retry-After": str(wait)}
    assert refusal.body["error"] == "temporarily_unavailable"


@pytest.mark.parametrize(
    "error",
    [SignatureInvalid("by K9"), UnknownKey("K9"), AudienceMismatch("a"), TokenTypeMismatch("r")],
)
def test_the_reason_of_a_refused_token_stays_here(error: DescopeError) -> None:
    refusal = Admission().refusal_of(error)
    assert refusal.challenge == (
        'Bearer realm="descope", error="invalid_token", error_description="the token is not valid"'
    )
    assert refusal.body == {
        "error": "invalid_token",
        "error_description": "the token is not valid",
    }


def test_an_expired_token_is_called_expired() -> None:
    assert "expired" in Admission().refusal_of(TokenExpired("x")).description


@pytest.mark.parametrize(
    "error", [ProofRequired("x"), ProofInvalid("x", claim="htu"), ProofReplayed("x", claim="jti")]
)
def test_a_proof_that_is_refused(error: DescopeError) -> None:
    assert MIXED.refusal_of(error, "Bearer").error == "invalid_dpop_proof"
    assert Admission().refusal_of(error).error == "invalid_token"


def test_challenges_name_the_schemes() -> None:
    algorithms = 'algs="ES256 ES384 ES512 EdDSA PS256 PS384 PS512 RS256 RS384 RS512"'
    assert Admission(realm="api").refuse_missing().challenge == 'Bearer realm="api"'
    assert MIXED.refuse_missing().challenge == f'Bearer realm="descope", DPoP {algorithms}'
    assert REQUIRED.refuse_missing().challenge == f'DPoP realm="descope", {algorithms}'
    refused = MIXED.refusal_of(TokenExpired("x"), "DPoP").challenge or ""
    assert refused.startswith('DPoP realm="descope", error="invalid_token"')
    assert refused.endswith(', Bearer realm="descope"')
    metadata = Admission(resource_metadata="https://a.example/.well-known/x").refuse_missing()
    assert 'resource_metadata="https://a.example/.well-known/x"' in (metadata.challenge or "")


@pytest.mark.parametrize(
    ("unverified", "status", "wait"),
    [
        (UnverifiedKey("malformed"), 401, None),
        (UnverifiedKey("refused"), 401, None),
        (UnverifiedKey("forbidden"), 403, None),
        (UnverifiedKey("rate_limited", retry_after=0.2), 429, 1),
        (UnverifiedKey("unavailable", retry_after=9.1), 503, 10),
    ],
)
def test_what_a_verification_means(
    unverified: UnverifiedKey, status: int, wait: int | None
) -> None:
    refusal = KEYS_TOO.refusal_of_key(unverified)
    assert (refusal.status, refusal.retry_after) == (status, wait)
    assert (refusal.challenge is None) == (status in {429, 503})
    assert refusal.body["error_description"] == refusal.description


def test_a_bound_token_may_be_demanded() -> None:
    bound = caller(cnf={"jkt": "x"})
    assert REQUIRED.refusal_of_unbound(bound, "DPoP") is None
    assert MIXED.refusal_of_unbound(caller(), "Bearer") is None
    refused = REQUIRED.refusal_of_unbound(caller(), "Bearer")
    assert refused is not None
    assert refused.status == 401


def missing(session: SessionToken, requirement: Requirement, **more: Any) -> Refusal | None:
    return Admission().check(session, requirement, **more)


def test_permissions_and_roles_are_those_of_the_project() -> None:
    session = caller(permissions=["read", "write"], roles=["Reader"])
    assert missing(session, Requirement()) is None
    assert missing(session, Requirement(["read", "write"], ["Reader"])) is None
    assert missing(session, Requirement(["delete"])) is not None
    assert missing(session, Requirement(["read"], ["Admin"])) is not None


def test_with_a_tenant_they_are_those_in_the_tenant() -> None:
    tenants = {"t1": {"permissions": ["pay"], "roles": ["Biller"]}}
    session = caller(permissions=["read"], roles=["Reader"], tenants=tenants)
    belongs, bills = Requirement(tenant="tid"), Requirement(["pay"], ["Biller"], "tid")
    for requirement in (belongs, bills):
        assert missing(session, requirement, tenant="t1") is None
        for other in ("t2", "", None):
            assert missing(session, requirement, tenant=other) is not None
    assert missing(session, Requirement(["read"], tenant="tid"), tenant="t1") is not None
    assert missing(session, Requirement([], ["Reader"], "tid"), tenant="t1") is not None


def test_a_lack_is_403_and_names_the_scope() -> None:
    refused = missing(caller(), Requirement(["read", "write"]))
    assert refused is not None
    assert refused.status == 403
    assert 'error="insufficient_scope"' in (refused.challenge or "")
    assert (refused.challenge or "").endswith('scope="read write"')


@pytest.mark.parametrize("name", ["two words", 'quo"te', "back\\slash", "gr\u00fcn", "line\nbreak"])
def test_a_name_that_fits_no_header_is_left_out(name: str) -> None:
    refused = missing(caller(), Requirement([name]))
    assert refused is not None
    assert "scope=" not in (refused.challenge or "").replace("insufficient_scope", "")
    assert re.fullmatch(r"[ -~]*", refused.challenge or "")


def test_an_old_token_is_refused_where_age_counts() -> None:
    session, recent = caller(iat=1000), Requirement(max_age=60)
    assert missing(session, recent, now=1060) is None
    refused = missing(session, recent, now=1060.1)
    assert refused is not None
    assert (refused.status, refused.error) == (401, "invalid_token")
    assert 'max_age="60"' in (refused.challenge or "")
    assert missing(session, recent) is not None
    assert missing(caller(), recent, now=1000) is not None


@pytest.mark.parametrize(
    "values",
    [
        {"permissions": "read"},
        {"roles": [""]},
        {"roles": [1]},
        {"tenant": ""},
        {"max_age": 0},
        {"max_age": float("nan")},
        {"max_age": True},
        {"max_age": "60"},
    ],
)
def test_a_requirement_that_cannot_be_right(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        Requirement(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"accept": ()},
        {"accept": "tokens"},
        {"accept": 5},
        {"accept": None},
        {"accept": [["session_token"]]},
        {"dpop": True},
        {"dpop": ["mixed"]},
        {"realm": 5},
        {"realm": None},
        {"dpop": "mixed", "accept": "access_key"},
        {"realm": 'a"b'},
        {"realm": "a\r\nb"},
        {"resource_metadata": 5},
        {"access_key_header": "X-Api-Key"},
        {"access_key_header": "X Key", "accept": "access_key"},
        {"access_key_header": "Authorization", "accept": "access_key"},
        {"access_key_header": "dpop", "accept": ("session_token", "access_key"), "dpop": "mixed"},
        {"access_key_header": "Cookie", "accept": "access_key"},
        {"access_key_header": 5, "accept": "access_key"},
    ],
)
def test_settings_that_cannot_be_right(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Admission(**values)


def test_no_credential_is_shown() -> None:
    found = MIXED.read([header(f"DPoP {TOKEN}"), header("proof", "dpop")])
    assert TOKEN not in repr(found)
    assert "proof=" not in repr(found)
    for admission in (Admission(), MIXED, KEYS_TOO):
        for value in (f"Bearer {TOKEN}, {TOKEN}", f"Basic {TOKEN}", f"Bearer {ACCESS_KEY}"):
            shown = repr(admission.read([header(value)]))
            assert admission is KEYS_TOO or (TOKEN not in shown and ACCESS_KEY not in shown)

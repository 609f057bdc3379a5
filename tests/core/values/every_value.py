"""One value of every class that users may get or make, for the tests of what becomes of values."""

from __future__ import annotations

from pathlib import Path

from attrs import fields

from descope_async import (
    AccessKey,
    AccessKeyLoginOptions,
    AssociatedTenant,
    CreatedAccessKey,
    DeliveredSecret,
    DPoPRequest,
    EnvironmentVariable,
    Limits,
    Retries,
    SecretReference,
    SessionToken,
    SortField,
    TenantAccess,
    Timeouts,
    UnverifiedKey,
    VerifiedKey,
    events,
)
from descope_async._values.value import Value
from descope_async.batch import (
    BatchReport,
    KeyChange,
    KeyOutcome,
    NewKey,
    Progress,
    SecretEntry,
    StoredKey,
)
from descope_async.integrations.admission import Admission, Credential, Refusal, Requirement
from descope_async.integrations.caller import Caller
from descope_async.integrations.issuers import Issuers

CANARY = "canary-of-a-secret"
KEY = AccessKey(
    id="AK1",
    role_names=("Backend",),
    key_tenants=(AssociatedTenant("t1", ["Admin"], extra={"new": [1]}),),
    custom_claims={"list": [{"a": [1]}]},
    expire_time=5,
    extra={"unknown": {"x": [1]}},
)
SESSION = SessionToken(
    jwt=CANARY,
    key_id="K2a",
    project_id="P1",
    expire_time=1.5,
    claims={"roles": ["Admin"], "tenants": {"t1": {"permissions": ["read"]}}, "nsec": {"a": [1]}},
)
OUTCOME = KeyOutcome(number=0, label="ci", outcome="failed", references=("file:a",), problem="no")
REPORT = BatchReport(
    operation="create", total=2, done=1, failed=1, unknown=0, unproven=0, waiting=0, left=0,
    failures=(OUTCOME,), next_due=None, path=Path("report.jsonl"), journal=Path("journal"),
)  # fmt: skip
CALL = events.Call(
    operation="access_key.load", method="POST", path="/v1/x", server_address="a", server_port=1,
    project_id="P1",
)  # fmt: skip
#: What callers make. Pydantic makes them of dicts too.
BUILDABLE: list[Value] = [
    Timeouts(read=5),
    Retries(attempts=1),
    Limits(connections=7),
    EnvironmentVariable("BILLING_KEY"),
    SecretReference.parse("env:BILLING_KEY"),
    NewKey("ci", role_names=["Backend"], key_tenants=[AssociatedTenant("t1")], label="CI"),
    KeyChange("AK1", custom_claims={"a": [{"b": 1}]}),
]
VALUES: list[Value] = [
    *BUILDABLE,
    KEY,
    KEY.key_tenants[0],
    CreatedAccessKey(KEY, CANARY),
    DeliveredSecret(cleartext=CANARY, operation="create", key=KEY, key_id="AK1"),
    SortField("createdTime", desc=True),
    AccessKeyLoginOptions({"a": [1]}, "t1"),
    TenantAccess(("read",), ("Admin",)),
    SESSION,
    VerifiedKey(SESSION),
    UnverifiedKey("refused", detail="no"),
    DPoPRequest("GET", "https://api.example.com/", [CANARY], "DPoP", nonces=["n"]),
    SecretEntry(cleartext=CANARY, key_id="AK1", name="ci", label="ci", fingerprint="0" * 16),
    StoredKey(
        key_id="AK1", label="ci", replaces="", references=("file:a",), fingerprint="0" * 16
    ),
    Progress(total=2, done=1, failed=0, unknown=0, rate=1.5, seconds_left=None),
    OUTCOME,
    REPORT,
    Admission(dpop="mixed", realm="reports"),
    Credential("session_token", "DPoP", CANARY, (CANARY,)),
    Requirement(["reports:read"], max_age=60),
    Refusal(401, "invalid_token", "no"),
    Caller(SESSION, "t1"),
    Issuers.of("https://api.descope.com/P1/.well-known/openid-configuration"),
    CALL,
    events.Event(),
    events.CallEvent(call=CALL),
    events.CallStarted(call=CALL),
    events.CallHeld(call=CALL, delay=1.5),
    events.AttemptEnded(
        call=CALL, number=1, duration=0.5, is_sent=True, is_connection_reused=False,
        status_code=None, error_type="ConnectionFailed", error_code=None, request_id=None,
    ),
    events.CallEnded(
        call=CALL, outcome="done", duration=0.5, attempts=1, resends=0, status_code=200,
        error_type=None, error_code=None, request_id="r", quota_left=500,
    ),
    events.RetryPlanned(
        call=CALL, number=2, delay=0.5, reason="throttled", error_type="RateLimited", status_code=429,
        quota_left=1,
    ),
    events.GateClosed(call=CALL, seconds=1.0, until=1.0, is_extended=False),
    events.TokenRenewed(
        outcome="done", trigger="first", duration=0.5, age=None, usable_for=None,
        is_first_failure=False, error_type=None, problem=None,
    ),
    events.StaleTokenServed(usable_for=1.0),
    events.SessionChecked(operation="validate_session", duration=0.5, error_type=None),
    events.AccessKeyChecked(reason="valid", duration=0.5, is_outage=False, problem=None),
    events.ClockSkewFound(seconds=9.0),
    events.KeySetFetched(
        outcome="done", reason="first", duration=0.5, age=None, keys=2, usable_for=None,
        error_type=None, problem=None,
    ),
    events.SecretUnclaimed(operation="create", key_id="AK1", name="ci", reason="unread"),
    events.TwinKeysFound(kept="AK1", twins="AK2"),
]  # fmt: skip
SECRETIVE = [
    value
    for value in VALUES
    if any(
        name in {"cleartext", "jwt", "session", "proofs"} and getattr(value, name)
        for name in (each.name for each in fields(type(value)))  # type: ignore[arg-type]  # an attrs class
    )
]


def name_of(value: object) -> str:
    return type(value).__name__

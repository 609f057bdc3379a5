"""Every public method of the facade, called for real."""

from __future__ import annotations

import inspect
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jws

import descope_sync
import descope_sync.compat.access_key
import descope_sync.compat.descope_client
import descope_sync.emulator
from descope_async._runtime.clock import SYSTEM_CLOCK
from descope_sync import (
    AccessKey,
    AccessKeyLoginOptions,
    AccessKeys,
    AccessKeyVerifier,
    ClientClosed,
    DescopeClient,
    DPoPRequest,
    KeySetUnavailable,
    Management,
    NotFound,
    ProofReplayed,
    ProofRequired,
    SessionToken,
    SortField,
    TokenSource,
    Unauthorized,
    UnknownKey,
)
from descope_sync.emulator import (
    Emulator,
)
from tests.facade.emulator_calls import (
    create_management_key,
    create_project,
    misbehave,
    set_up,
    start_and_close,
    steer,
)
from tests.facade.official_calls import official_management, official_sessions


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[DescopeClient]:
    with DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:
        yield client


def create(client: DescopeClient, _: Emulator) -> None:
    created = client.mgmt.access_key.create("n", 0, custom_claims={"k": "v"}, description="d")
    assert created.cleartext
    assert created.key.custom_claims == {"k": "v"}


def load(client: DescopeClient, _: Emulator) -> None:
    key = new_key(client)
    assert client.mgmt.access_key.load(key.id) == key
    with pytest.raises(NotFound):
        client.mgmt.access_key.load("Knone")


def search(client: DescopeClient, _: Emulator) -> None:
    names = ["b", "a"]
    for name in names:
        client.mgmt.access_key.create(name)
    found = client.mgmt.access_key.search_all_access_keys(sort=[SortField("name")])
    assert [key.name for key in found] == ["a", "b"]


def update(client: DescopeClient, _: Emulator) -> None:
    key = new_key(client)
    assert client.mgmt.access_key.update(key.id, "new", description="d").name == "new"


def deactivate(client: DescopeClient, _: Emulator) -> None:
    key = new_key(client)
    client.mgmt.access_key.deactivate(key.id)
    assert not client.mgmt.access_key.load(key.id).is_active


def activate(client: DescopeClient, _: Emulator) -> None:
    key = new_key(client)
    client.mgmt.access_key.deactivate(key.id)
    client.mgmt.access_key.activate(key.id)
    assert client.mgmt.access_key.load(key.id).is_active


def delete(client: DescopeClient, _: Emulator) -> None:
    key = new_key(client)
    client.mgmt.access_key.delete(key.id)
    assert client.mgmt.access_key.search_all_access_keys() == []


def rotate(client: DescopeClient, _: Emulator) -> None:
    created = client.mgmt.access_key.create("n")
    rotated = client.mgmt.access_key.rotate(created.key.id)
    assert client.exchange_access_key(rotated.cleartext).key_id == created.key.id
    with pytest.raises(Unauthorized):
        client.exchange_access_key(created.cleartext)


def batches(client: DescopeClient, _: Emulator) -> None:
    keys = client.mgmt.access_key
    ids = [new_key(client).id, new_key(client).id]
    keys.deactivate_batch(ids)
    assert {key.is_active for key in keys.search_all_access_keys()} == {False}
    keys.activate_batch(ids)
    assert {key.is_active for key in keys.search_all_access_keys()} == {True}
    keys.delete_batch(ids)
    assert keys.search_all_access_keys() == []


def exchange(client: DescopeClient, emulator: Emulator) -> None:
    emulator.create_tenant("t1")
    created = client.mgmt.access_key.create("n", key_tenants=[{"tenant_id": "t1"}])
    options = AccessKeyLoginOptions(custom_claims={"k": "v"}, selected_tenant="t1")
    session = client.exchange_access_key(created.cleartext, login_options=options)
    assert session.current_tenant == "t1"
    assert session.client_claims == {"k": "v"}


def validate(client: DescopeClient, _: Emulator) -> None:
    session = new_session(client)
    assert client.validate_session(session.jwt) == session
    assert client.validate_session_nowait(session.jwt) == session


def key_sets(client: DescopeClient, emulator: Emulator) -> None:
    assert client.export_key_set() is None
    session = new_session(client)
    exported = client.export_key_set()
    assert exported
    away = "http://127.0.0.1:1"
    with DescopeClient(
        emulator.project_id,
        base_url=away,
        key_set=exported,
        issuers=[f"{emulator.base_url}/{emulator.project_id}"],
    ) as offline:
        assert offline.validate_session(session.jwt).key_id == session.key_id
        with pytest.raises(KeySetUnavailable):
            offline.refresh_key_set()
        assert offline.export_key_set() == exported
    emulator.rotate_and_revoke_signing_keys()
    client.validate_session(session.jwt)  # nobody here knows yet
    client.refresh_key_set()
    with pytest.raises(UnknownKey):
        client.validate_session(session.jwt)


class Store:
    """Remembers used proofs somewhere else."""

    def __init__(self) -> None:
        self.used = set[str]()
        self.threads = set[int]()

    async def first_use(self, proof_id: str, seconds: int) -> bool:
        assert seconds == 120
        self.threads.add(threading.get_ident())
        is_first = proof_id not in self.used
        self.used.add(proof_id)
        return is_first


@pytest.mark.parametrize("store", [None, Store()], ids=["memory", "store"])
def test_a_bound_token_passes_once_with_each_proof(store: Store | None) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = jwk.construct(pem.decode(), "ES256").public_key().to_dict()
    named = {name: public[name] for name in ("crv", "kty", "x", "y")}
    canonical = json.dumps(named, sort_keys=True, separators=(",", ":")).encode()

    def text(digest: bytes) -> str:
        return urlsafe_b64encode(digest).decode().rstrip("=")

    def signed(claims: dict[str, Any], **header: Any) -> str:
        return str(jws.sign(claims, pem.decode(), header, "ES256"))

    def proof(number: int) -> str:
        return signed(
            {
                "jti": f"p{number}",
                "htm": "GET",
                "htu": "https://api.example.com/",
                "iat": int(SYSTEM_CLOCK.now()),
                "ath": text(sha256(token.encode()).digest()),
            },
            typ="dpop+jwt",
            jwk=named,
        )

    bound = {"cnf": {"jkt": text(sha256(canonical).digest())}}
    token = signed(
        {"iss": "P1", "sub": "K1", "exp": int(SYSTEM_CLOCK.now()) + 600, **bound}, kid="k1"
    )
    pinned = json.dumps({**public, "kid": "k1"})
    with DescopeClient("P1", public_key=pinned, replay_store=store) as client:
        asked = DPoPRequest("GET", "https://api.example.com/", proof(1), "DPoP")
        assert client.validate_session(token, dpop=asked).key_id == "K1"
        with pytest.raises(ProofReplayed):
            client.validate_session(token, dpop=asked)
        asked = DPoPRequest("GET", "https://api.example.com/", proof(2), "DPoP")
        without_a_hop = client.validate_session_nowait(token, dpop=asked)
        assert (without_a_hop is None) == (store is not None)
        with pytest.raises(ProofRequired):
            client.validate_session(token)
    if store is not None:
        assert len(store.used) == 1
        assert threading.get_ident() not in store.threads


def token_source(client: DescopeClient, _: Emulator) -> None:
    source = client.token_source(client.mgmt.access_key.create("n").cleartext)
    assert source.get_nowait() is None
    assert source.headers_nowait() is None
    source.warm_up()
    token = source.token()
    assert client.validate_session(token).jwt == token
    assert source.get_nowait() == token
    assert source.headers() == source.headers_nowait() == {"Authorization": f"Bearer {token}"}
    source.invalidate(token)
    assert source.get_nowait() is None
    source.close()
    with pytest.raises(ClientClosed):
        source.token()


def access_key_verifier(client: DescopeClient, _: Emulator) -> None:
    key = client.mgmt.access_key.create("n").cleartext
    verifier = client.access_key_verifier(fresh_for=60, usable_for=60)
    assert verifier.verify_nowait(key) is None
    assert verifier.verify(key).reason == "valid"
    assert verifier.verify_nowait(key) is verifier.verify(key)
    assert verifier.verify(key[:-1]).http_status == 401
    assert verifier.verify(None).reason == "malformed"
    client.close()
    with pytest.raises(ClientClosed):
        verifier.verify(key)


def close(client: DescopeClient, _: Emulator) -> None:
    client.close()
    with pytest.raises(ClientClosed):
        client.exchange_access_key("secret")


def properties(client: DescopeClient, emulator: Emulator) -> None:
    assert client.project_id == emulator.project_id
    assert client.base_url == emulator.base_url
    assert client.clock.now() > 0
    assert not client.has_replay_store
    assert client.check() == client.check_service() == []
    assert emulator.environment["DESCOPE_MANAGEMENT_KEY"] == emulator.management_key


#: What calls each method, by class.
CALLS: dict[type, dict[str, Any]] = {
    Management: {"access_key": load},
    AccessKeys: {
        "create": create,
        "load": load,
        "search_all_access_keys": search,
        "update": update,
        "deactivate": deactivate,
        "activate": activate,
        "delete": delete,
        "rotate": rotate,
        "activate_batch": batches,
        "deactivate_batch": batches,
        "delete_batch": batches,
    },
    DescopeClient: {
        "mgmt": load,
        "clock": properties,
        "has_replay_store": properties,
        "check": properties,
        "check_service": properties,
        "project_id": properties,
        "base_url": properties,
        "exchange_access_key": exchange,
        "validate_session": validate,
        "validate_session_nowait": validate,
        "token_source": token_source,
        "export_key_set": key_sets,
        "refresh_key_set": key_sets,
        "access_key_verifier": access_key_verifier,
        "close": close,
    },
    TokenSource: {
        "token": token_source,
        "get_nowait": token_source,
        "headers": token_source,
        "headers_nowait": token_source,
        "invalidate": token_source,
        "warm_up": token_source,
        "close": token_source,
    },
    AccessKeyVerifier: {
        "verify": access_key_verifier,
        "verify_nowait": access_key_verifier,
    },
    Emulator: {
        "start": start_and_close,
        "close": start_and_close,
        "base_url": properties,
        "project_id": properties,
        "management_key": properties,
        "environment": properties,
        "control_token": steer,
        "clock": steer,
        "requests": steer,
        "set_token_lifetime": steer,
        "set_token_shape": steer,
        "expired_token": steer,
        "set_rate_limits": steer,
        "rotate_signing_keys": steer,
        "rotate_and_revoke_signing_keys": steer,
        "set_wrong_kid": steer,
        "set_cache_control": steer,
        "reset": steer,
        "faults": misbehave,
        "certificate": misbehave,
        "refusing_connections": misbehave,
        "create_project": create_project,
        "create_management_key": create_management_key,
        "create_tenant": set_up,
        "create_role": set_up,
        "create_user": set_up,
        "set_user_status": set_up,
        "delete_user": set_up,
        "snapshot": set_up,
    },
    descope_sync.compat.descope_client.Mgmt: {},
    descope_sync.compat.access_key.AccessKeyManagement: dict.fromkeys(
        (
            "create",
            "load",
            "search_all_access_keys",
            "update",
            "deactivate",
            "activate",
            "delete",
            "rotate",
            "activate_batch",
            "deactivate_batch",
            "delete_batch",
        ),
        official_management,
    ),
    descope_sync.compat.DescopeClient: dict.fromkeys(
        (
            "exchange_access_key",
            "validate_session",
            "validate_session_nowait",
            "validate_permissions",
            "get_matched_permissions",
            "validate_roles",
            "get_matched_roles",
            "validate_tenant_permissions",
            "get_matched_tenant_permissions",
            "validate_tenant_roles",
            "get_matched_tenant_roles",
            "close",
        ),
        official_sessions,
    ),
}


COMPAT = (descope_sync.compat.descope_client, descope_sync.compat.access_key)


@pytest.mark.parametrize(
    "call", {call: None for calls in CALLS.values() for call in calls.values()}
)
def test_a_method_does_its_work(call: Any, client: DescopeClient, emulator: Emulator) -> None:
    call(client, emulator)


def new_key(client: DescopeClient) -> AccessKey:
    return client.mgmt.access_key.create("n").key


def new_session(client: DescopeClient) -> SessionToken:
    return client.exchange_access_key(client.mgmt.access_key.create("n").cleartext)


def public_names(cls: type) -> set[str]:
    return {name for own in cls.__mro__[:-1] for name in vars(own) if not name.startswith("_")}


@pytest.mark.parametrize("cls", CALLS, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_no_method_is_left_out(cls: type) -> None:
    assert public_names(cls) == set(CALLS[cls])
    for name, call in CALLS[cls].items():
        assert name in call.__code__.co_names


def test_no_class_is_left_out() -> None:
    found: set[Any] = {
        getattr(module, name)
        for module in (descope_sync, descope_sync.emulator, *COMPAT)
        for name in module.__all__
    }
    ours = {
        each
        for each in found
        if inspect.isclass(each)
        and each.__module__.startswith("descope_sync.")
        and not issubclass(each, Exception)
    }
    assert ours == set(CALLS)

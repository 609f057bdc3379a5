from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from descope_async import InvalidArgument, SignatureInvalid, TokenError, TokenMalformed
from descope_async._tokens.algorithms import ALGORITHMS
from descope_async._tokens.compact import parse
from descope_async._tokens.signatures import PublicKey, load_key
from tests.core.tokens.proving import check_compact

HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
WYCHEPROOF = Path(__file__).parents[2] / "data" / "wycheproof_jws.json"
#: The order of P-256.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PAYLOAD = b'{"sub":"K2abc"}'
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@frozen
class Signer:
    """A private key that signs as a service would, and as an attacker would like it to."""

    alg: str
    jwk: dict[str, Any]
    sign: Callable[[bytes], bytes]

    def compact(self, header: object = None, payload: bytes = PAYLOAD) -> str:
        named = {"alg": self.alg, "kid": "k1", "typ": "JWT"} if header is None else header
        head = named if isinstance(named, bytes) else json.dumps(named).encode()
        signing_input = f"{b64(head)}.{b64(payload)}"
        return f"{signing_input}.{b64(self.sign(signing_input.encode()))}"


RSA_KEY = rsa.generate_private_key(65537, 2048)


def rsa_signer(alg: str, key: rsa.RSAPrivateKey = RSA_KEY) -> Signer:
    numbers = key.public_key().public_numbers()
    jwk = {
        "kty": "RSA",
        "alg": alg,
        "kid": "k1",
        "use": "sig",
        "n": b64(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        "e": b64(numbers.e.to_bytes(3, "big")),
    }
    return Signer(alg, jwk, lambda data: key.sign(data, padding.PKCS1v15(), HASHES[alg[2:]]))


def ec_signer(alg: str) -> Signer:
    curve = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}[alg]
    octets = curve.key_size // 8
    key = ec.generate_private_key(curve)
    numbers = key.public_key().public_numbers()

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(HASHES[alg[2:]])))
        return r.to_bytes(octets, "big") + s.to_bytes(octets, "big")

    jwk = {
        "kty": "EC",
        "alg": alg,
        "kid": "k1",
        "crv": f"P-{curve.key_size}",
        "x": b64(numbers.x.to_bytes(octets, "big")),
        "y": b64(numbers.y.to_bytes(octets, "big")),
    }
    return Signer(alg, jwk, sign)


SIGNERS = {
    signer.alg: signer
    for signer in [
        *(rsa_signer(alg) for alg in ("RS256", "RS384", "RS512")),
        *(ec_signer(alg) for alg in ("ES256", "ES384")),
    ]
}
RS256, ES256 = SIGNERS["RS256"], SIGNERS["ES256"]
KEYS = {alg: load_key(signer.jwk) for alg, signer in SIGNERS.items()}
VALID = {alg: signer.compact() for alg, signer in SIGNERS.items()}


def test_every_algorithm_is_covered_here() -> None:
    assert set(SIGNERS) == ALGORITHMS


@pytest.mark.parametrize("alg", sorted(ALGORITHMS))
def test_what_the_key_signed_comes_back(alg: str) -> None:
    token = VALID[alg]
    assert check_compact(token, KEYS[alg]) == PAYLOAD
    assert check_compact(token.encode(), SIGNERS[alg].jwk) == PAYLOAD
    assert check_compact(SIGNERS[alg].compact(payload=b""), KEYS[alg]) == b""
    assert (parse(token).alg, parse(token).kid) == (alg, "k1")


@pytest.mark.parametrize("alg", sorted(ALGORITHMS))
def test_a_key_verifies_with_its_own_algorithm_only(alg: str) -> None:
    for other in ALGORITHMS - {alg}:
        with pytest.raises(SignatureInvalid):
            check_compact(VALID[other], KEYS[alg])
        for forged in (
            SIGNERS[other].compact({"alg": alg, "kid": "k1"}),
            SIGNERS[alg].compact({"alg": other, "kid": "k1"}),
        ):
            with pytest.raises(SignatureInvalid):
                check_compact(forged, KEYS[alg])


def _vectors() -> list[Any]:
    groups = json.loads(WYCHEPROOF.read_text())["testGroups"]
    return [
        pytest.param(group["public"], test, id=f"{test['tcId']}-{test['comment']}")
        for group in groups
        for test in group["tests"]
    ]


@pytest.mark.parametrize(("jwk", "vector"), _vectors())
def test_wycheproof(jwk: dict[str, Any], vector: dict[str, Any]) -> None:
    if vector["result"] == "valid":
        assert check_compact(vector["jws"], jwk)
    else:
        with pytest.raises((TokenError, InvalidArgument)):
            check_compact(vector["jws"], jwk)


@given(st.data())
def test_no_changed_token_is_accepted(data: st.DataObject) -> None:
    alg = data.draw(st.sampled_from(sorted(ALGORITHMS)))
    token = VALID[alg]
    at = data.draw(st.integers(0, len(token) - 1))
    length = data.draw(st.integers(0, 3))
    inserted = data.draw(st.text(st.sampled_from(ALPHABET + ".=+/ \n\0é"), max_size=3))
    changed = token[:at] + inserted + token[at + length :]
    if changed == token:
        assert check_compact(changed, KEYS[alg]) == PAYLOAD
    else:
        with pytest.raises(TokenError):
            check_compact(changed, KEYS[alg])


@given(st.text() | st.binary())
def test_anything_else_is_refused_with_a_token_error(text: str | bytes) -> None:
    with pytest.raises(TokenMalformed):
        check_compact(text, KEYS["RS256"])


@given(
    st.binary(max_size=80)
    | st.dictionaries(st.text(), st.text()).map(lambda d: json.dumps(d).encode())
)
def test_no_header_makes_a_wrong_signature_right(head: bytes) -> None:
    with pytest.raises(TokenError):
        check_compact(f"{b64(head)}.e30.AAAA", KEYS["RS256"])


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_there_is_one_way_to_write_a_token(alg: str) -> None:
    # 256 octets of RSA-2048 leave four bits over in the last character, 64 of P-256 do too.
    token = VALID[alg]
    accepted = []
    for last in ALPHABET:
        try:
            check_compact(token[:-1] + last, KEYS[alg])
        except TokenError:
            continue
        accepted.append(last)
    assert accepted == [token[-1]]
    header, payload, signature = token.split(".")
    standard = signature.replace("-", "+").replace("_", "/")
    for variant in (
        f"{token}=",
        f"{token}==",
        f"{token}\n",
        f" {token}",
        f"{header}=.{payload}.{signature}",
        f"{header}.{payload}\n.{signature}",
        f"{header}.{payload}.{standard}" if standard != signature else f"{token}.",
    ):
        with pytest.raises(TokenMalformed):
            check_compact(variant, KEYS[alg])


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS256"},
        {"alg": "PS256"},
        {"alg": "rs256"},
        {"alg": "RS256x"},
        {"alg": ["RS256"]},
        {"alg": None},
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False},
        {"b64": True},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/cert"},
        {"x5c": ["MIIB"]},
        {"jwk": {"kty": "RSA"}},
        {"kid": ["k1"]},
        {"kid": {"k1": 1}},
        {"kid": 1},
        {"kid": ""},
        {"kid": "k" * 257},
        {"typ": "dpop+jwt"},
        {"typ": "JOSE+JSON"},
        {"typ": None},
        {"typ": 1},
    ],
    ids=str,
)
def test_a_header_that_changes_the_rules_is_refused(changes: dict[str, object]) -> None:
    token = RS256.compact({"alg": "RS256", "kid": "k1", **changes})
    with pytest.raises(TokenMalformed):
        check_compact(token, KEYS["RS256"])


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
def test_the_type_of_a_token_is_a_media_type(typ: str) -> None:
    assert check_compact(RS256.compact({"alg": "RS256", "typ": typ}), KEYS["RS256"]) == PAYLOAD


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"null",
        b"[]",
        b'"RS256"',
        b'{"alg":"RS256"',
        b'{"alg":"RS256"} x',
        b'\xef\xbb\xbf{"alg":"RS256"}',
        '{"alg":"RS256"}'.encode("utf-16"),
        b'{"alg":"RS256","kid":"\xff"}',
        b'{"alg":"none","alg":"RS256"}',
        b'{"alg":"RS256","kid":"a","kid":"b"}',
        b'{"alg":"RS256","x":{"y":1,"y":2}}',
        b'{"alg":"RS256","x":NaN}',
        b'{"alg":"RS256","x":Infinity}',
        b'{"alg":"RS256","x":' + b"[" * 300 + b"]" * 300 + b"}" + b" " * 200,
    ],
)
def test_a_header_that_is_not_one_plain_object_is_refused(header: bytes) -> None:
    with pytest.raises(TokenMalformed):
        check_compact(RS256.compact(header), KEYS["RS256"])


def test_sizes_are_bounded_before_anything_is_decoded() -> None:
    long_header = RS256.compact({"alg": "RS256", "x": "x" * 1000})
    long_signature = VALID["RS256"] + "A" * 1000
    for token in (
        "a" * 20_000_000,
        b"a." * 10_000_000,
        RS256.compact(payload=b" " * 13_000),
        long_header,
        long_signature,
        RS256.compact(b'{"alg":"RS256","x":' + b"[" * 1_500 + b"]" * 1_500 + b"}"),
    ):
        with pytest.raises(TokenMalformed):
            check_compact(token, KEYS["RS256"])


@pytest.mark.parametrize("token", [None, 1, 1.5, ["a.b.c"], {"jwt": "a.b.c"}, object(), Ellipsis])
def test_a_token_of_another_type_is_refused(token: Any) -> None:
    with pytest.raises(TokenMalformed):
        check_compact(token, KEYS["RS256"])


def test_a_public_key_is_no_shared_secret() -> None:
    public = RSA_KEY.public_key()
    for secret in (RS256.jwk["n"].encode(), json.dumps(RS256.jwk).encode(), str(public).encode()):
        signing_input = b64(b'{"alg":"HS256","kid":"k1"}') + "." + b64(PAYLOAD)
        mac = hmac.new(secret, signing_input.encode(), hashlib.sha256).digest()
        with pytest.raises(TokenMalformed):
            check_compact(f"{signing_input}.{b64(mac)}", KEYS["RS256"])


def test_an_ecdsa_signature_is_two_numbers_of_full_length() -> None:
    signing_input, _, signature = VALID["ES256"].rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    r, s = raw[:32], raw[32:]
    der = b"\x30\x44\x02\x20" + r + b"\x02\x20" + s
    zero = bytes(32)
    order = ORDER.to_bytes(32, "big")
    for bad in (b"", raw[:-1], raw + b"\0", r, der, zero + zero, r + zero, zero + s, order + s):
        with pytest.raises(SignatureInvalid):
            check_compact(f"{signing_input}.{b64(bad)}", KEYS["ES256"])
    # ECDSA has this second signature by design: never recognise a token by its text.
    twin = r + (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    assert check_compact(f"{signing_input}.{b64(twin)}", KEYS["ES256"]) == PAYLOAD


RS256_INPUT = VALID["RS256"].rpartition(".")[0]
RS256_DIGEST = hashlib.sha256(RS256_INPUT.encode()).digest()


def padded(digest_info: str, digest: bytes = RS256_DIGEST) -> bytes:
    """A digest as RSA signs it (RFC 8017, 9.2)."""
    plain = bytes.fromhex(digest_info) + digest
    return b"\0\1" + b"\xff" * (253 - len(plain)) + b"\0" + plain


EXACT = padded("3031300d060960864801650304020105000420")


def signature_of(encoded: bytes) -> bytes:
    """What the key signs, whatever it says."""
    numbers = RSA_KEY.private_numbers()
    number = pow(int.from_bytes(encoded, "big"), numbers.d, numbers.public_numbers.n)
    return number.to_bytes(256, "big")


def judged(signature: bytes, key: rsa.RSAPrivateKey = RSA_KEY) -> bool:
    """Whether the signature is accepted, which both ways of the library must agree about."""
    token = f"{RS256_INPUT}.{b64(signature)}"
    try:
        key.public_key().verify(
            signature, RS256_INPUT.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        with pytest.raises(SignatureInvalid):
            check_compact(token, rsa_signer("RS256", key).jwk)
        return False
    assert check_compact(token, rsa_signer("RS256", key).jwk) == PAYLOAD
    return True


def test_rsa_padding_is_exact() -> None:
    assert judged(signature_of(EXACT))
    exact, plain = EXACT, EXACT[-51:]
    of_sha3_256 = padded("3031300d060960864801650304020805000420")
    of_sha512_256 = padded("3031300d060960864801650304020605000420")
    of_sha512 = hashlib.sha512(RS256_INPUT.encode()).digest()
    without_null = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + RS256_DIGEST
    for bad in (
        of_sha3_256,
        of_sha512_256,
        padded("3051300d060960864801650304020305000440", of_sha512),
        padded(""),
        padded("3031300d060960864801650304020105000420", RS256_DIGEST[:-1]),
        padded("3031300d060960864801650304020105000420", RS256_DIGEST + b"\0"),
        b"\0\1" + b"\xff" * 8 + b"\0" + plain + b"\xff" * (245 - len(plain)),
        b"\0\2" + exact[2:],
        b"\0\1" + b"\xfe" + exact[3:],
        b"\0\1" + b"\xff" * (253 - len(without_null)) + b"\0" + without_null,
        exact[:-1] + bytes([exact[-1] ^ 1]),
    ):
        assert not judged(signature_of(bad))


def test_an_rsa_signature_is_less_than_the_modulus() -> None:
    n = RSA_KEY.public_key().public_numbers().n
    genuine = int.from_bytes(signature_of(EXACT), "big")
    for number in (0, 1, n - 1, n, n + 1, (genuine + n) % 2**2048, n - genuine, 2**2048 - 1):
        assert not judged(number.to_bytes(256, "big"))


def test_no_cube_root_is_a_signature() -> None:
    """Of a key whose exponent is 3: Bleichenbacher's forgeries, with the rest at the end or within."""
    key = rsa.generate_private_key(3, 2048)
    plain = EXACT[-51:]
    for kept in (8, 32, 100):
        start = b"\0\1" + b"\xff" * kept + b"\0" + plain
        assert not judged(_cube_root(start.ljust(256, b"\xff")).to_bytes(256, "big"), key)
    short = int.from_bytes(b"\1" + b"\xff" * 8 + b"\0" + plain, "big")
    assert not judged(_cube_root(short.to_bytes(256, "big")).to_bytes(256, "big"), key)
    assert judged(key.sign(RS256_INPUT.encode(), padding.PKCS1v15(), hashes.SHA256()), key)


def _cube_root(encoded: bytes) -> int:
    """The largest number whose cube is not more than this one."""
    cube, root = int.from_bytes(encoded, "big"), 0
    for bit in reversed(range(700)):
        if (root | 1 << bit) ** 3 <= cube:
            root |= 1 << bit
    return root


@given(
    st.sampled_from([EXACT, EXACT[-51:]]),
    st.integers(0, 255),
    st.integers(0, 3),
    st.binary(max_size=3),
)
def test_an_rsa_signature_is_judged_as_the_library_judges_it(
    start: bytes, at: int, length: int, inserted: bytes
) -> None:
    changed = (start[:at] + inserted + start[at + length :])[:256].rjust(256, b"\0")
    if changed[0]:  # more than the modulus
        changed = b"\0" + changed[1:]
    assert judged(signature_of(changed)) == (changed == EXACT)


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512"])
def test_tokens_of_all_lengths_are_checked(alg: str) -> None:
    for size in (*range(1_470, 1_500), *range(3_000, 3_040), 10_000):
        token = SIGNERS[alg].compact(payload=bytes(size))
        assert check_compact(token, KEYS[alg]) == bytes(size)
        header, payload, signature = token.split(".")
        with pytest.raises(SignatureInvalid):
            check_compact(f"{header}.Q{payload[1:]}.{signature}", KEYS[alg])


@pytest.mark.parametrize("size", [0, 10_000])
@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512"])
def test_no_other_thread_runs_while_rs_is_checked(alg: str, size: int) -> None:
    """Or one that computes would keep the interpreter for 5 ms, during a check of 20 µs."""
    token, key = SIGNERS[alg].compact(payload=bytes(size)), KEYS[alg]
    is_over, turns, usual = threading.Event(), 0, sys.getswitchinterval()

    def take_turns() -> None:
        nonlocal turns
        while not is_over.is_set():
            turns += 1
            time.sleep(0)

    other = threading.Thread(target=take_turns)
    sys.setswitchinterval(60)  # nobody is made to let others run
    try:
        other.start()
        while not turns:
            time.sleep(0.001)
        before = turns
        for _ in range(5_000):
            assert check_compact(token, key) == bytes(size)
        taken = turns - before
    finally:
        is_over.set()
        other.join()
        sys.setswitchinterval(usual)
    assert taken == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": None},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "PS256"},
        {"alg": "ES256"},
        {"alg": ["RS256"]},
        {"kty": "EC"},
        {"kty": "oct", "k": "AAAA"},
        {"kty": None},
        {"use": "enc"},
        {"use": None},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"key_ops": []},
        {"kid": 1},
        {"kid": ""},
        {"kid": "k" * 300},
        {"n": b64(b"\xff" * 128)},
        {"n": b64(b"\xff" * 2049)},
        {"n": RS256.jwk["n"] + "="},
        {"n": None},
        {"n": ""},
        {"n": "é"},
        {"n": "A" * 20_000_000},
        {"n": 12345},
        {"e": b64(b"\1")},
        {"e": b64(b"\2")},
        {"e": b64(b"\xff" * 9)},
        {"e": None},
        {"d": "AAAA"},
        {"p": "AAAA"},
        {"oth": []},
    ],
)
def test_a_key_that_must_not_verify_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        load_key({**RS256.jwk, **changes})
    assert RS256.jwk["n"] not in str(refusal.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"alg": "ES384"},
        {"alg": "RS256"},
        {"x": ES256.jwk["y"], "y": ES256.jwk["x"]},
        {"x": b64(bytes(32)), "y": b64(bytes(32))},
        {"x": b64(b"\xff" * 32)},
        {"x": b64(b"\0" + base64.urlsafe_b64decode(ES256.jwk["x"] + "="))},
        {"y": None},
        {"d": "AAAA"},
    ],
)
def test_a_point_that_is_none_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        load_key({**ES256.jwk, **changes})


@pytest.mark.parametrize("jwk", [None, "{}", b"[]", [], [RS256.jwk], 1, {}])
def test_a_key_of_another_type_is_refused(jwk: Any) -> None:
    with pytest.raises(InvalidArgument):
        load_key(jwk)
    with pytest.raises(InvalidArgument):
        check_compact(VALID["RS256"], jwk)


def test_a_key_may_be_for_verifying_or_for_anything() -> None:
    bare = {name: value for name, value in RS256.jwk.items() if name not in {"use", "kid"}}
    assert load_key(bare).kid is None
    assert load_key({**bare, "key_ops": ["sign", "verify"], "x5t": "ignored"}).alg == "RS256"


def test_only_kid_and_algorithm_are_printed() -> None:
    assert repr(KEYS["ES256"]) == "PublicKey(kid='k1', alg='ES256')"
    shown = repr(parse(VALID["RS256"]))
    assert shown == "UncheckedToken(alg='RS256', kid='k1')"


def test_a_library_that_stumbles_has_proven_nothing() -> None:
    class Stumbling:
        def verify(self, *_: object) -> bool:
            raise MemoryError

    handle: Any = Stumbling()
    with pytest.raises(SignatureInvalid):
        check_compact(VALID["RS256"], PublicKey("k1", "RS256", "thumbprint", 256, handle))


@pytest.mark.parametrize("alg", sorted(ALGORITHMS))
def test_no_error_quotes_the_token(alg: str) -> None:
    header, payload, signature = VALID[alg].split(".")
    for token in (
        f"{header}.{payload}.{signature}A",
        f"{header}.{payload}",
        f"{header}.{payload}.{'A' * len(signature)}",
        f"{header}.{payload}é.{signature}",
        b64(b'{"alg":"none","secret":"canary"}') + f".{payload}.{signature}",
    ):
        with pytest.raises(TokenError) as refusal:
            check_compact(token, KEYS[alg])
        error: BaseException | None = refusal.value
        while error is not None:
            for part in (payload, signature, "canary"):
                assert part not in repr(error)
            error = error.__cause__ or error.__context__

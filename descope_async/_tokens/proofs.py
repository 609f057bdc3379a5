"""Proof of possession (RFC 9449): whether the sender of a token holds the key that it is bound to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from attrs import frozen

from descope_async._values.numbers import is_number
from descope_async._values.strict_json import read_object
from descope_async.dpop_request import DPoPRequest, normal_url
from descope_async.errors import (
    InvalidArgument,
    ProofInvalid,
    ProofRequired,
    SignatureInvalid,
    TokenMalformed,
    TokenTypeMismatch,
)
from descope_async.session_token import SessionToken

from .compact import MAX_PROOF, sha256_base64url
from .signatures import check_signature, open_proof

#: Seconds that a proof may be old, and seconds by which its maker's clock may be ahead.
MAX_AGE: Final = 60
MAX_AHEAD: Final = 5
#: Characters of a proof's ``jti``.
_MAX_ID: Final = 128


@frozen(eq=False, repr=False)
class Proof:
    """A proof that fits its token and its request, and that must not be used twice.

    Attributes:
        id: A hash of the proof's ``jti`` and its key: 43 characters of base64url.
        issued_at: When its maker says that it was made, epoch seconds.
    """

    id: str
    issued_at: float


def check_proof(session: SessionToken, request: DPoPRequest | None, now: float) -> Proof | None:
    """Check the proof for a token whose signature and claims are right.

    Args:
        session: What the token stands for.
        request: The request that the token came with; None for an unknown one.
        now: Epoch seconds.

    Returns:
        The proof, to refuse its second use; None for a token that needs no proof.

    Raises:
        ProofRequired: There is none, or the token is bound in a way that this package cannot check.
        ProofInvalid: It is not a proof for this token and this request.
        TokenTypeMismatch: The token came under a scheme that is not for it: a bound one under
            Bearer (RFC 9449, 7.2), or another one under DPoP.
    """
    bound_to = _bound_to(session.claims)
    scheme = "" if request is None else (request.scheme or "").lower()
    if bound_to is None:
        if scheme == "dpop":
            raise TokenTypeMismatch("the token is bound to no key: the DPoP scheme is not for it")
        return None
    if request is None or not request.proofs:
        raise ProofRequired(
            "the token is bound to its holder's key: the caller must send a proof in a DPoP header, "
            "and dpop must name its request"
        )
    if scheme not in {"", "dpop"} and not request.accepts_bearer:
        raise TokenTypeMismatch("the token is bound to a key: it must come under the DPoP scheme")
    if len(request.proofs) > 1 or "," in request.proofs[0][:MAX_PROOF]:
        raise ProofInvalid("there must be exactly one DPoP header")
    claims = read_object(_signed(request.proofs[0], bound_to))
    if claims is None:
        raise ProofInvalid("the proof's claims are not a JSON object of distinct names")
    _check_request(claims, request)
    issued_at = _checked_time(claims.get("iat"), now)
    if claims.get("ath") != sha256_base64url(session.jwt.encode()):
        _refuse("was made for another token", "ath")
    nonce = claims.get("nonce")
    if request.nonces and not (isinstance(nonce, str) and nonce in request.nonces):
        _refuse("has none of the nonces that are good now", "nonce")
    proof_id = claims.get("jti")
    if not isinstance(proof_id, str) or not 0 < len(proof_id) <= _MAX_ID:
        _refuse(f"must have an id of 1 to {_MAX_ID} characters", "jti")
    # Two keys may choose the same id: those are two proofs.
    return Proof(sha256_base64url(f"{bound_to}.{proof_id}".encode()), issued_at)


def _bound_to(claims: Mapping[str, Any]) -> str | None:
    """The thumbprint of the key that the token is bound to (RFC 7800); None for a bearer token."""
    if "cnf" not in claims:
        return None
    methods = claims["cnf"]
    if isinstance(methods, Mapping):
        named = cast("Mapping[str, object]", methods)
        thumbprint = named.get("jkt")
        # A token may be bound in several ways, which must all be checked. Others than a key, such
        # as a certificate, cannot be checked here.
        if len(named) == 1 and isinstance(thumbprint, str):
            return thumbprint
    raise ProofRequired("the token is bound to its holder in a way that cannot be checked (cnf)")


def _signed(proof: str, thumbprint: str) -> bytes:
    """What the proof says, if the key with this thumbprint has signed it."""
    try:
        unchecked, key = open_proof(proof)
        if key.thumbprint == thumbprint:  # which costs far less than to check a signature
            return check_signature(unchecked, key, "proof")
    except (TokenMalformed, SignatureInvalid, InvalidArgument) as error:
        problem = str(error)
    else:
        _refuse("is signed by another key than the token is bound to", "jwk")
    raise ProofInvalid(problem)


def _check_request(claims: Mapping[str, Any], request: DPoPRequest) -> None:
    if claims.get("htm") != request.method:
        _refuse("was made for another method", "htm")
    asked, proven = normal_url(request.url), claims.get("htu")
    if asked is None:
        _refuse("cannot be compared: this request's own URL is not an absolute one", "htu")
    if not isinstance(proven, str) or normal_url(proven) != asked:
        _refuse(f"was made for another URL than {asked}", "htu")


def _checked_time(issued_at: object, now: float) -> float:
    if not is_number(issued_at):
        _refuse("does not say when it was made", "iat")
    if not now - MAX_AGE <= issued_at <= now + MAX_AHEAD:
        _refuse(f"must be at most {MAX_AGE} s old, and not from the future", "iat")
    return issued_at


def _refuse(problem: str, claim: str) -> NoReturn:
    raise ProofInvalid(f"the proof {problem} ({claim})", claim=claim)

"""Proof of possession (RFC 9449): whether whoever sends a token holds the key it is bound to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from descope_async._strict_json import read_object
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
from .signatures import verify_proof

#: Seconds that a proof may be old, and that its maker's clock may be ahead.
_OLDEST, _AHEAD = 60, 5
#: Characters of a proof's id.
_MAX_ID: Final = 128


def check_proof(session: SessionToken, request: DPoPRequest | None, now: float) -> str | None:
    """Check the proof for a token whose signature and claims are right.

    Args:
        session: What the token stands for.
        request: The request that the token came with; None for an unknown one.
        now: Epoch seconds.

    Returns:
        An id of the proof, by which to refuse its second use; None for a token that needs no proof.

    Raises:
        ProofRequired: There is none, or the token is bound in a way that this package cannot check.
        ProofInvalid: It is not a proof for this token and this request.
        TokenTypeMismatch: The request uses the DPoP scheme for a token that is not bound.
    """
    bound_to = _bound_to(session.claims)
    if bound_to is None:
        if request is not None and (request.scheme or "").lower() == "dpop":
            raise TokenTypeMismatch("the token is bound to no key: the DPoP scheme is not for it")
        return None
    if request is None or not request.proofs:
        raise ProofRequired("the token is bound to its holder's key, whose proof is missing")
    if len(request.proofs) > 1 or "," in request.proofs[0][:MAX_PROOF]:
        raise ProofInvalid("there must be exactly one DPoP header")
    payload, thumbprint = _verified(request.proofs[0])
    if thumbprint != bound_to:
        _refuse("is signed by another key than the token is bound to", "jwk")
    claims = read_object(payload)
    if claims is None:
        raise ProofInvalid("the proof's claims are not a JSON object of distinct names")
    _check_request(claims, request)
    _check_time(claims.get("iat"), now)
    if claims.get("ath") != sha256_base64url(session.jwt.encode()):
        _refuse("was made for another token", "ath")
    proof_id = claims.get("jti")
    if not isinstance(proof_id, str) or not 0 < len(proof_id) <= _MAX_ID:
        _refuse(f"must have an id of 1 to {_MAX_ID} characters", "jti")
    # One id in the hands of two keys is two proofs.
    return sha256_base64url(f"{thumbprint}.{proof_id}".encode(errors="surrogatepass"))


def _bound_to(claims: Mapping[str, Any]) -> str | None:
    """The thumbprint of the key that the token is bound to (RFC 7800); None for a bearer token."""
    if "cnf" not in claims:
        return None
    methods = claims["cnf"]
    if isinstance(methods, Mapping):
        named = cast("Mapping[str, object]", methods)
        thumbprint = named.get("jkt")
        # All methods must be satisfied, and a certificate, say, is not looked at here.
        if len(named) == 1 and isinstance(thumbprint, str):
            return thumbprint
    raise ProofRequired("the token is bound to its holder in a way that cannot be checked (cnf)")


def _verified(proof: str) -> tuple[bytes, str]:
    """What the proof says, and the thumbprint of the key that has signed it."""
    try:
        payload, key = verify_proof(proof)
    except (TokenMalformed, SignatureInvalid, InvalidArgument) as error:
        problem = str(error)
    else:
        return payload, key.thumbprint
    raise ProofInvalid(problem)


def _check_request(claims: Mapping[str, Any], request: DPoPRequest) -> None:
    if claims.get("htm") != request.method:
        _refuse("was made for another method", "htm")
    asked, proven = normal_url(request.url), claims.get("htu")
    if asked is None:
        _refuse("cannot be compared: this request's own URL is not an absolute one", "htu")
    if not isinstance(proven, str) or normal_url(proven) != asked:
        _refuse(f"was made for another URL than {asked}", "htu")


def _check_time(issued: object, now: float) -> None:
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        _refuse("does not say when it was made", "iat")
    if not now - _OLDEST <= issued <= now + _AHEAD:
        _refuse(f"must be at most {_OLDEST} s old, and not from the future", "iat")


def _refuse(problem: str, claim: str) -> NoReturn:
    raise ProofInvalid(f"the proof {problem} ({claim})", claim=claim)

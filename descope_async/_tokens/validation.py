"""From a JWT to a SessionToken: its signature, its claims, and the proof of its holder."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from descope_async._runtime.clock import Clock
from descope_async._values.secret import Secret
from descope_async.dpop_request import DPoPRequest
from descope_async.errors import DescopeError, TokenMalformed
from descope_async.events import SessionChecked
from descope_async.events._telemetry import UNHOOKED, Telemetry
from descope_async.session_token import SessionToken, look_at
from descope_async.settings import ReplayStore

from .claim_rules import ClaimRules
from .compact import UncheckedToken, parse
from .pinned_keys import PinnedKeys
from .proofs import Proof, check_proof
from .signatures import PublicKey, check_signature
from .signing_keys import SigningKeys
from .used_proofs import UsedProofs
from .validated_tokens import ValidatedToken, ValidatedTokens


class SessionValidator:
    """Validates session tokens with the project's signing keys.

    Args:
        signing_keys: The project's signing keys.
        rules: What a token must claim.
        clock: The time source.
        replays: Remembers used proofs for other processes too; None for this one only.
        telemetry: Receives the events.
    """

    def __init__(
        self,
        signing_keys: SigningKeys | PinnedKeys,
        rules: ClaimRules,
        clock: Clock,
        replays: ReplayStore | None = None,
        telemetry: Telemetry = UNHOOKED,
    ) -> None:
        self._signing_keys = signing_keys
        self._rules = rules
        self._clock = clock
        self._proofs = UsedProofs(clock, replays)
        self._telemetry = telemetry
        # By exact type: an instance of a subclass of str may say that it is another string than it is.
        self._tokens: dict[type, ValidatedTokens] = {
            str: ValidatedTokens(),
            bytes: ValidatedTokens(),
        }

    # The frames below the next two methods hold the token, so an error leaves without them. A
    # context manager would do that for both, but takes a third of the time of a token seen before.

    async def validate(
        self,
        token: Secret[object],
        audience: frozenset[str] | None,
        operation: str,
        request: DPoPRequest | None = None,
        *,
        is_own: bool = False,
    ) -> SessionToken:
        """The session that the token stands for.

        Args:
            token: The JWT, a str or bytes.
            audience: The audiences of which it must name one. With None, a token that names any
                must name the project id among them.
            operation: What an error is to name as its ``operation``.
            request: The request that it came with, to check a proof against; None for none.
            is_own: Whether the service has just made it for whoever calls this, who need not prove
                that it is theirs.

        Raises:
            TokenError: The token is refused; the subclass says why.
            KeySetUnavailable: The signing keys cannot be had; the token may be fine.
            ReplayStoreFull: A proof cannot be remembered; the token may be fine.
        """
        began = self._clock.running() if self._telemetry.is_hooked else None
        try:
            judged = self._judged(token, audience, request, is_own=is_own)
            while judged is None:
                key = await self._signing_keys.key(*parse(token.reveal()).signer())
                judged = self._judged(token, audience, request, key, is_own=is_own)
            session, proof = judged
            # A proof is used up last, so that a token that is refused for another reason does not
            # use up a proof that somebody else has made.
            if proof is not None:
                await self._proofs.use(proof)
        except DescopeError as error:
            failure = self._failed(error, operation, began)
        else:
            if began is not None:
                self._tell(operation, began)
            return session
        raise failure

    def validate_nowait(
        self,
        token: Secret[object],
        audience: frozenset[str] | None,
        operation: str,
        request: DPoPRequest | None = None,
    ) -> SessionToken | None:
        """As `validate`, without I/O.

        Returns:
            None when a signing key must be fetched, or ``replays`` be asked.

        Raises:
            TokenError: The token is refused; the subclass says why.
            ReplayStoreFull: A proof cannot be remembered; the token may be fine.
        """
        began = self._clock.running() if self._telemetry.is_hooked else None
        try:
            judged = self._judged(token, audience, request)
            if judged is None:
                return None
            session, proof = judged
            if proof is not None and not self._proofs.use_nowait(proof):
                return None
        except DescopeError as error:
            failure = self._failed(error, operation, began)
        else:
            if began is not None:
                self._tell(operation, began)
            return session
        raise failure

    def seen_before(
        self, token: str | bytes, audience: str | Collection[str] | None
    ) -> SessionToken | None:
        """The session of an unbound token that was accepted before, if it is valid now.

        It is quicker than the methods above. It never raises, since this frame and the caller's hold
        the token, and it tells no event.

        Args:
            token: The JWT.
            audience: A frozenset of audiences, or None, as for `validate`.

        Returns:
            None where the methods above must be asked.
        """
        tokens = self._tokens.get(type(token))
        if tokens is None or self._telemetry.is_hooked:
            return None
        if audience is not None and not isinstance(audience, frozenset):
            return None
        found = tokens.find(token, audience)
        if found is None or found.is_bound or not self._signing_keys.has(found.key):
            return None
        is_valid = found.valid_from <= self._clock.now() < found.valid_until
        return found.session if is_valid else None

    def _failed(self, error: DescopeError, operation: str, began: float | None) -> DescopeError:
        failure = error.with_traceback(None)
        failure.operation = operation
        self._tell(operation, began, failure)
        return failure

    def _tell(
        self, operation: str, began: float | None, failure: DescopeError | None = None
    ) -> None:
        duration = None if began is None else self._clock.running() - began
        error_type = None if failure is None else type(failure).__name__
        self._telemetry.tell(
            SessionChecked(operation=operation, duration=duration, error_type=error_type)
        )

    def _judged(
        self,
        token: Secret[object],
        audience: frozenset[str] | None,
        request: DPoPRequest | None,
        key: PublicKey | None = None,
        *,
        is_own: bool = False,
    ) -> tuple[SessionToken, Proof | None] | None:
        """The session that the token stands for, and the proof to use up for it; None for none.

        None for both when the signing key must be fetched first, to be given here.
        """
        jwt: Any = token.reveal()  # nobody knows yet what it is
        validated = self._seen(jwt, audience)
        if validated is None:
            unchecked = parse(jwt)
            if key is None:
                key_id, alg = unchecked.signer()
                key = self._signing_keys.key_nowait(key_id, alg)
                if key is None:
                    return None
            validated = self._validated(jwt, unchecked, key, audience)
        session = validated.session
        if is_own or (request is None and not validated.is_bound):
            return session, None
        return session, check_proof(session, request, self._clock.now())

    def _seen(self, jwt: str | bytes, audience: frozenset[str] | None) -> ValidatedToken | None:
        """A token that was accepted before, for this audience and by a key that is still current.

        Raises:
            TokenError: Its time is not now.
        """
        tokens = self._tokens.get(type(jwt))
        found = None if tokens is None else tokens.find(jwt, audience)
        if found is None or not self._signing_keys.has(found.key):
            return None
        now = self._clock.now()
        if not found.valid_from <= now < found.valid_until:
            self._rules.check(found.session.claims, audience, now)  # says what is wrong
        return found

    def _validated(
        self,
        jwt: str | bytes,
        unchecked: UncheckedToken,
        key: PublicKey,
        audience: frozenset[str] | None,
    ) -> ValidatedToken:
        signed = check_signature(unchecked, key)
        claims = look_at(signed)
        if claims is None:
            raise TokenMalformed("the token's claims are not a JSON object of distinct names")
        valid_from, valid_until = self._rules.check(claims, audience, self._clock.now())
        session = _session_of(unchecked.text, claims, signed, self._rules.project_id)
        is_bound = "cnf" in claims
        validated = ValidatedToken(jwt, session, key, valid_from, valid_until, is_bound)
        tokens = self._tokens.get(type(jwt))
        if tokens is not None:
            tokens.remember(audience, validated)
        return validated


def _session_of(
    jwt: str, claims: Mapping[str, Any], signed: bytes, project_id: str
) -> SessionToken:
    subject = claims.get("dsub", claims.get("sub"))
    if not isinstance(subject, str) or not subject:
        raise TokenMalformed("the token names no subject (dsub or sub)")
    return SessionToken(
        jwt=jwt, key_id=subject, project_id=project_id, expire_time=claims["exp"], claims=signed
    )

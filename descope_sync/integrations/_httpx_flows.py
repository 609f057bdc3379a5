"""The flow of a blocking request with a token, for httpx and for httpx2."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Any

from descope_async.integrations._httpx_flows import challenges, put, takes_token
from descope_async.integrations._outgoing import UNAUTHORIZED, Outgoing
from descope_sync import DescopeError, InvalidArgument, ProofKey, TokenSource

__all__ = ["BlockingFlow"]


class BlockingFlow:
    """Sends requests of a ``Client`` with the token of a source.

    A request is sent once more, with another token, if the service answers 401 ``invalid_token``,
    and with a nonce in its proof, if the answer is 401 ``use_dpop_nonce``; only if its body is in
    memory. A request that has an ``Authorization`` header already is left as it is.

    Args:
        source: A source of ``descope_sync``.
        origins: Scheme, host and port of the services that may see the token, such as
            ``"https://api.example.com"``. Requests to others go without it.
        proof_key: The key that the token is bound to (RFC 9449); None for a bearer token.

    Raises:
        InvalidArgument: The source is none of ``descope_sync``.
        ConfigurationError: Another argument cannot be right.
    """

    #: The library's class of a body that is in memory.
    _in_memory: type[Any]

    def __init__(
        self,
        source: TokenSource,
        origins: str | Sequence[str],
        *,
        proof_key: ProofKey | None = None,
    ) -> None:
        given: object = source  # callers without a type checker pass anything
        if not isinstance(given, TokenSource):
            raise InvalidArgument(
                "source must be a TokenSource of descope_sync; "
                "for that of descope_async, there is descope_async.integrations"
            )
        self._source = source
        self._outgoing = Outgoing(origins, proof_key)

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """Refuses: an async client would be stopped while a token is renewed.

        Raises:
            InvalidArgument: Always.
        """
        del request
        raise InvalidArgument(
            "this is for a Client; for an AsyncClient, there is descope_async.integrations"
        )
        yield

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """The requests to send, given the responses.

        Raises:
            DescopeError: There is no token that works; as `TokenSource.token` does.
        """
        outgoing, source = self._outgoing, self._source
        if not takes_token(outgoing, request):
            yield request
            return
        token = source.token()
        bearer = outgoing.bearers[token]
        if bearer is None:
            put(outgoing, request, token)
        else:
            request.headers["Authorization"] = bearer
        response = yield request
        if outgoing.makes_proofs:
            outgoing.note_nonce(request.url, response.headers)
        if response.status_code != UNAUTHORIZED or not isinstance(request.stream, self._in_memory):
            return
        if outgoing.wants_nonce(challenges(response)):
            put(outgoing, request, token)
            response = yield request
            outgoing.note_nonce(request.url, response.headers)
        if response.status_code != UNAUTHORIZED or not outgoing.refuses_token(challenges(response)):
            return
        source.invalidate(token)
        try:
            fresh = source.token()
        except DescopeError:
            return  # the service's answer says more
        if fresh != token:
            put(outgoing, request, fresh)
            response = yield request
            outgoing.note_nonce(request.url, response.headers)

"""Requests of aiohttp's client with the token of a source."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.hdrs import AUTHORIZATION
from aiohttp.payload import BytesPayload

from descope_async import DescopeError, InvalidArgument, ProofKey, TokenSource

from ._outgoing import UNAUTHORIZED, Outgoing

__all__ = ["TokenAuth"]


class TokenAuth:
    """A middleware of an ``aiohttp.ClientSession``: sends requests with the token of a source.

    Give it to the session's ``middlewares``. Those of a single request take the place of the
    session's, so name it there as well.

    A request is sent once more, with another token, if the service answers 401 ``invalid_token``,
    and with a nonce in its proof, if the answer is 401 ``use_dpop_nonce``; only if its body is in
    memory. A request that has an ``Authorization`` header already is left as it is.

    Args:
        source: A source of ``descope_async``.
        origins: Scheme, host and port of the services that may see the token, such as
            ``"https://api.example.com"``. Requests to others go without it, also after a redirect.
        proof_key: The key that the token is bound to (RFC 9449); None for a bearer token.

    Raises:
        InvalidArgument: The source is none of ``descope_async``.
        ConfigurationError: Another argument cannot be right.
    """

    def __init__(
        self,
        source: TokenSource,
        origins: str | Sequence[str],
        *,
        proof_key: ProofKey | None = None,
    ) -> None:
        given: object = source  # callers without a type checker pass anything
        if not isinstance(given, TokenSource):
            raise InvalidArgument("source must be a TokenSource of descope_async")
        self._source = source
        self._outgoing = Outgoing(origins, proof_key)

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send a request.

        Raises:
            DescopeError: There is no token that works; as `TokenSource.token` does.
        """
        outgoing, url = self._outgoing, request.url
        # aiohttp comes here again for each redirect, with the request that it leads to.
        if (
            url.scheme,
            url.raw_host,
            url.port,
        ) not in outgoing.origins or AUTHORIZATION in request.headers:
            return await handler(request)
        token = self._source.get_nowait() or await self._source.token()
        bearer = outgoing.bearers[token]
        if bearer is None:
            request.headers.update(outgoing.headers(token, request.method, url))
        else:
            request.headers[AUTHORIZATION] = bearer
        response = await handler(request)
        if outgoing.makes_proofs:
            outgoing.note_nonce(url, response.headers)
        if response.status != UNAUTHORIZED:
            return response
        return await self._answered(request, handler, token, response)

    async def _answered(
        self,
        request: ClientRequest,
        handler: ClientHandlerType,
        token: str,
        response: ClientResponse,
    ) -> ClientResponse:
        """The answer to a request with a nonce or another token, else the answer 401 as it is."""
        outgoing, source = self._outgoing, self._source
        if request.body != b"" and not isinstance(request.body, BytesPayload):
            return response
        if outgoing.wants_nonce(_challenges(response)):
            response = await self._sent(request, handler, token, response)
        if response.status != UNAUTHORIZED or not outgoing.refuses_token(_challenges(response)):
            return response
        source.invalidate(token)
        try:
            fresh = await source.token()
        except DescopeError:
            return response  # the service's answer says more
        return response if fresh == token else await self._sent(request, handler, fresh, response)

    async def _sent(
        self,
        request: ClientRequest,
        handler: ClientHandlerType,
        token: str,
        before: ClientResponse,
    ) -> ClientResponse:
        """The answer to the same request with this token, sent after this answer."""
        before.release()
        outgoing, url = self._outgoing, request.url
        request.headers.update(outgoing.headers(token, request.method, url))
        response = await handler(request)
        outgoing.note_nonce(url, response.headers)
        return response


def _challenges(response: ClientResponse) -> Sequence[str]:
    return response.headers.getall("WWW-Authenticate", ())

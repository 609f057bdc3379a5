"""Requests of aiohttp's client with the token of a source."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.payload import BytesPayload

from descope_async import DescopeError, InvalidArgument, ProofKey, TokenSource

from .outgoing import Outgoing

__all__ = ["TokenAuth"]


class TokenAuth:
    """A middleware of an ``aiohttp.ClientSession``: sends requests with the token of a source.

    Give it to the session's ``middlewares``. Those of a single request take the place of the
    session's, so name it there as well.

    A request is sent once more, with another token, if the service answers 401 ``invalid_token``,
    and only if its body is in memory. A request that has an ``Authorization`` header already is
    left as it is.

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
        outgoing, source, url = self._outgoing, self._source, request.url
        # aiohttp comes here again for each redirect, with the request that it leads to.
        if (
            not outgoing.covers(url.scheme, url.host, url.port)
            or "Authorization" in request.headers
        ):
            return await handler(request)
        token = source.get_nowait() or await source.token()
        request.headers.update(outgoing.headers(token, request.method, url))
        response = await handler(request)
        challenges = response.headers.getall("WWW-Authenticate", ())
        if not outgoing.may_repeat(response.status, challenges):
            return response
        if request.body != b"" and not isinstance(request.body, BytesPayload):
            return response
        source.invalidate(token)
        try:
            fresh = await source.token()
        except DescopeError:
            return response  # the service's answer says more
        if fresh == token:
            return response
        response.release()
        request.headers.update(outgoing.headers(fresh, request.method, url))
        return await handler(request)

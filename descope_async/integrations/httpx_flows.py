"""The flow of a request with a token, for httpx and for httpx2, which take each other's classes not.

The two libraries have the same interface, of which this needs the least possible.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Any

from descope_async import DescopeError, InvalidArgument, ProofKey, TokenSource

from .outgoing import Outgoing

__all__ = ["AsyncFlow"]


class AsyncFlow:
    """Sends requests of an ``AsyncClient`` with the token of a source.

    A request is sent once more, with another token, if the service answers 401 ``invalid_token``,
    and only if its body is in memory. A request that has an ``Authorization`` header already is
    left as it is.

    Args:
        source: A source of ``descope_async``.
        origins: Scheme, host and port of the services that may see the token, such as
            ``"https://api.example.com"``. Requests to others go without it.
        proof_key: The key that the token is bound to (RFC 9449); None for a bearer token.

    Raises:
        InvalidArgument: The source is none of ``descope_async``.
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
                "source must be a TokenSource of descope_async; "
                "for that of descope_sync, there is descope_sync.integrations"
            )
        self._source = source
        self._outgoing = Outgoing(origins, proof_key)

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Refuses: a blocking client would wait for an event loop.

        Raises:
            InvalidArgument: Always.
        """
        del request
        raise InvalidArgument(
            "this is for an AsyncClient; for a Client, there is descope_sync.integrations"
        )
        yield

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """The requests to send, given the responses.

        Raises:
            DescopeError: There is no token that works; as `TokenSource.token` does.
        """
        outgoing, source, url = self._outgoing, self._source, request.url
        if (
            not outgoing.covers(url.scheme, url.host, url.port)
            or "Authorization" in request.headers
        ):
            yield request
            return
        token = source.get_nowait() or await source.token()
        _set(request, outgoing.headers(token, request.method, url))
        response = yield request
        challenges = response.headers.get_list("WWW-Authenticate")
        if not outgoing.may_repeat(response.status_code, challenges):
            return
        if not isinstance(request.stream, self._in_memory):
            return
        source.invalidate(token)
        try:
            fresh = await source.token()
        except DescopeError:
            return  # the service's answer says more
        if fresh != token:
            _set(request, outgoing.headers(fresh, request.method, url))
            yield request


def _set(request: Any, headers: dict[str, str]) -> None:
    for name, value in headers.items():  # their update takes five times as long
        request.headers[name] = value

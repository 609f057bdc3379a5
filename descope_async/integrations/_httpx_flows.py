"""The flow of a request with a token, for httpx and for httpx2.

The two libraries have the same interface, but each refuses the other's classes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Any

from descope_async import DescopeError, InvalidArgument, ProofKey, TokenSource

from ._outgoing import UNAUTHORIZED, Outgoing

__all__ = ["AsyncFlow", "challenges", "put", "takes_token"]


class AsyncFlow:
    """Sends requests of an ``AsyncClient`` with the token of a source.

    A request is sent once more, with another token, if the service answers 401 ``invalid_token``,
    and with a nonce in its proof, if the answer is 401 ``use_dpop_nonce``; only if its body is in
    memory. A request that has an ``Authorization`` header already is left as it is.

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
        outgoing, source = self._outgoing, self._source
        if not takes_token(outgoing, request):
            yield request
            return
        token = source.get_nowait() or await source.token()
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
            fresh = await source.token()
        except DescopeError:
            return  # the service's answer says more
        if fresh != token:
            put(outgoing, request, fresh)
            response = yield request
            outgoing.note_nonce(request.url, response.headers)


def takes_token(outgoing: Outgoing, request: Any) -> bool:
    """Whether a request of httpx goes to a service that may see the token, and has none yet."""
    url = request.url
    if (url.scheme, url.raw_host.decode(), url.port) not in outgoing.origins:
        return False
    # `in` of the headers decodes all of them first. That takes four times as long.
    for name, _ in request.headers.raw:
        if len(name) == len(b"authorization") and name.lower() == b"authorization":
            return False
    return True


def put(outgoing: Outgoing, request: Any, token: str) -> None:
    """Set the headers of a request of httpx."""
    for name, value in outgoing.headers(token, request.method, request.url).items():
        request.headers[name] = value


def challenges(response: Any) -> list[str]:
    """The challenges of a response of httpx."""
    found: list[str] = response.headers.get_list("WWW-Authenticate")
    return found

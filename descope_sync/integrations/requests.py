"""Requests of the library requests with the token of a source (``descope-async[requests]``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from descope_async.integrations._outgoing import UNAUTHORIZED, Outgoing
from descope_sync import DescopeError, InvalidArgument, ProofKey, TokenSource

try:
    from requests import PreparedRequest, Response
    from requests.auth import AuthBase
except ModuleNotFoundError as _error:
    _problem = "this needs an extra: pip install 'descope-async[requests]'"
    raise ModuleNotFoundError(_problem, name=_error.name) from None

__all__ = ["TokenAuth"]


class TokenAuth(AuthBase):
    """The ``auth`` of a request or a ``Session``: sends requests with the token of a source.

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

    def __init__(
        self,
        source: TokenSource,
        origins: str | Sequence[str],
        *,
        proof_key: ProofKey | None = None,
    ) -> None:
        given: object = source  # callers without a type checker pass anything
        if not isinstance(given, TokenSource):
            raise InvalidArgument("source must be a TokenSource of descope_sync")
        self._source = source
        self._outgoing = Outgoing(origins, proof_key)

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """The request with a token, if its service may see one.

        Raises:
            DescopeError: There is no token that works; as `TokenSource.token` does.
        """
        if "Authorization" in r.headers or not self._covers(r):
            return r
        token = self._source.token()
        self._set(r, token)

        def answered(response: Response, **options: Any) -> Response:
            return self._sent_again(response, token, options)

        hooked: Any = r  # the library's hooks have no types
        hooked.register_hook("response", answered)
        return r

    def _covers(self, request: PreparedRequest) -> bool:
        parts = urlsplit(request.url or "")
        return (parts.scheme, parts.hostname, parts.port) in self._outgoing.origins

    def _set(self, request: PreparedRequest, token: str) -> None:
        request.headers.update(self._outgoing.headers(token, request.method or "GET", request.url))

    def _sent_again(self, response: Response, token: str, options: dict[str, Any]) -> Response:
        """The answer to a request with a nonce or another token, else the answer as it is."""
        self._outgoing.note_nonce(response.request.url, response.headers)
        if (
            response.status_code != UNAUTHORIZED
            or not self._covers(response.request)  # after a redirect
            or not isinstance(response.request.body, str | bytes | None)
        ):
            return response
        if self._outgoing.wants_nonce(_challenges(response)):
            response = self._sent(response, token, options)
        if response.status_code != UNAUTHORIZED or not self._outgoing.refuses_token(
            _challenges(response)
        ):
            return response
        self._source.invalidate(token)
        try:
            fresh = self._source.token()
        except DescopeError:
            return response  # the service's answer says more
        return response if fresh == token else self._sent(response, fresh, options)

    def _sent(self, response: Response, token: str, options: dict[str, Any]) -> Response:
        """The answer to the same request with this token, sent after this answer."""
        _ = response.content  # so that the connection can be used again
        response.close()
        again: Any = response.request.copy()
        again.hooks = {"response": []}
        self._set(again, token)
        answered: Any = response  # what its types leave out is what the library's own auth uses
        sent: Response = answered.connection.send(again, **options)
        sent.history.append(response)
        sent.request = again
        self._outgoing.note_nonce(sent.request.url, sent.headers)
        return sent


def _challenges(response: Response) -> list[str]:
    return [response.headers.get("WWW-Authenticate", "")]

"""Blocking calls of gRPC with the token of a source (``descope-async[grpc]``)."""

from __future__ import annotations

from typing import Any

from descope_sync import DescopeError, InvalidArgument, TokenSource

try:
    from grpc import AuthMetadataPlugin
except ModuleNotFoundError as _error:
    _problem = "this needs an extra: pip install 'descope-async[grpc]'"
    raise ModuleNotFoundError(_problem, name=_error.name) from None

__all__ = ["TokenMetadata"]


class TokenMetadata(AuthMetadataPlugin):
    """Gives each call the token of a source, as the metadata ``authorization``.

    Use it with ``grpc.metadata_call_credentials`` and a secure channel: gRPC sends credentials over
    no other, and only to the channel's own service.

    Args:
        source: A source of ``descope_sync``, whose token is bound to no key.

    Raises:
        InvalidArgument: The source is none of ``descope_sync``.
    """

    def __init__(self, source: TokenSource) -> None:
        given: object = source  # callers without a type checker pass anything
        if not isinstance(given, TokenSource):
            raise InvalidArgument("source must be a TokenSource of descope_sync")
        self._source = source

    def __call__(self, context: Any, callback: Any) -> None:
        """Give a call its metadata. gRPC calls this on a thread of its own."""
        del context
        try:
            token = self._source.token()
        except DescopeError as error:
            callback((), error)
        else:
            callback((("authorization", f"Bearer {token}"),), None)

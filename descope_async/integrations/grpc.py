"""Calls of gRPC with the token of a source (``descope-async[grpc]``)."""

from __future__ import annotations

import asyncio
from typing import Any

from descope_async import InvalidArgument, TokenSource

try:
    from grpc import AuthMetadataPlugin
except ModuleNotFoundError as _error:
    _problem = "this needs an extra: pip install 'descope-async[grpc]'"
    raise ModuleNotFoundError(_problem, name=_error.name) from None

__all__ = ["TokenMetadata"]


class TokenMetadata(AuthMetadataPlugin):
    """Gives each call the token of a source, as the metadata ``authorization``.

    Use it with ``grpc.metadata_call_credentials`` and a secure channel of ``grpc.aio``: gRPC sends
    credentials over no other, and only to the channel's own service. Construct it on the event loop
    that the source is used on.

    Args:
        source: A source of ``descope_async``, whose token is bound to no key.

    Raises:
        InvalidArgument: The source is none of ``descope_async``, or no event loop runs here.
    """

    def __init__(self, source: TokenSource) -> None:
        given: object = source  # callers without a type checker pass anything
        if not isinstance(given, TokenSource):
            raise InvalidArgument("source must be a TokenSource of descope_async")
        self._source = source
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise InvalidArgument("construct it on the event loop of the source") from None

    def __call__(self, context: Any, callback: Any) -> None:
        """Give a call its metadata. gRPC calls this on a thread of its own."""
        del context
        token = self._source.get_nowait()
        if token is not None:
            callback((("authorization", f"Bearer {token}"),), None)
            return
        asking = asyncio.run_coroutine_threadsafe(self._source.token(), self._loop)

        def pass_on(asked: Any) -> None:
            error = RuntimeError("the event loop has ended") if asked.cancelled() else None
            error = error or asked.exception()
            if error is None:
                callback((("authorization", f"Bearer {asked.result()}"),), None)
            else:
                callback((), error)

        asking.add_done_callback(pass_on)

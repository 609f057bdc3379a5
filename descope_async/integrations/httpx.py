"""Requests of httpx with the token of a source (``descope-async[httpx]``)."""

from __future__ import annotations

from ._httpx_flows import AsyncFlow

try:
    from httpx import Auth, ByteStream
except ModuleNotFoundError as _error:
    _problem = "this needs an extra: pip install 'descope-async[httpx]'"
    raise ModuleNotFoundError(_problem, name=_error.name) from None

__all__ = ["TokenAuth"]


class TokenAuth(AsyncFlow, Auth):
    """The ``auth`` of an ``httpx.AsyncClient``: sends requests with the token of a source."""

    __doc__ = AsyncFlow.__doc__
    _in_memory = ByteStream

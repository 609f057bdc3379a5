"""Blocking requests of httpx with the token of a source (``descope-async[httpx]``)."""

from __future__ import annotations

from ._httpx_flows import BlockingFlow

try:
    from httpx import Auth, ByteStream
except ModuleNotFoundError as _error:
    _problem = "this needs an extra: pip install 'descope-async[httpx]'"
    raise ModuleNotFoundError(_problem, name=_error.name) from None

__all__ = ["TokenAuth"]


class TokenAuth(BlockingFlow, Auth):
    """The ``auth`` of an ``httpx.Client``: sends requests with the token of a source."""

    __doc__ = BlockingFlow.__doc__
    _in_memory = ByteStream

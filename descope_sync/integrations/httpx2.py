"""Blocking requests of httpx2 with the token of a source (``descope-async[httpx2]``)."""

from __future__ import annotations

from ._httpx_flows import BlockingFlow

try:
    from httpx2 import Auth, ByteStream
except ModuleNotFoundError as _error:
    _problem = "this needs an extra: pip install 'descope-async[httpx2]'"
    raise ModuleNotFoundError(_problem, name=_error.name) from None

__all__ = ["TokenAuth"]


class TokenAuth(BlockingFlow, Auth):
    """The ``auth`` of an ``httpx2.Client``: sends requests with the token of a source."""

    __doc__ = BlockingFlow.__doc__
    _in_memory = ByteStream

"""What an operation is asked with: a management call, or a visit to the paths that make tokens."""

from __future__ import annotations

from attrs import field, frozen

from descope_async.emulator._fields import Fields
from descope_async.emulator._memory.project import Project


@frozen
class Call:
    """A management call, over HTTP, from Python or from a seed. The caller may manage the project.

    Attributes:
        project: The project that the call is about.
        fields: The call's arguments.
        now: When the call came, in epoch seconds.
        author: The id of the management key that the call was made with.
        strict: Whether roles, tenants and attributes that the call names must exist.
    """

    project: Project
    fields: Fields
    now: int
    author: str
    strict: bool = False


@frozen
class Visit:
    """A request for or with a token. Whether the visitor may come in is for the operation to say.

    Attributes:
        project: The project that the request names.
        secret: An access key or a token; empty when the request has none.
        fields: The request's arguments.
        issuer: The issuer of the tokens that the visitor gets.
        peer: The IP address that the request came from; empty when it is unknown.
    """

    project: Project
    secret: str = field(repr=False)
    fields: Fields
    issuer: str
    peer: str

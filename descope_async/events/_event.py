"""What all events have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from descope_async._values.value import Value


@frozen(kw_only=True, eq=False, repr=False)
class Call(Value):
    """A call to the service. All events of one call, and no others, hold this same object.

    Attributes:
        operation: What is done, as errors name it, such as ``"access_key.create"``.
        method: The HTTP method.
        path: The path, with ``{project_id}`` where that stands in it.
        server_address: The host.
        server_port: The port.
        project_id: The project.
        key_id: The access key that gets a new secret; None for other calls.
        key_name: The name of the access key that is made; None for other calls.
    """

    operation: str
    method: str
    path: str
    server_address: str
    server_port: int
    project_id: str
    key_id: str | None = None
    key_name: str | None = None

    def __eq__(self, other: object) -> bool:
        return object.__eq__(self, other)  # two calls may look the same

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __str__(self) -> str:
        key = self.key_id or (self.key_name and repr(self.key_name))
        return f"{self.operation} of {key}" if key else self.operation


@frozen(kw_only=True, eq=False, repr=False)
class Event(Value):
    """Something that happened."""

    def to_dict(self, *, secrets: bool = False) -> dict[str, Any]:
        """The fields, with those of the call among them, and the class as ``event``.

        Args:
            secrets: Changes nothing: no event has any.
        """
        members = super().to_dict(secrets=secrets)
        return {"event": type(self).__name__, **members.pop("call", {}), **members}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        described = super().__get_pydantic_json_schema__(schema, handler)
        members = described["properties"]
        of_call = members.pop("call", {"properties": {}})["properties"]
        described["properties"] = {"event": {"const": cls.__name__}, **of_call, **members}
        return described


#: Called with every event, on the thread of the event loop that the work runs on.
Hook = Callable[[Event], object]


def result(status: int | None, error_type: str | None, code: str | None = None) -> str:
    said = [] if status is None else [str(status)]
    said += [each for each in (code, error_type or "done") if each]
    return " ".join(said)

"""How the emulator says no: the service's error body, and every code and status it uses."""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen

Json = dict[str, Any]


@frozen
class Code:
    """What an error answer says: its HTTP status, the service's code and its sentence."""

    status: int
    error_code: str
    description: str


class Problem:
    """Every reason for a refusal. The service's code and status for a reason are set here only."""

    MALFORMED: Final = Code(400, "E011001", "Request is malformed")
    MISSING: Final = Code(400, "E011003", "Request is invalid")
    INVALID: Final = Code(400, "E011004", "Request contains invalid arguments")
    UNAUTHORIZED: Final = Code(401, "E111119", "Unauthorized")
    KEY_REFUSED: Final = Code(401, "E111119", "Unauthorized")
    WRONG_CODE: Final = Code(401, "E061102", "Wrong one-time code")
    TENANT_REFUSED: Final = Code(403, "E011004", "Request contains invalid arguments")
    WRONG_HOST: Final = Code(403, "E011001", "Request is malformed")
    FROM_BROWSER: Final = Code(403, "E011001", "Request is malformed")
    NO_PROJECT: Final = Code(404, "E011008", "Project not found")
    NO_PATH: Final = Code(404, "E011001", "Request is malformed")
    NOT_FOUND: Final = Code(404, "E011004", "Request contains invalid arguments")
    NO_USER: Final = Code(404, "E112102", "User not found")
    WRONG_METHOD: Final = Code(405, "E011001", "Request is malformed")
    EXISTS: Final = Code(409, "E011004", "Request contains invalid arguments")
    USER_EXISTS: Final = Code(409, "E062107", "User already exists")
    WRONG_STATE: Final = Code(400, "E011004", "Request contains invalid arguments")
    TOO_LARGE: Final = Code(413, "E011001", "Request is malformed")
    TOO_MANY: Final = Code(429, "E130429", "API rate limit exceeded")
    BROKEN: Final = Code(500, "E011000", "Internal error")


class Refusal(Exception):
    """A request is answered with an error.

    Attributes:
        code: What the answer says in general.
        message: The detail on this occurrence.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def error_body(code: Code, message: str) -> Json:
    """The body of an error answer."""
    return {
        "errorCode": code.error_code,
        "errorDescription": code.description,
        "errorMessage": message,
    }

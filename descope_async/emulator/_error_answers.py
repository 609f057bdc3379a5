"""Error answers: the service's error body, and every status and error code in use."""

from __future__ import annotations

from typing import Final

from attrs import frozen


@frozen
class Code:
    """What an error answer says: its HTTP status, the service's code and its sentence."""

    status: int
    error_code: str
    description: str


class Problem:
    """Every reason to refuse a request, with the status and error code that the service uses."""

    MALFORMED: Final = Code(400, "E011001", "Request is malformed")
    MISSING: Final = Code(400, "E011003", "Request is invalid")
    INVALID: Final = Code(400, "E011004", "Request contains invalid arguments")
    INVALID_ENTITY: Final = Code(400, "E113007", "Validation error")
    UNAUTHORIZED: Final = Code(401, "E111119", "Unauthorized")
    KEY_REFUSED: Final = Code(401, "E111119", "Unauthorized")
    WRONG_CODE: Final = Code(401, "E061102", "Wrong one-time code")
    SESSION_REFUSED: Final = Code(401, "E064001", "Token expired or logged out")
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
    NOT_EMULATED: Final = Code(501, "E011001", "Not emulated by the local Descope")
    STORAGE_FULL: Final = Code(507, "E011000", "Insufficient storage")
    BROKEN: Final = Code(500, "E011000", "Internal error")


class Refusal(Exception):
    """A request that is answered with an error.

    Attributes:
        code: The status, the error code and the general sentence of the answer.
        message: What is wrong with this request.
        headers: Headers that the answer has beside the usual ones.
        reason: The same without what it quotes of the request, which may be a secret.

    Args:
        code: See there.
        message: See there; with `quoted`, a format string for them.
        quoted: What the message quotes of the request.
    """

    def __init__(self, code: Code, message: str, *quoted: str) -> None:
        self.code = code
        self.message = message.format(*quoted) if quoted else message
        self.reason = message.format(*("…" for _ in quoted)) if quoted else message
        self.headers: dict[str, str] = {}
        super().__init__(self.message)


def error_body(code: Code, message: str) -> dict[str, str]:
    """The body of an error answer."""
    return {
        "errorCode": code.error_code,
        "errorDescription": code.description,
        "errorMessage": message,
    }

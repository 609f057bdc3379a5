"""The project's key set (JWKS), fetched."""

from __future__ import annotations

from typing import Final

from descope_async._config.config import Config
from descope_async._tokens.key_set import MAX_KEY_SET, FetchedKeys
from descope_async._values.strict_json import read_object
from descope_async.errors import UnexpectedResponse

from .answer_headers import age, sent_at
from .messages import Answer, Request
from .transport import Transport

_OPERATION: Final = "key_set"


class KeySetFetch:
    """Fetches the signing keys that the service publishes for a project.

    Attributes:
        service_time: The time of the last answer by the service's clock, also of a refusal; epoch
            seconds. None before it, or where it does not say it.
    """

    service_time: float | None

    def __init__(self, config: Config, transport: Transport) -> None:
        self.service_time = None
        self._config = config
        self._transport = transport

    async def fetch(self) -> FetchedKeys:
        """The keys as they are published now.

        Raises:
            ConfigurationError: The client has no project.
            DescopeError: They cannot be had.
        """
        request = Request(
            operation=_OPERATION,
            method="GET",
            path=f"/v2/keys/{self._config.project.id}",
            template="/v2/keys/{project_id}",
            deadline=self._config.timeouts.keys,
            max_body=MAX_KEY_SET,
        )
        try:
            return await self._transport.send(request, self._read)
        finally:
            made_at = sent_at(request.answer_headers)
            self.service_time = None if made_at is None else made_at + age(request.answer_headers)

    async def _read(self, answer: Answer) -> FetchedKeys:
        if read_object(answer.body) is None:
            raise UnexpectedResponse(f"{_OPERATION}: the answer is not a JSON object")
        return FetchedKeys(
            answer.body,
            answer.headers.get("Cache-Control", ""),
            age(answer.headers),
        )

"""A secret that is to be made, and the error for one of which nobody knows whether it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from attrs import frozen

from descope_async.errors import DescopeError, OutcomeUnknown


@frozen(eq=False, repr=False)
class NewSecret:
    """What is known of a secret before a create or a rotate brings it.

    Attributes:
        operation: What makes it.
        key_id: The access key that gets it; None when the key itself is made.
        name: The name of the access key that is made; None when one gets a new secret.
        marker: What the description of that key ends in, to find it by; None for nothing.
    """

    operation: Literal["create", "rotate"]
    key_id: str | None = None
    name: str | None = None
    marker: str | None = None

    @property
    def call(self) -> str:
        """The operation, as errors and events name it."""
        return f"access_key.{self.operation}"

    def unknown(
        self,
        started_at: float,
        failure: DescopeError | None,
        result: object = None,
        *,
        is_interrupted: bool = False,
    ) -> OutcomeUnknown:
        """The error for an attempt that was sent, of which nobody knows what became.

        Args:
            started_at: When the attempt began, epoch seconds.
            failure: Why nobody knows; None when the answer arrived.
            result: What arrived after a cancellation.
            is_interrupted: Whether the caller was cancelled.
        """
        reason = f" ({failure})" if failure is not None else ""
        unknown = OutcomeUnknown(
            f"{self.call}: {self._advice(started_at, result)}{reason}", operation=self.call
        )
        if failure is not None:
            unknown.status_code, unknown.request_id = failure.status_code, failure.request_id
            unknown.error_code = failure.error_code
            unknown.error_description = failure.error_description
            unknown.error_message = failure.error_message
        unknown.key_id, unknown.name, unknown.marker = self.key_id, self.name, self.marker
        unknown.started_at, unknown.result = started_at, result
        unknown.is_interrupted = is_interrupted
        unknown.__cause__ = failure
        return unknown

    def _advice(self, started_at: float, result: object) -> str:
        if result is not None:
            return "was cancelled, but done before that: store the secret in `result`"
        if self.key_id is not None:
            return (
                f"nobody knows whether the key {self.key_id} has a new secret; try the old one: if "
                "it is refused, the new one is lost, so rotate again, a minute from now at the "
                "earliest"
            )
        began = datetime.fromtimestamp(started_at, UTC).isoformat(timespec="seconds")
        mark = f" whose description ends in {self.marker!r}" if self.marker else ""
        return (
            f"nobody knows whether the key {self.name!r} was made; look for one{mark} made since "
            f"{began}: if there is one, its secret is lost, so rotate or delete it; if there is "
            "none, create it again"
        )

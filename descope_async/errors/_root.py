"""The base of all errors, and the errors of a client that is used wrongly."""

from __future__ import annotations

from ._help_url import address


class DescopeError(Exception):
    """Base of all errors of this package.

    The attributes are None where the failure has none: a refused argument has no status.

    Attributes:
        operation: What was being done, such as ``"access_key.create"``.
        status_code: HTTP status of the answer.
        error_code: The service's code, such as ``"E011003"``.
        error_description: The service's sentence for that code.
        error_message: The service's detail on this occurrence.
        request_id: The service's id of the request, to quote to support.
        retry_after: Seconds to wait before asking again, as the service said or as it documents.
        attempts: How often the call was tried, repeats included.
    """

    attempts: int | None = None

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        status_code: int | None = None,
        error_code: str | None = None,
        error_description: str | None = None,
        error_message: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.status_code = status_code
        self.error_code = error_code
        self.error_description = error_description
        self.error_message = error_message
        self.request_id = request_id
        self.retry_after = retry_after

    @property
    def help_url(self) -> str:
        """The address of what the documentation says about this error, and what to do.

        It is a file of this installation, unless the environment variable ``DESCOPE_DOCS_URL`` names
        a site that has the documentation.
        """
        documented = next(
            cls for cls in type(self).__mro__ if cls.__module__.startswith("descope_")
        )
        return address("reference/errors", documented.__name__.lower())


class InvalidArgument(DescopeError, ValueError):
    """An argument was refused before anything was sent. The message says what to pass."""


class ConfigurationError(InvalidArgument):
    """A setting of the client is missing or unusable. The message names the setting."""


class NotConfigured(ConfigurationError, AttributeError):
    """A property was read that has no value: its setting is missing, or nothing has started yet.

    It is an AttributeError too, so that `hasattr` says False. ``inspect.getmembers`` and
    ``unittest.mock`` then pass over the property of an object that a module made without settings.
    """


class ClientClosed(DescopeError):
    """The client was used after it was closed."""

"""Settings that may stand in environment variables, over which arguments win."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Final, cast

from attrs import frozen

from descope_async._arguments import json_object
from descope_async._values.secret import Secret
from descope_async.errors import ConfigurationError, InvalidArgument
from descope_async.secret_stores import _stored_text as stored_text
from descope_async.secret_stores._environment import variable
from descope_async.secret_stores._stored_text import credential

#: A `Secret`, because a traceback that shows local variables must not show the environment.
ENVIRONMENT: Final = Secret[Mapping[str, str]](os.environ)


@frozen(eq=False, repr=False)
class Setting:
    """A setting, and where it may stand.

    Attributes:
        parameter: The parameter of a client.
        variables: Environment variables, the first of which that is set counts.
    """

    parameter: str
    variables: tuple[str, ...]

    def given(
        self, argument: Secret[object], environment: Secret[Mapping[str, str]]
    ) -> Given | None:
        """What the setting was given; None for nothing. Empty values count as nothing.

        Raises:
            ConfigurationError: A variable that names a file cannot be used.
        """
        given = Given(self, self.parameter, argument)
        if not given.is_empty:
            return given
        for name in self.variables:
            given = Given(self, name, Secret[object](variable(name, environment.reveal())))
            if not given.is_empty:
                return given
        return None


@frozen(eq=False, repr=False)
class JSONText:
    """A text of JSON that a setting was given.

    Attributes:
        name: The parameter or the variable, for errors.
        text: The text. A `Secret`, since it may be a private key that stands in the wrong place.
    """

    name: str
    text: Secret[str]


@frozen(eq=False, repr=False)
class Given:
    """What a setting was given. Nothing here raises from a frame that holds the value.

    A secret may stand in the place of any setting, and is refused there.

    Attributes:
        setting: The setting.
        name: The parameter or the variable, for errors.
        value: What was written there.
    """

    setting: Setting
    name: str
    value: Secret[object]

    @property
    def is_empty(self) -> bool:
        """Whether that is nothing, or nothing but quotes and the like."""
        value = self.value.reveal()
        if not isinstance(value, str):
            return value is None
        return not (
            stored_text.cleaned(value) or stored_text.other_setting(value, self.setting.variables)
        )

    def text(self) -> Secret[str]:
        """A text, without what people and tools leave around it.

        Raises:
            ConfigurationError: It is no text, or only stands for another one.
        """
        if problem := self._problem_of_text():
            raise ConfigurationError(f"{self.name} {problem}")
        return Secret(stored_text.cleaned(cast("str", self.value.reveal())))

    def json(self) -> JSONText:
        """A text of JSON, or a mapping as such a text.

        Raises:
            ConfigurationError: It is neither.
        """
        try:
            written = _written(self.name, self.value.reveal())
        except InvalidArgument as error:
            problem = str(error)
        else:
            return JSONText(self.name, written or self.text())
        raise ConfigurationError(problem)

    def key(self) -> Secret[str]:
        """A key, without what people and tools leave around it.

        Raises:
            ConfigurationError: It cannot be a key. The message shows no part of it.
        """
        try:
            return credential(self.name, self.value, self.setting.variables)
        except InvalidArgument as error:
            problem = str(error)
        raise ConfigurationError(problem)

    def _problem_of_text(self) -> str | None:
        value = self.value.reveal()
        if not isinstance(value, str):
            return f"must be a string, not {type(value).__name__}"
        other = stored_text.other_setting(value, self.setting.variables)
        return other or stored_text.placeholder(stored_text.cleaned(value))


def _written(name: str, value: object) -> Secret[str] | None:
    """A JSON object as text; None for a text that is none.

    Raises:
        InvalidArgument: It is neither a mapping that JSON can carry, nor a text. This frame holds it.
    """
    if isinstance(value, Mapping):
        return Secret(json.dumps(json_object(name, cast("object", value))))
    if not isinstance(value, str):
        raise InvalidArgument(
            f"{name} must be a string of JSON or a mapping, not {type(value).__name__}"
        )
    text = stored_text.cleaned(value)
    return Secret(text) if text.startswith("{") else None


PROJECT_ID: Final = Setting("project_id", ("DESCOPE_PROJECT_ID",))
MANAGEMENT_KEY: Final = Setting("management_key", ("DESCOPE_MANAGEMENT_KEY",))
AUTH_MANAGEMENT_KEY: Final = Setting("auth_management_key", ("DESCOPE_AUTH_MANAGEMENT_KEY",))
BASE_URL: Final = Setting("base_url", ("DESCOPE_BASE_URI", "DESCOPE_BASE_URL"))
PUBLIC_KEY: Final = Setting("public_key", ("DESCOPE_PUBLIC_KEY",))
KEY_SET: Final = Setting("key_set", ())

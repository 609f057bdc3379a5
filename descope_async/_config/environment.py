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


@frozen
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


@frozen
class Given:
    """What a setting was given.

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

    def text(self) -> str:
        """A text that is no secret, without what people and tools leave around it.

        Raises:
            ConfigurationError: It is no text, or only stands for another one.
        """
        value = self.value.reveal()
        if not isinstance(value, str):
            raise ConfigurationError(f"{self.name} must be a string, not {type(value).__name__}")
        text = stored_text.cleaned(value)
        problem = stored_text.other_setting(value, self.setting.variables)
        if problem := problem or stored_text.placeholder(text):
            raise ConfigurationError(f"{self.name} {problem}")
        return text

    def json(self) -> str:
        """A text of JSON, or a mapping as such a text.

        Raises:
            ConfigurationError: It is neither.
        """
        value = self.value.reveal()
        try:
            if isinstance(value, Mapping):
                return json.dumps(json_object(self.name, cast("object", value)))
        except InvalidArgument as error:
            raise ConfigurationError(str(error)) from None
        if not isinstance(value, str):
            raise ConfigurationError(
                f"{self.name} must be a string of JSON or a mapping, not {type(value).__name__}"
            )
        text = stored_text.cleaned(value)
        return text if text.startswith("{") else self.text()

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


PROJECT_ID: Final = Setting("project_id", ("DESCOPE_PROJECT_ID",))
MANAGEMENT_KEY: Final = Setting("management_key", ("DESCOPE_MANAGEMENT_KEY",))
AUTH_MANAGEMENT_KEY: Final = Setting("auth_management_key", ("DESCOPE_AUTH_MANAGEMENT_KEY",))
BASE_URL: Final = Setting("base_url", ("DESCOPE_BASE_URI", "DESCOPE_BASE_URL"))
PUBLIC_KEY: Final = Setting("public_key", ("DESCOPE_PUBLIC_KEY",))
KEY_SET: Final = Setting("key_set", ())

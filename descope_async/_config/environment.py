"""Settings that may stand in environment variables, over which arguments win."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from descope_async._values.secret import Secret, credential
from descope_async.secret_stores._environment import variable

#: A `Secret`, because a traceback that shows local variables must not show the environment.
ENVIRONMENT: Final = Secret[Mapping[str, str]](os.environ)


def given(value: object, environment: Secret[Mapping[str, str]], *variables: str) -> object:
    """An argument, else the first of its variables that is set; None for neither."""
    if value is not None and value != "":
        return value
    found = (variable(name, environment.reveal()) for name in variables)
    return next(filter(None, found), None)


def given_key(
    parameter: str, argument: Secret[object], environment: Secret[Mapping[str, str]]
) -> Secret[str] | None:
    """A management key: the argument, else the variable of the same name; None for neither.

    Raises:
        InvalidArgument: It cannot be a key.
    """
    if argument.reveal() is None or argument.reveal() == "":
        name = f"DESCOPE_{parameter.upper()}"
        found = Secret[object](variable(name, environment.reveal()))
        return None if found.reveal() is None else credential(name, found)
    return credential(parameter, argument)

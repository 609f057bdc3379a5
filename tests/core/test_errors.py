"""The tree of errors."""

from __future__ import annotations

import inspect
import pickle

import pytest

from descope_async import AccessKey, CreatedAccessKey, DescopeError, errors

ERRORS = [
    cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, DescopeError)
]


@pytest.mark.parametrize("cls", ERRORS)
def test_every_error_can_be_pickled(cls: type[DescopeError]) -> None:
    error = cls("what happened", operation="access_key.load")
    error.request_id = "r1"
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(again) is cls
    assert str(again) == "what happened"
    assert vars(again) == vars(error)


def test_an_unknown_outcome_keeps_its_secret() -> None:
    error = errors.OutcomeUnknown("what happened")
    assert error.cleartext is None
    error.result = CreatedAccessKey(AccessKey(id="a"), "the secret")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert again.cleartext == "the secret"
    assert again.result == error.result
    assert "the secret" not in repr(error) + str(error) + repr(vars(error))


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for cls in ERRORS:
        assert f" {cls.__name__} " in drawn.replace("\n", " \n"), cls


def test_a_traceback_names_the_place_that_users_import_from() -> None:
    assert {cls.__module__ for cls in ERRORS} == {"descope_async.errors"}
    assert {cls.__name__ for cls in ERRORS} == {*errors.__all__}

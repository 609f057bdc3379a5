"""What is said of a new secret when nobody knows whether there is one."""

from __future__ import annotations

import pytest

from descope_async import CreatedAccessKey, ServerError
from descope_async._calls.new_secret import NewSecret
from descope_async.models import AccessKey

CREATE = NewSecret("create", name="ci", marker="op:1f")
ROTATE = NewSecret("rotate", "K1")
CREATED = CreatedAccessKey(key=AccessKey(id="K1", name="ci"), cleartext="s3cret")


def test_a_create_says_what_to_look_for() -> None:
    unknown = CREATE.unknown(1.0, None)
    assert (unknown.operation, unknown.name, unknown.marker) == ("access_key.create", "ci", "op:1f")
    for said in ("'ci'", "ends in 'op:1f'", "since 1970-01-01T00:00:01+00:00", "create it again"):
        assert said in str(unknown)


def test_a_rotate_says_which_secret_to_try() -> None:
    unknown = ROTATE.unknown(1.0, None)
    assert (unknown.operation, unknown.key_id, unknown.name) == ("access_key.rotate", "K1", None)
    for said in ("the key K1 has a new secret", "try the old one", "rotate again"):
        assert said in str(unknown)


def test_a_secret_that_came_is_in_it_and_not_in_what_it_says() -> None:
    unknown = CREATE.unknown(1.0, None, CREATED, is_interrupted=True)
    assert (unknown.cleartext, unknown.is_interrupted) == ("s3cret", True)
    assert "store the secret in `result`" in str(unknown)
    assert "s3cret" not in repr(unknown)


@pytest.mark.parametrize("secret", [CREATE, ROTATE])
def test_it_says_what_the_service_said(secret: NewSecret) -> None:
    failure = ServerError("it broke", status_code=503, error_code="E1", request_id="r1")
    unknown = secret.unknown(1.0, failure)
    assert str(unknown).endswith("(it broke)")
    assert (unknown.status_code, unknown.error_code, unknown.request_id) == (503, "E1", "r1")
    assert unknown.__cause__ is failure

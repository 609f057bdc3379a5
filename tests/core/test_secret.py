"""Nothing shows a secret unless it is asked."""

from __future__ import annotations

import copy
import pickle

import pytest

from descope_async import AccessKey, CreatedAccessKey, SessionToken
from descope_async._secret import Secret


def test_printing_shows_no_secret() -> None:
    created = CreatedAccessKey(AccessKey(id="a"), "canary")
    session = SessionToken(jwt="canary", key_id="k", project_id="p", expire_time=0)
    secret = Secret("canary")
    assert "canary" not in f"{created}{created!r}{session}{session!r}{secret}{secret!r}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)

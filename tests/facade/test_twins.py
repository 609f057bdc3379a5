"""Which tests of the core run through the blocking classes, and which cannot."""

from __future__ import annotations

import pytest

import descope_sync
from tests.facade.blocking import Awaited, twins_of


@pytest.mark.parametrize("name", ["test_the_life_of_a_key", "test_that_is_gone"])
def test_a_test_without_a_twin_is_about_what_has_none(name: str) -> None:
    with pytest.raises(AssertionError, match=f"{name} .* is not about cancellation"):
        twins_of("test_access_keys.py", without={name: "cancellation"})


def test_the_tests_get_the_blocking_client() -> None:
    client = twins_of("test_access_keys.py", without={})["DescopeClient"]("P1", "K1")
    assert isinstance(client, Awaited)
    assert isinstance(client.blocking, descope_sync.DescopeClient)
    assert isinstance(client.mgmt.access_key.blocking, descope_sync.AccessKeys)

"""An outage that begins while an application fetches the signing keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from descope_async import KeySetUnavailable
from descope_async.emulator import Fault
from descope_async.pytest_plugin.project import EmulatedProject
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator


class Watched(EmulatedProject):
    """A project whose signing keys an application fetches when the caller has its token."""

    application: DescopeClient

    def headers(self, **options: Any) -> dict[str, str]:
        made = super().headers(**options)
        with pytest.raises(KeySetUnavailable):
            self.application.refresh_key_set()
        return made


@pytest.fixture
def project() -> Iterator[Watched]:
    with Emulator(signing_algorithm="ES256") as emulator:
        made = Watched(emulator, emulator.project_id, emulator.management_key)
        with DescopeClient(made.project_id, base_url=made.base_url) as made.application:
            yield made
        made.close()


def test_an_application_that_fetches_keys_as_the_outage_begins_does_not_get_the_new_one(
    project: Watched,
) -> None:
    other = Fault("status", "key_set", nth=1000)
    project.faults.add(other)
    with project.unreachable() as headers:
        token = headers["Authorization"].removeprefix("Bearer ")
        with pytest.raises(KeySetUnavailable):
            project.application.validate_session(token)
    assert [count.fault for count in project.faults] == [other]
    project.application.refresh_key_set()
    project.application.validate_session(token)


def test_a_caller_that_cannot_be_made_leaves_no_outage(project: Watched) -> None:
    with pytest.raises(TypeError), project.unreachable(unknown=1):
        pass
    assert not list(project.faults)
    project.application.refresh_key_set()

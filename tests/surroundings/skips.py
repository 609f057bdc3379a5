"""Tests that are skipped where a surrounding, without this package, does not do what they expect.

A plugin of pytest, which the session `surroundings` loads.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

SURROUNDING: Final = os.environ.get("SURROUNDING", "")

_OPEN_LOOP: Final = (
    "asyncio.run of nest_asyncio goes on with one loop: it never closes it, and cancels no task "
    "that is left over"
)

#: For each surrounding the tests that are skipped, and why.
SKIPPED: Final[dict[str, dict[str, str]]] = {
    "nest_asyncio": {
        "tests/core/calls/test_delivery.py::test_the_end_of_the_loop_waits_for_it": _OPEN_LOOP,
        "tests/core/calls/test_transport.py::test_dead_loops_are_not_kept": _OPEN_LOOP,
        "tests/core/runtime/test_single_flight.py::test_a_run_that_ended_keeps_no_loop": _OPEN_LOOP,
        "tests/core/tokens/test_signing_keys.py::test_a_loop_that_ends_during_a_refresh_leaves_no_noise": _OPEN_LOOP,
    },
    "truststore": {
        "tests/core/config/test_certificate_authorities.py::test_a_given_context_counts_alone": (
            "each context of truststore trusts what SSL_CERT_FILE names, beside its own authorities"
        ),
        "tests/core/config/test_certificate_authorities.py::test_where_no_authority_is_known_the_first_call_says_so": (
            "truststore looks for authorities by itself, at each handshake"
        ),
    },
}

#: For each surrounding the warnings that are about objects of its own, as pytest reads filters.
IGNORED: Final[dict[str, tuple[str, ...]]] = {
    # When an open loop of nest_asyncio is collected, Python warns of it and of the two UNIX sockets
    # (family 1) that wake it, in the test that runs at that moment. Connections of this package
    # are of other families.
    "nest_asyncio": (
        "ignore:unclosed event loop <_UnixSelectorEventLoop:ResourceWarning",
        r"ignore:unclosed <socket\.socket fd=\d+, family=1,:ResourceWarning",
    ),
}


def pytest_configure(config: pytest.Config) -> None:
    """Ignore the warnings."""
    for ignored in IGNORED.get(SURROUNDING, ()):
        config.addinivalue_line("filterwarnings", ignored)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests."""
    skipped = SKIPPED.get(SURROUNDING, {})
    for item in items:
        if reason := skipped.get(item.nodeid.partition("[")[0]):
            item.add_marker(pytest.mark.skip(reason=reason))

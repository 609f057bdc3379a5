"""Where secrets are delivered: the tests of the core, through the blocking classes."""

from __future__ import annotations

from tests.facade.blocking import twins_of

#: By name, the kind of each test that has no blocking twin.
WITHOUT_TWIN: dict[str, str] = {
    "test_a_coroutine_function_is_awaited_on_the_loop": "event loop",
    "test_the_end_of_the_loop_waits_for_it": "event loop",
}

globals().update(twins_of("calls/test_delivery.py", without=WITHOUT_TWIN))

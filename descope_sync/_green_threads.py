"""Threads that gevent or eventlet has replaced, where a blocking call might wait for ever."""

from __future__ import annotations

import sys
from typing import Final

from descope_async.errors import ConfigurationError


def refuse_replaced_threads() -> None:
    """Refuse a call that could not work on such threads.

    Raises:
        ConfigurationError: gevent has replaced the threads, or eventlet has since the import.
    """
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        raise ConfigurationError(
            "descope_sync needs real threads, and gevent has replaced them: patch without them, "
            "by gevent.monkey.patch_all(thread=False)"
        )
    if threads_are_eventlets() and not IMPORTED_UNDER_EVENTLET:
        raise ConfigurationError(
            "eventlet has replaced the threads after descope_sync was imported: call "
            "eventlet.monkey_patch() before the import"
        )


def threads_are_eventlets() -> bool:
    """Whether eventlet has replaced the threads."""
    eventlet = sys.modules.get("eventlet.patcher")
    return eventlet is not None and bool(eventlet.is_monkey_patched("thread"))


#: Whether eventlet had replaced them when this package was imported: then the background thread is
#: one of eventlet's, and all works.
IMPORTED_UNDER_EVENTLET: Final = threads_are_eventlets()

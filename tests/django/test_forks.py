"""A process that forks while one of its threads makes the site's client."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks"),
]

SCRIPT = """
import os, signal, sys, threading, time
import tests.django.configured
from django.test import override_settings
from descope_sync.integrations.django import client

class Slow(dict):
    # Making the client takes as long as reading this.
    def get(self, *names):
        if os.getpid() == parent:
            reading.set()
            time.sleep(2)
        return super().get(*names)

parent, reading = os.getpid(), threading.Event()
with override_settings(DESCOPE=Slow(PROJECT_ID="P1")):
    maker = threading.Thread(target=client)
    maker.start()
    reading.wait()
    child = os.fork()
    if not child:
        signal.alarm(60)  # instead of waiting for ever
        client()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    maker.join()
    sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_the_child_does_not_wait_for_a_thread_of_its_parent() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", SCRIPT],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from descope_async._runtime.late_imports import import_all, is_all_imported, late_import

#: Forks while another thread imports `slow`, and says whether the child has all of that module.
FORKING = """
import os, sys, threading

from descope_async._runtime.late_imports import late_import

sys.path.insert(0, sys.argv[1])
begun, forking = threading.Event(), threading.Event()
os.register_at_fork(before=forking.set)  # what was registered last is called first

@late_import
def slow():
    import slow
    return slow

@late_import
def inner():
    import inner
    return inner

thread = threading.Thread(target=slow)
thread.start()
begun.wait()
child = os.fork()
if not child:
    threading.Timer(20, os._exit, [9]).start()
    was_whole = hasattr(sys.modules["slow"], "done")
    os._exit(0 if was_whole and slow().done else 1)
thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
#: The body of `slow`: what an import may need while a fork waits for it.
NEEDS = {
    "a logger": "import logging; logging.getLogger('slow').setLevel('INFO')",
    "another late import": "import __main__; __main__.inner()",
    "a module on another thread": """
import __main__, threading
thread = threading.Thread(target=__main__.inner)
thread.start()
thread.join()
""",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("need", NEEDS)
def test_a_fork_waits_for_an_import_whatever_that_needs(tmp_path: Path, need: str) -> None:
    begin = "import __main__, time; __main__.begun.set(); time.sleep(0.4)"
    (tmp_path / "slow.py").write_text(f"{begin}\n{NEEDS[need]}\ndone = True\n")
    (tmp_path / "inner.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert (done.stdout.split(), done.stderr) == (["0"], "")


def test_a_late_import_is_made_once_and_by_import_all() -> None:
    made: list[int] = []

    @late_import
    def number() -> int:
        made.append(threading.get_ident())
        return 7

    assert not number.is_done
    assert not is_all_imported()
    import_all()
    assert number.is_done
    assert is_all_imported()
    assert (number(), number(), len(made)) == (7, 7, 1)


def test_an_import_that_fails_is_tried_again() -> None:
    made: list[str] = []

    @late_import
    def broken() -> int:
        made.append("tried")
        if len(made) == 1:
            raise ImportError("not there yet")
        return 7

    with pytest.raises(ImportError, match="not there yet"):
        broken()
    assert (broken(), len(made)) == (7, 2)

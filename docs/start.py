"""Make the environment .venv and run something in it: ``python3 docs/start.py demo``.

Needs nothing but Python. It keeps to what Python 3.6 can read, to say there that 3.11 is needed.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST = (3, 11)
#: What to install, how long that takes and how big it is, and what to run then.
JOBS = {
    "demo": (".[cli]", "half a minute, 100 MB", ["descope-keys", "demo"]),
    "emulator": (".[cli]", "half a minute, 100 MB", ["descope-keys", "emulator"]),
    "tests": ("nox[uv]", "a few seconds, 90 MB", ["nox", "-s", "tests"]),
}
HERE = Path(__file__).resolve().parent.parent
PROGRAMS = HERE / ".venv" / ("Scripts" if os.name == "nt" else "bin")


def main() -> int:
    """Do what the first argument names, with the other arguments."""
    if sys.version_info < OLDEST:
        return refused()
    if not sys.argv[1:] or sys.argv[1] not in JOBS:
        say("usage: python3 docs/start.py " + "|".join(JOBS))
        return 2
    package, cost, command = JOBS[sys.argv[1]]
    os.chdir(str(HERE))
    python = str(PROGRAMS / "python")
    too_old = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    if not shutil.which(python) or subprocess.call([python, "-c", too_old]):
        step("make .venv with " + sys.executable)
        subprocess.check_call([sys.executable, "-m", "venv", "--clear", ".venv"])
    step(f"install {package} into .venv (about {cost})")
    subprocess.check_call([python, "-m", "pip", "install", package])
    step("run " + " ".join(command))
    return subprocess.call([str(PROGRAMS / command[0])] + command[1:] + sys.argv[2:])


def refused() -> int:
    """Say that this Python is too old, and name a newer one of this machine."""
    say(
        f"descope-async needs Python {OLDEST[0]}.{OLDEST[1]} or newer, "
        f"and {sys.executable} is {sys.version_info[0]}.{sys.version_info[1]}."
    )
    for minor in range(20, OLDEST[1] - 1, -1):
        newer = f"python3.{minor}"
        if shutil.which(newer) and not subprocess.call(
            [newer, "-c", ""], stderr=subprocess.DEVNULL
        ):
            say("There is a newer one here: " + " ".join([newer] + sys.argv))
            break
    else:
        say("Newer ones: https://www.python.org/downloads/")
    return 2


def step(text: str) -> None:
    """Say what comes now."""
    say(time.strftime("%H:%M:%S") + " == " + text)


def say(text: str) -> None:
    """Write a line where it does not mix with what the job prints."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

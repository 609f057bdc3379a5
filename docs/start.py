"""Make the environment .venv and run something in it: ``python3 docs/start.py demo``.

Needs nothing but Python. It keeps to what Python 3.6 can read, to say there that 3.11 is needed.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST = (3, 11)
CLI, NOX = (".[cli]", "half a minute, 100 MB"), ("nox[uv]", "a few seconds, 90 MB")
#: What each job is for, what to install with the time and space that takes, and what to run then.
JOBS = {
    "demo": ("show everything that access keys can do", CLI, ["descope-keys", "demo"]),
    "emulator": ("run a local Descope until Ctrl-C", CLI, ["descope-keys", "emulator"]),
    "tests": ("run the tests", NOX, ["nox", "-s", "tests", "--"]),
    "docs": ("build the site in docs/_build", NOX, ["nox", "-s", "docs", "--"]),
    "build": ("build the wheel in dist", NOX, ["nox", "-s", "build", "--"]),
}
#: Without bars and advice about pip itself.
QUIETLY = ["--progress-bar", "off", "--disable-pip-version-check"]
HERE = Path(__file__).resolve().parent.parent
PROGRAMS = HERE / ".venv" / ("Scripts" if os.name == "nt" else "bin")


def main() -> int:
    """Do what the first argument names, with the other arguments."""
    if sys.version_info < OLDEST:
        return refused()
    if not sys.argv[1:] or sys.argv[1] not in JOBS:
        say("usage: python3 docs/start.py JOB")
        for name, (purpose, _, _) in JOBS.items():
            say(f"  {name:9} {purpose}")
        return 2
    _, (package, cost), command = JOBS[sys.argv[1]]
    os.chdir(str(HERE))
    python = str(PROGRAMS / "python")
    too_old = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    try:
        if not shutil.which(python) or quietly([python, "-c", too_old]):
            step("make .venv with " + sys.executable)
            succeed([sys.executable, "-m", "venv", "--clear", ".venv"])
        elif quietly([python, "-c", "import pip"]):
            # Another tool made .venv, or venv got no further.
            step("add pip to .venv")
            succeed([python, "-m", "venv", ".venv"])
        if not (shutil.which(str(PROGRAMS / command[0])) and is_installed(package)):
            began = time.time()  # noqa: TID251 - of no client: files have this time
            found = sources()
            step(f"install {package} into .venv (first time: {cost})")
            succeed([python, "-m", "pip", "install"] + QUIETLY + [package])
            stamp(package).write_text("\n".join(found), encoding="utf-8")
            os.utime(str(stamp(package)), (began, began))
    except subprocess.CalledProcessError as error:
        say("This did not work, and said above why: " + " ".join(error.cmd))
        return 1
    step("run " + " ".join(command))
    return subprocess.call([str(PROGRAMS / command[0])] + command[1:] + sys.argv[2:])


def succeed(command: "list[str]") -> None:
    """Run a command, and show its last line; show all of them if it fails or this is no terminal."""
    lines = []
    terminal = sys.stderr.isatty()
    room = shutil.get_terminal_size().columns - 3
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )
    with process:
        for line in process.stdout or []:
            lines.append(line)
            sys.stderr.write(f"\r  {line.strip()[:room]:{room}}" if terminal else line)
            sys.stderr.flush()
    if terminal:
        sys.stderr.write("\r" + " " * (room + 2) + "\r")
        sys.stderr.write("".join(lines) if process.returncode else "")
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def quietly(command: "list[str]") -> int:
    """Run a command whose output nobody needs, and return its exit code."""
    return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def stamp(package: str) -> Path:
    """The file in .venv that says when a package was installed, and from which files of the checkout."""
    return HERE / ".venv" / ("installed-" + re.sub(r"\W+", "-", package).strip("-"))


def sources() -> "list[str]":
    """The files of the checkout that an installation is made from, by their paths in it."""
    found = [HERE / "pyproject.toml", HERE / "README.md"]
    for folder in ("descope_async", "descope_sync"):
        found += [each for each in (HERE / folder).rglob("*") if "__pycache__" not in each.parts]
    return sorted(each.relative_to(HERE).as_posix() for each in found if each.is_file())


def is_installed(package: str) -> bool:
    """Whether a package was installed, and no file of this checkout is new, changed or gone since."""
    if not stamp(package).exists():
        return False
    found, since = sources(), stamp(package).stat().st_mtime
    installed = stamp(package).read_text(encoding="utf-8").split("\n")
    return found == installed and all((HERE / each).stat().st_mtime <= since for each in found)


def refused() -> int:
    """Say that this Python is too old, and name a newer one of this machine."""
    say(
        f"descope-async needs Python {OLDEST[0]}.{OLDEST[1]} or newer, "
        f"and {sys.executable} is {sys.version_info[0]}.{sys.version_info[1]}."
    )
    for minor in range(20, OLDEST[1] - 1, -1):
        newer = f"python3.{minor}"
        if shutil.which(newer) and not quietly([newer, "-c", ""]):
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
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

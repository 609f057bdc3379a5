"""What Windows lacks is asked for when it is needed, and not by an import.

Nothing here runs on Windows: the modules and functions that it lacks are taken away before.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

#: By the documentation of the standard library: "Availability: Unix".
PRELUDE = """
import asyncio, os, select, signal, sys, tempfile, threading, aiohttp, anyio, jose.jwt
import anyio._backends._asyncio
for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "posix", "readline", "syslog"):
    sys.modules[name] = None
for module, names in (
    (os, "fork register_at_fork geteuid getuid getegid fchmod fchown chown mkfifo pread pwrite O_CLOEXEC "
         "O_NOFOLLOW O_DIRECTORY O_NONBLOCK sched_getaffinity uname getpgid killpg"),
    (select, "poll epoll"),
    (signal, "SIGHUP SIGKILL SIGUSR1 SIGUSR2 SIGPIPE SIGALRM"),
):
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
"""
IMPORTS = """
import importlib, pkgutil
import descope_async, descope_sync

def is_anothers(error):
    # Whether an extra is not installed, or needs itself a module that is not there.
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    if not isinstance(error, ModuleNotFoundError):
        return False
    at = error.__traceback__
    while at.tb_next:
        at = at.tb_next
    ours = {"descope_async", "descope_sync"}
    if at.tb_frame.f_globals["__name__"].partition(".")[0] not in ours:
        return True
    return error.name.partition(".")[0] not in ours | sys.stdlib_module_names

failed = []
for package in (descope_async, descope_sync):
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "__main__" in found.name or "._generate" in found.name or "django" in found.name:
            continue
        try:
            importlib.import_module(found.name)
        except (ImportError, AttributeError) as error:
            if not is_anothers(error):
                failed.append(f"{found.name}: {error!r}")
print(len(failed), *failed, sep="\\n")
"""
SECRETS = """
from pathlib import Path
from descope_async import SecretReference, write_secret, DescopeClient
import pathlib
pathlib.WindowsPath = pathlib.PosixPath
os.name, folder = "nt", Path(sys.argv[1])
write_secret(folder / "key", "K2one")
write_secret(folder / "key", "K2two")
print((folder / "key").read_text(), len(list(folder.iterdir())))
DescopeClient("P1", key_set_file=folder / "keys.json").token_source(SecretReference.parse(f"file:{folder / 'key'}"))
"""
BATCH = """
import asyncio
from pathlib import Path
from descope_async import ConfigurationError, DescopeClient
from descope_async.batch import Batch, NewKey

async def main():
    async with DescopeClient("P1", "K1", base_url="http://127.0.0.1:1") as client:
        try:
            journal, sinks = Path(sys.argv[1]) / "journal", [f"file:{sys.argv[1]}/{{id}}"]
            await Batch(client, journal=journal, sinks=sinks).create([NewKey("n")])
        except ConfigurationError as error:
            print(error)

asyncio.run(main())
"""


def output(script: str, *arguments: str, prelude: str = PRELUDE) -> str:
    command = [sys.executable, "-c", prelude + script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert not done.returncode, done.stderr
    return done.stdout


def test_every_module_can_be_imported() -> None:
    assert output(IMPORTS) == "0\n"


def test_secrets_are_written_and_read(tmp_path: Path) -> None:
    assert output(SECRETS, str(tmp_path)).split() == ["K2two", "1"]


def test_what_needs_locks_says_so(tmp_path: Path) -> None:
    assert "on Windows, run it in WSL" in output(BATCH, str(tmp_path))

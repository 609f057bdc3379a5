"""Try an installed descope-async; run as ``python -I smoke.py [cli]``, away from the checkout.

Without ``cli`` it expects a core install, whose command says which extra it wants.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from importlib.metadata import distribution, version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit
from urllib.request import url2pathname

import descope_async
import descope_sync
from descope_sync.emulator import Emulator

SITE = Path(sysconfig.get_path("purelib")).resolve()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = Path(sysconfig.get_path("scripts")) / "descope-keys"
    return subprocess.run(
        [script, *arguments], capture_output=True, text=True, encoding="utf-8", check=False
    )


def is_installed_and_typed(package: ModuleType) -> None:
    assert package.__file__
    folder = Path(package.__file__).resolve().parent
    assert folder.parent == SITE, folder
    assert (folder / "py.typed").is_file(), folder


def has_only_what_runs() -> None:
    files = [str(file) for file in distribution("descope-async").files or ()]
    tops = {file.split("/")[0] for file in files if not file.startswith("..")}
    assert {top for top in tops if ".dist-info" not in top} == {"descope_async", "descope_sync"}
    assert not [file for file in files if "_generate" in file]
    assert [file for file in files if file.endswith("licenses/LICENSE")]


def leads_from_an_error_to_its_page() -> None:
    url = urlsplit(descope_async.NotFound("gone").help_url)
    assert (url.scheme, url.fragment) == ("file", "notfound")
    assert "\n### NotFound\n" in Path(url2pathname(url.path)).read_text(encoding="utf-8")


def works() -> None:
    with (
        Emulator() as emulator,
        descope_sync.DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        ) as client,
    ):
        created = client.mgmt.access_key.create("smoke")
        session = client.exchange_access_key(created.cleartext)
        assert client.validate_session(session.jwt).key_id == created.key.id


def asks_for_its_extra() -> None:
    assert not find_spec("click")
    done = command("--help")
    assert done.returncode != 0
    assert "pip install 'descope-async[cli]'" in done.stderr, done.stderr


def commands_work() -> None:
    assert version("descope-async") in command("--version").stdout
    assert "emulator" in command("--help").stdout
    done = command("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "200 of 200 tokens" in done.stdout


for each in (descope_async, descope_sync):
    is_installed_and_typed(each)
    assert each.__version__ == version("descope-async")
has_only_what_runs()
leads_from_an_error_to_its_page()
works()
if sys.argv[1:] == ["cli"]:
    commands_work()
else:
    asks_for_its_extra()

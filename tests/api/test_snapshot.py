"""The public API is what was written down, and a change of it does not go unseen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path("tests/api/snapshot.py")


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / SCRIPT), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of what the script reads."""
    for package in ("descope_async", "descope_sync"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copytree(ROOT / SCRIPT.parent, tmp_path / SCRIPT.parent)
    return tmp_path


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), "utf-8")


def test_the_public_api_is_what_was_written_down() -> None:
    done = run(ROOT, "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_public_name_is_in_it() -> None:
    import descope_async
    import descope_async.emulator
    import descope_sync
    import descope_sync.emulator

    written = (ROOT / SCRIPT).with_name("public.txt").read_text("utf-8")
    sections = dict(part.split("\n", 1) for part in written.removeprefix("# ").split("\n# "))
    for module in (descope_async, descope_async.emulator, descope_sync, descope_sync.emulator):
        lines = sections[module.__name__].splitlines()
        for name in module.__all__:
            assert any(
                line.startswith((f"class {name}", f"{name} = ", f"{name}: ", f"def {name}("))
                for line in lines
            ), name


@pytest.mark.parametrize(
    ("file", "before", "after", "shown"),
    [
        (
            "access_keys/_existing.py",
            "async def load(self, id: str)",
            "async def load(self, id: str, *, fresh: bool = False)",
            "+    async def load(self, id: str, *, fresh: bool = False) -> AccessKey",
        ),
        (
            "access_keys/__init__.py",
            "async def rotate(",
            "async def turn(",
            "-    async def rotate(",
        ),
        ("models.py", 'tenant_name: str = ""', "", "-    tenant_name: str = ''"),
        (
            "models.py",
            "cleartext: str = field(repr=False)",
            "cleartext: str",
            "-    cleartext: str",
        ),
        (
            "errors/_statuses.py",
            "class Conflict(ApiError)",
            "class Conflict(DescopeError)",
            "-class Conflict(",
        ),
        ("__init__.py", '    "Forbidden",\n', "", "-Forbidden = descope_async.errors.Forbidden"),
        ("emulator/emulator.py", "token_lifetime: int = 600", "token_lifetime: int = 60", "= 60,"),
    ],
)
def test_a_change_is_shown(copied: Path, file: str, before: str, after: str, shown: str) -> None:
    edit(copied / "descope_async" / file, before, after)
    done = run(copied, "--check")
    assert done.returncode == 1
    assert shown in done.stdout
    assert "python tests/api/snapshot.py" in done.stdout


def test_a_meant_change_is_written_down(copied: Path) -> None:
    edit(copied / "descope_async/access_keys/__init__.py", "async def rotate(", "async def turn(")
    assert run(copied).returncode == 0
    assert run(copied, "--check").returncode == 0


def test_what_is_private_may_change(copied: Path) -> None:
    edit(copied / "descope_async/access_keys/__init__.py", "self._telemetry", "self._teller")
    edit(copied / "descope_async/_calls/wire.py", "class KeyAnswer", "class OneKey")
    (copied / "descope_async/news.py").write_text("def found(): ...\n")
    done = run(copied, "--check")
    assert (done.returncode, done.stdout) == (0, "")


def test_what_it_cannot_read_it_refuses(copied: Path) -> None:
    (copied / "descope_async/news.py").write_text("__all__ = [*range(3)]\n")
    done = run(copied, "--check")
    assert done.returncode == 2
    assert "descope_async.news: __all__ must be" in done.stderr
    (copied / "descope_async/news.py").write_text("__all__ = ['missing']\n")
    done = run(copied, "--check")
    assert done.returncode == 2
    assert "where missing is defined" in done.stderr

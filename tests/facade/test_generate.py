"""The generator, on a toy package with every shape that it carries over."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from descope_sync._generate.command import main
from descope_sync._generate.facades import Facade

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).parent / "toy"
GENERATOR = ROOT / "descope_sync/_generate"

Generate = Callable[..., int]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose core is the toy, and whose portal is the real one."""
    core, facade = tmp_path / "descope_async", tmp_path / "descope_sync"
    core.mkdir()
    facade.mkdir()
    shutil.copy(TOY / "core_init.txt", core / "__init__.py")
    shutil.copy(TOY / "core.txt", core / "boxes.py")
    (core / "_runtime").mkdir()
    rooms = (
        "cancel_scopes",
        "forks",
        "late_imports",
        "loop_end",
        "shield",
        "unclaimed",
        "__init__",
    )
    for room in rooms:  # which the portal needs
        shutil.copy(ROOT / f"descope_async/_runtime/{room}.py", core / "_runtime")
    shutil.copytree(ROOT / "descope_async/errors", core / "errors")
    for name in (
        "_blocking_calls.py",
        "_green_threads.py",
        "_held.py",
        "_loop.py",
        "_portal.py",
        "_running_loop.py",
    ):
        shutil.copy(ROOT / "descope_sync" / name, facade)
    return tmp_path


@pytest.fixture
def generate(project: Path) -> Generate:
    """Run the generator on the toy."""

    def run(*arguments: str) -> int:
        boxes = Facade("boxes.py", "boxes.py", ["Box"], ["Lid", "Shelf"], ["OnScales"])
        core, facade = project / "descope_async", project / "descope_sync"
        return main([*arguments], core, facade, [boxes])

    return run


def test_every_shape(generate: Generate, project: Path) -> None:
    assert generate() == 0
    written = (project / "descope_sync/boxes.py").read_text()
    assert written == (TOY / "facade.txt").read_text()


def test_the_package(generate: Generate, project: Path) -> None:
    assert generate() == 0
    written = (project / "descope_sync/__init__.py").read_text()
    assert written == (TOY / "facade_init.txt").read_text()


def test_what_is_generated_works(generate: Generate, project: Path) -> None:
    assert generate() == 0
    done = subprocess.run(
        [sys.executable, "-W", "error", TOY / "use.py"],
        env={"PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Box('b') b 6 None",
        "[1, 2, 3, 1, 2, 3] [2, 3] [[1, 2, 3, 1], [2, 3]]",
        "None slowly for 1.5 slowly for 1.5",
        "6 6 6",
        "True False",
        "{'wide': True} 0",
        "0 7 True",
    ]


@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed")
def test_each_wrapper_is_checked_against_the_core(generate: Generate, project: Path) -> None:
    def mypy() -> str:
        return subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "descope_sync"],
            cwd=project,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        ).stdout

    assert generate() == 0
    assert mypy().startswith("Success"), mypy()
    core = project / "descope_async/boxes.py"
    core.write_text(core.read_text().replace("times: int = 1", "times: str = ''"))
    assert "boxes.py:" in mypy()


DRAWERS = '''"""Drawers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

__all__ = ["KNOB", "AsyncDrawer"]

KNOB = "brass"


def missing(name: str) -> NoReturn:
    raise AttributeError(f"no {name} in a drawer")


class AsyncDrawer:
    """A drawer."""

    def __init__(self, size: int = 1) -> None:
        self._size = size

    async def pull(self) -> int:
        """Pull it out."""
        return self._size

    async def apart(self) -> int:
        """What blocking code does not need."""
        return 0

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            missing(name)
'''
PARTS = '''"""Parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .drawers import KNOB, AsyncDrawer, missing

__all__ = ["KNOB", "AsyncDrawer"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        missing(name)
'''
USE_PARTS = """
from descope_async.parts import AsyncDrawer
from descope_sync import parts

assert parts.__all__ == ["KNOB", "AsyncDrawer", "Drawer"]
assert parts.AsyncDrawer is AsyncDrawer
drawer = parts.Drawer(3)
assert drawer.pull() == 3
for owner, name in [(drawer, "apart"), (parts, "screw")]:
    try:
        getattr(owner, name)
    except AttributeError as error:
        print(error)
"""


def test_modules_within_a_package(project: Path) -> None:
    core, facade = project / "descope_async", project / "descope_sync"
    (core / "parts").mkdir()
    (core / "parts/drawers.py").write_text(DRAWERS)
    (core / "parts/__init__.py").write_text(PARTS)
    facades = [
        Facade("boxes.py", "boxes.py", ["Box"], ["Lid", "Shelf"], ["OnScales"]),
        Facade(
            "parts/drawers.py",
            "parts/drawer.py",
            ["AsyncDrawer"],
            names={"AsyncDrawer": "Drawer"},
            without=["apart"],
        ),
        Facade("parts/__init__.py", "parts/__init__.py", exports="parts/__init__.py"),
    ]
    assert main([], core, facade, facades) == 0
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", USE_PARTS],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["no apart in a drawer", "no screw in a drawer"]
    (facade / "parts/old.py").touch()
    assert main(["--check"], core, facade, facades) == 1


def test_check_passes_on_what_was_written(
    generate: Generate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate() == 0
    assert generate() == 0
    capsys.readouterr()
    assert generate("--check") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("edited", ["descope_async/boxes.py", "descope_sync/boxes.py"])
def test_check_shows_a_difference(
    generate: Generate, project: Path, edited: str, capsys: pytest.CaptureFixture[str]
) -> None:
    generate()
    path = project / edited
    path.write_text(path.read_text().replace("How heavy it is.", "Its weight."))
    capsys.readouterr()
    before = (project / "descope_sync/boxes.py").read_text()
    assert generate("--check") == 1
    said = capsys.readouterr().out
    assert "Its weight." in said
    assert "How heavy it is." in said
    assert "nox -s facade" in said
    assert (project / "descope_sync/boxes.py").read_text() == before


def test_check_misses_a_file(generate: Generate, project: Path) -> None:
    generate()
    (project / "descope_sync/__init__.py").unlink()
    assert generate("--check") == 1


@pytest.mark.parametrize("arguments", [[], ["--check"]])
@pytest.mark.parametrize(
    "text", ["# Generated by descope_sync/_generate from descope_async/old.py.\n", "", "x = 1\n"]
)
def test_an_orphan_fails(
    generate: Generate,
    project: Path,
    text: str,
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    generate()
    orphan = project / "descope_sync/old.py"
    orphan.write_text(text)
    assert generate(*arguments) == 1
    assert f"{orphan}: nothing generates this" in capsys.readouterr().out


def test_integrations_are_no_orphans(generate: Generate, project: Path) -> None:
    (project / "descope_sync/integrations").mkdir()
    assert generate() == 0


def test_an_unknown_argument_shows_how_it_is_used(
    generate: Generate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate("--chek") == 2
    assert "[--check]" in capsys.readouterr().out


def test_without_ruff(
    generate: Generate,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert generate() == 2
    assert "ruff is not installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("method", "line", "why"),
    [
        ("def f(self, a) -> None: ...", 0, "a has no annotation"),
        ("def f(self, *, a) -> None: ...", 0, "a has no annotation"),
        ("def f(self, *a: int) -> None: ...", 0, "a: * and **"),
        ("def f(self, **a: int) -> None: ...", 0, "a: * and **"),
        ("def f(self): ...", 0, "f has no return annotation"),
        ("async def f(self): ...", 0, "f has no return annotation"),
        ("@overload\n    def f(self) -> None: ...", 0, "decorator overload"),
        ("@staticmethod\n    def f() -> None: ...", 0, "decorator staticmethod"),
        ("@classmethod\n    def f(cls) -> None: ...", 0, "decorator classmethod"),
        ("def f(self, a: int = len('x')) -> None: ...", 0, "the default of a is computed"),
        ("def f(self, a: str = _SECRET) -> None: ...", 0, "_SECRET is private"),
        ("def f(self, a: int = ELSEWHERE) -> None: ...", 0, "ELSEWHERE is not known"),
        ("def f(self, a: Nowhere) -> None: ...", 0, "Nowhere is not known"),
        ("def f(self, a: list[Box]) -> None: ...", 0, "Box has a blocking twin"),
        ("def f(self) -> list[Box]: ...", 0, "Box has a blocking twin"),
        ("async def f(self) -> Box | None: ...", 0, "Box has a blocking twin"),
        ("async def f(self) -> AsyncIterator[int]: ...", 0, "AsyncIterator has no blocking twin"),
        ("def f(self) -> AsyncIterator[int]: ...", 0, "AsyncIterator has no blocking twin"),
        ("async def f(self) -> AsyncGenerator[int, None]: ...", 0, "must first be waited for"),
        (
            "@asynccontextmanager\n    async def f(self) -> AsyncIterator[int]:\n        yield 1",
            1,
            "must be AsyncGenerator",
        ),
        ('def f(self) -> None:\n        """Await it."""', 0, "the docstring says 'Await'"),
        ('def f(self) -> None:\n        """Is async."""', 0, "the docstring says 'async'"),
        ('def f(self) -> None:\n        """Needs asyncio."""', 0, "the docstring says 'asyncio'"),
        ("def __len__(self) -> int: ...", 0, "__len__ is not carried over"),
        ("if True:\n        size: int = 3", 0, "only __getattr__ is carried over"),
        (
            "if not TYPE_CHECKING:\n        def __getattr__(self, name: str) -> int: self.weigh(name)",
            1,
            "__getattr__ uses self",
        ),
        ("size: int", 0, "a public attribute"),
        ("size = 3", 0, "a class attribute"),
        (
            "def count_nowait(self, a: int) -> int | None: ...",
            0,
            "must be a plain def, with count's parameters, -> int | None",
        ),
        ("def count_nowait(self) -> str | None: ...", 0, "must be a plain def"),
        ("async def count_nowait(self) -> int | None: ...", 0, "must be a plain def"),
        ("async def count_nowait(self): ...", 0, "must be a plain def"),
    ],
)
def test_what_is_refused(
    generate: Generate,
    project: Path,
    method: str,
    line: int,
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    core = project / "descope_async/boxes.py"
    text = core.read_text()
    core.write_text(f"{text}\n    {method}\n")
    at = text.count("\n") + 2 + line
    assert generate() == 2
    said = capsys.readouterr().out
    assert said.startswith(f"descope_async/boxes.py:{at}: "), said
    assert why in said
    assert not (project / "descope_sync/boxes.py").exists()


@pytest.mark.parametrize(
    ("written", "instead", "why"),
    [
        ("class Shelf:", "class Shelf(list[int]):", "base class"),
        ("class Shelf:", "@frozen\nclass Shelf:", "class decorators"),
        ("class Shelf:", "class Rack:", "boxes.py:1: there is no class Shelf"),
        ('"""Boxes and', '"""Async boxes and', "the docstring says 'Async'"),
        ('"""A box.', '"""A box to await.', "the docstring says 'await'"),
    ],
)
def test_classes_and_modules_that_are_refused(
    generate: Generate,
    project: Path,
    written: str,
    instead: str,
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    core = project / "descope_async/boxes.py"
    core.write_text(core.read_text().replace(written, instead))
    assert generate() == 2
    assert why in capsys.readouterr().out


def test_a_package_without_names_is_refused(
    generate: Generate, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "descope_async/__init__.py").write_text("")
    assert generate() == 2
    assert "descope_async/__init__.py:1: there is no __all__" in capsys.readouterr().out


def test_the_checked_in_facade_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-P", GENERATOR, "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")

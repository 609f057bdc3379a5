"""The modules of the core import only what stands above them in docs/architecture.md."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rooms.imports import modules
from tests.rooms.rules import (
    CORE,
    GENERATED,
    INNER,
    MOST_LINES,
    OWNERS,
    PACKAGE,
    ROOMS,
    ROOT,
    WINGS,
    broken_rules,
    floors,
    inside,
    room,
    too_long,
)

#: The packages of the core whose rooms the page lists.
LISTED = (
    "errors",
    "_files",
    "secret_stores",
    "_values",
    "_runtime",
    "events",
    "_config",
    "_tokens",
    "_calls",
    "_keys",
    "access_keys",
    "client",
)
#: Where a forbidden import is planted, and the module that must not be imported there.
PLACES = {
    "_runtime/clock.py": "descope_async._tokens.compact",
    "_files/paths.py": "descope_async.secret_stores._errors",
    "_tokens/compact.py": "descope_async._calls.transport",
    "_calls/wire.py": "descope_async._keys.exchange",
    "_keys/exchange.py": "descope_async.client",
    "compat/access_key.py": "descope_async.cli.app",
    "integrations/opentelemetry.py": "descope_async.emulator.clock",
    "emulator/clock.py": "descope_async._runtime.clock",
    "emulator/_operations/users.py": "descope_async.models",
    "emulator/_memory/store.py": "descope_async.errors",
    "emulator/_faults/fault.py": "descope_async._calls.wire",
    "emulator/_serving/dispatch.py": "descope_async.client",
    "errors/_statuses.py": "descope_async.models",
    "__init__.py": "descope_async.emulator.clock",
}
WAYS = {
    "plain": "import {module}\n",
    "from": "from {package} import {name}\n",
    "lazy": "def _lazy() -> None:\n    from {package} import {name}\n",
    "checked": "if TYPE_CHECKING:\n    from {package} import {name}\n",
    "import_module": 'import_module("{module}")\n',
    "unnamed": "import_module(somewhere)\n",
    "table": '_LAZY: Final = {{"Name": "{below}"}}\n',
}


def test_every_module_has_its_place() -> None:
    below = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert below | packages == set(ROOMS)
    rooms = {f"{name}/{path.stem}" for name in LISTED for path in PACKAGE.glob(f"{name}/*.py")}
    assert {name for name in rooms if not name.endswith("__init__")} == set(INNER)


def test_imports_follow_the_rules() -> None:
    assert broken_rules(PACKAGE) == []


def below(place: str) -> str:
    """What a module is called in a lazy table that stands in this place; empty when it cannot be."""
    package = ".".join(("descope_async", *Path(place).parts[:-1]))
    module = PLACES[place]
    return module.removeprefix(f"{package}.") if module.startswith(f"{package}.") else ""


@pytest.mark.parametrize(
    ("place", "way"),
    [
        (place, way)
        for place in PLACES
        for way in WAYS
        # A table reaches only its own package, and the face imports by its table.
        if (way != "table" or below(place)) and (place, way) != ("__init__.py", "unnamed")
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, place: str, way: str) -> None:
    copied = tmp_path / "descope_async"
    shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    module = PLACES[place]
    package, _, name = module.rpartition(".")
    text = WAYS[way].format(module=module, package=package, name=name, below=below(place))
    with (copied / place).open("a") as file:
        file.write(f"\n{text}")
    assert broken_rules(copied)


def test_a_circle_inside_a_package_is_found(tmp_path: Path) -> None:
    copied = tmp_path / "descope_async"
    shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    with (copied / "_tokens/compact.py").open("a") as file:
        file.write("\ndef _lazy() -> None:\n    from .signatures import load_key\n")
    assert any("circle" in sentence for sentence in broken_rules(copied))


@pytest.mark.parametrize(
    "text",
    [
        "def load() -> None:\n    import anyio\n",
        "def load() -> None:\n    from anyio import run\n",
        'def load() -> None:\n    import_module("anyio")\n',
        "def load() -> None:\n    with open(path):\n        import anyio\n",
        "async def load() -> None:\n    import anyio\n",
        'load = lambda: import_module("anyio")\n',
        "class Loader:\n    @property\n    def load(self) -> None:\n        import anyio\n",
    ],
)
@pytest.mark.parametrize("place", ["_calls/transport.py", "compat/access_key.py", "__init__.py"])
def test_a_late_import_that_no_fork_waits_for_is_found(
    tmp_path: Path, place: str, text: str
) -> None:
    copied = tmp_path / "descope_async"
    shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    with (copied / place).open("a") as file:
        file.write(f"\n{text}")
    assert [each for each in broken_rules(copied) if "late_import" in each]


def test_the_facade_imports_late_only_where_a_fork_waits_for_it() -> None:
    found = {name for name, module in modules(ROOT / "descope_sync").items() if module.unguarded}
    # Django imports its apps and its commands when it starts them.
    assert {
        name
        for name in found
        if not name.startswith(("descope_sync._generate", "descope_sync.integrations.django."))
    } == set()


@pytest.mark.parametrize("package", ["descope_async", "descope_sync"])
def test_every_module_is_small(package: str) -> None:
    assert too_long(ROOT / package) == set()


@pytest.mark.parametrize(
    "place", ["client/__init__.py", "_tokens/compact.py", "emulator/_serving/dispatch.py"]
)
def test_a_module_that_is_too_long_is_found(tmp_path: Path, place: str) -> None:
    grown = tmp_path / "descope_async" / place
    grown.parent.mkdir(parents=True)
    text = (PACKAGE / place).read_text()
    more = "\n" * (MOST_LINES - text.count("\n"))
    grown.write_text(text + more)
    assert too_long(tmp_path / "descope_async") == set()
    grown.write_text(f"{text}{more}\n")
    assert too_long(tmp_path / "descope_async") == {f"descope_async/{place}"}
    grown.write_text(f"{GENERATED}{place}. Do not edit.\n{text}{more}\n")
    assert too_long(tmp_path / "descope_async") == set()


def test_the_house_stays_small() -> None:
    assert len(CORE) <= 20
    assert floors(PACKAGE) <= 14


def test_the_official_shapes_lie_over_the_core() -> None:
    """No second transport and no second rule: requests, JSON and claims stay where they are."""
    found: set[str] = set()
    for name, module in modules(PACKAGE).items():
        if room(name) == "compat":
            found |= {inside(target) for target in module.imported if room(target) != "compat"}
    assert {"client", "session_token"} < found
    assert found.isdisjoint(
        {
            "_runtime.clock",
            "_calls.retry_rules",
            "_calls.messages",
            "_calls.transport",
            "_calls.license",
            "_tokens.signatures",
            "_tokens.signing_keys",
        }
    )


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_has_its_users(library: str) -> None:
    users = {
        inside(name)
        for name, module in modules(PACKAGE).items()
        if room(name) not in WINGS
        and any(target.split(".")[0] == library for target in module.imported)
    }
    assert users == OWNERS[library]


@pytest.mark.parametrize("package", ["descope_async", "descope_sync"])
def test_importing_loads_no_other_library(package: str) -> None:
    # What `logging` imports differs by Python: 3.14 takes `inspect` with it, 3.15 a generated module.
    script = (
        "import logging, sys; old = {*sys.modules}; "
        f"import {package}; print(*sys.modules.keys() - old)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert package in loaded
    assert loaded <= {"descope_async", "descope_sync", *sys.stdlib_module_names}
    assert loaded.isdisjoint({"asyncio", "email", "http", "inspect", "ssl"})


@pytest.mark.parametrize("package", ["descope_async", "descope_sync"])
def test_every_public_name_is_there(package: str) -> None:
    script = f"""
import {package} as package
assert sorted(package.__all__) == package.__all__ and set(package.__all__) <= set(dir(package))
for name in package.__all__:
    assert getattr(package, name) is not None, name
assert package.__version__
try:
    package.nothing
except AttributeError as error:
    assert "nothing" in str(error)
else:
    raise SystemExit("a missing name was found")
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)

"""The modules of the core import only what stands above them in docs/architecture.md."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "descope_async"
TABLE = re.findall(r"^\| `(\w+)/?` \|", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE)
#: `to_dict` asks for the JSON names when it is called.
DOWNWARDS = {("models", "wire")}


def imported(module: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module} if node.module else {alias.name for alias in node.names}
    return found - {"__version__"}


def test_every_module_has_its_place() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert modules | packages == set(TABLE)


@pytest.mark.parametrize("module", [name for name in TABLE if (PACKAGE / f"{name}.py").exists()])
def test_imports_point_upwards(module: str) -> None:
    above = set(TABLE[: TABLE.index(module)])
    downwards = {(module, name) for name in imported(PACKAGE / f"{module}.py") - above}
    assert downwards <= DOWNWARDS


def test_the_official_shapes_lie_over_the_core() -> None:
    """No second transport and no second rule: requests, JSON and claims stay where they are."""
    found: set[str] = set()
    for path in (PACKAGE / "compat").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
                if node.module == "descope_async":
                    names = [f"descope_async.{alias.name}" for alias in node.names]
                found |= {name for name in names if name.startswith("descope_async.")}
    found = {name.removeprefix("descope_async.") for name in found}
    assert {"client", "session_token"} < found
    assert found <= set(TABLE[: TABLE.index("compat")])
    assert found.isdisjoint({"clock", "retries", "messages", "transport", "license", "jws", "jwks"})


def test_the_emulator_reads_the_contract_for_itself() -> None:
    for path in (PACKAGE / "emulator").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level < 2, path
                assert node.level == 1 or not (node.module or "").startswith("descope_"), path


@pytest.mark.parametrize(
    ("library", "owners"),
    [
        ("jose", {"jws"}),
        ("cryptography", {"jws"}),
        ("cattrs", {"wire"}),
        ("aiohttp", {"connections", "transport"}),
    ],
)
def test_a_library_has_one_user(library: str, owners: set[str]) -> None:
    users = set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            if any(name.split(".")[0] == library for name in names):
                users.add(path.stem)
    assert users == owners


@pytest.mark.parametrize("package", ["descope_async", "descope_sync"])
def test_importing_loads_no_other_library(package: str) -> None:
    script = (
        f"import sys; old = {{*sys.modules}}; import {package}; print(*sys.modules.keys() - old)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert package in loaded
    assert loaded <= {"descope_async", "descope_sync", *sys.stdlib_module_names}
    assert loaded.isdisjoint({"asyncio", "email", "http", "inspect", "logging", "ssl"})


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
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)

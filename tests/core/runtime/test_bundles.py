"""What is said where a bundle cannot work. The bundles themselves are tried by the session `bundles`."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    """Both packages in a zip file, and nothing that they need."""
    made = tmp_path / "packages.zip"
    with zipfile.ZipFile(made, "w") as file:
        for package in ("descope_async", "descope_sync"):
            for each in (ROOT / package).rglob("*.py"):
                file.write(each, each.relative_to(ROOT))
    return made


def imported(zipped: Path, package: str, *options: str) -> subprocess.CompletedProcess[str]:
    script = f"import sys; sys.path.insert(0, {str(zipped)!r}); from {package} import DescopeClient"
    command = [
        sys.executable,
        *options,
        "-c",
        f"{script}; print(sys.modules['{package}'].__file__)",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("package", ["descope_async", "descope_sync", "descope_sync.compat"])
def test_a_zip_file_with_everything_cannot_work(zipped: Path, package: str) -> None:
    done = imported(zipped, package, "-I", "-S")
    assert "descope_async cannot be run out of a zip file" in done.stderr.splitlines()[-1]
    assert "shiv or pex" in done.stderr


@pytest.mark.parametrize("package", ["descope_async", "descope_sync"])
def test_a_zip_file_works_where_compiled_modules_are_files(zipped: Path, package: str) -> None:
    done = imported(zipped, package)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(zipped))

"""What PyInstaller asks a package: where its hooks are, which say what its imports do not show."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]


def hook_folders() -> list[str]:
    """The folders with hooks, for the entry point ``pyinstaller40``."""
    return [str(Path(__file__).parent)]


def files_of(package: str) -> list[tuple[str, str]]:
    """The files of a package beside its modules, and the folders that they belong in."""
    return [
        (str(path), str(path.parent.relative_to(_ROOT)))
        for path in sorted((_ROOT / package).rglob("*"))
        if path.is_file() and path.suffix not in {".py", ".pyc", ".pyi"}
    ]


def modules_of(package: str) -> list[str]:
    """The modules that lie directly in a package."""
    found = sorted(path.stem for path in (_ROOT / package).glob("*.py"))
    return [f"{package}.{name}" for name in found if name != "__init__"]

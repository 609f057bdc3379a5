"""Files that commands write: who owns them, and what stands in the way of a new one in their place."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from descope_async import ConfigurationError
from descope_async.cli.whole_files import write_file
from tests.mounts import run_where_mounted
from tests.unprivileged import unprivileged

_NOBODY = 65534
#: A folder below /dev for files like any other.
_SHARED = Path("/dev/shm")  # noqa: S108 - the test makes a folder of its own there


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the user without rights: that of pytest lets no other user in."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() == 0:
            os.chown(name, _NOBODY, _NOBODY)
        yield Path(name)


def test_a_file_keeps_its_owner_and_group(tmp_path: Path) -> None:
    owner, groups = os.geteuid(), [each for each in os.getgroups() if each != os.getegid()]
    if owner == 0:
        owner, groups = _NOBODY, [_NOBODY]
    if not groups:
        pytest.skip("a user who is not root, and in one group only, can give no file away")
    file = tmp_path / "keys.yaml"
    file.touch(mode=0o640)
    os.chown(file, owner, groups[0])
    write_file(file, "keys: {}\n")
    now = file.stat()
    assert (now.st_uid, now.st_gid, stat.S_IMODE(now.st_mode)) == (owner, groups[0], 0o640)
    assert file.read_text() == "keys: {}\n"


def test_a_file_in_a_closed_folder_is_written_in_place(folder: Path) -> None:
    file = folder / "keys.yaml"
    file.write_text("much longer than what comes now\n")
    if os.geteuid() == 0:
        os.chown(file, _NOBODY, _NOBODY)
    folder.chmod(0o500)
    number = file.stat().st_ino
    with unprivileged():
        write_file(file, "short\n")
        with pytest.raises(ConfigurationError, match="Permission denied"):
            write_file(folder / "new.yaml", "short\n")
        file.chmod(0o400)
        with pytest.raises(ConfigurationError, match="Permission denied"):
            write_file(file, "longer\n")
    assert (file.read_text(), file.stat().st_ino) == ("short\n", number)


def test_a_file_that_is_mounted_is_written(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.touch()
    outside.touch()
    program = (
        "from pathlib import Path; from descope_async.cli.whole_files import write_file;"
        f"write_file(Path({str(inside)!r}), 'seen\\n')"
    )
    done = run_where_mounted(outside, inside, program)
    assert done.returncode == 0, done.stderr
    assert (outside.read_text(), inside.read_text()) == ("seen\n", "")


@pytest.mark.skipif(not _SHARED.is_dir(), reason="only Linux has it")
def test_only_what_is_open_is_written_to_as_it_is() -> None:
    with tempfile.TemporaryDirectory(dir=_SHARED) as name:
        file = Path(name, "export.json")
        file.write_text("old")
        with file.open() as before:
            write_file(file, "new")
            assert (before.read(), file.read_text()) == ("old", "new")
        with file.open("w") as opened:
            write_file(Path(f"/dev/fd/{opened.fileno()}"), "through")
        assert file.read_text() == "through"

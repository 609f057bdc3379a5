"""Bundle a program in each way that users have, and run it; run as ``python bundles.py WHEEL``.

shiv, pex, pyinstaller and this distribution must be installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = Path(__file__).with_name("bundled_program.py")
SAID = "it works"
SCRIPTS = Path(sys.executable).parent


def run(
    *command: str | Path, where: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run in an environment with nothing in it: no HOME, no locale, no PATH of this one."""
    return subprocess.run(
        [str(each) for each in command],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def make(*command: str | Path) -> None:
    subprocess.run([str(each) for each in command], check=True, env={**os.environ})


def works(bundle: str, done: subprocess.CompletedProcess[str]) -> None:
    assert SAID in done.stdout, f"{bundle}: {done.stdout}{done.stderr}"
    print(f"{bundle}: {done.stdout.strip()}")


def main(wheel: str, work: Path) -> None:
    sources = work / "sources"
    sources.mkdir()
    shutil.copy(PROGRAM, sources)
    name = PROGRAM.stem

    made = work / "shiv.pyz"
    make(
        SCRIPTS / "shiv", "-q", "-o", made, "-e", f"{name}:main", "--site-packages", sources, wheel
    )
    works("shiv", run(sys.executable, made, SHIV_ROOT=str(work / "shiv")))

    made = work / "program.pex"
    make(SCRIPTS / "pex", wheel, "-D", sources, "-m", name, "-o", made)
    works("pex", run(sys.executable, made, PEX_ROOT=str(work / "pex")))

    quiet = ("--log-level", "ERROR", "--noconfirm", "--workpath", work / "w", "--specpath", work)
    make(SCRIPTS / "pyinstaller", *quiet, "--distpath", work / "frozen", sources / PROGRAM.name)
    works("pyinstaller", run(work / "frozen" / name / name))

    # As for AWS Lambda: a folder without metadata, where nothing can be written.
    function = work / "function"
    make(sys.executable, "-m", "pip", "install", "-q", "--target", function, wheel)
    for each in [*function.glob("*.dist-info"), function / "bin"]:
        shutil.rmtree(each, ignore_errors=True)
    shutil.copy(PROGRAM, function)
    for each in [*function.rglob("*"), function]:
        each.chmod(0o555 if each.is_dir() else 0o444)
    bare = ("-S", "-B", "-m", name)
    works("function", run(sys.executable, *bare, where=function, PYTHONPATH=str(function)))

    # A plain zipapp cannot work, and says so.
    made = work / "plain.pyz"
    make(sys.executable, "-m", "zipapp", function, "-m", f"{name}:main", "-o", made)
    done = run(sys.executable, "-S", made)
    assert done.returncode, done.stdout
    assert "cannot be run out of a zip file" in done.stderr.splitlines()[-1], done.stderr
    print("zipapp: refused")
    for each in [*function.rglob("*"), function]:
        each.chmod(0o755)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(sys.argv[1], Path(folder))

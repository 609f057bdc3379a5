"""The README's first hour: its commands, and its snippets as people paste them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from descope_sync import DescopeClient
from tests.docs.pages import ROOT, blocks

FENCES = [
    token
    for token in MarkdownIt().parse((ROOT / "README.md").read_text(encoding="utf-8"))
    if token.type == "fence"
]
SNIPPETS = [fence.content for fence in FENCES if fence.info == "python"]
OLD = [f"python3.{minor}" for minor in range(6, 11) if shutil.which(f"python3.{minor}")]


def runs(program: str) -> bool:
    return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0


@pytest.fixture
def environment(emulator_url: tuple[str, str, str]) -> dict[str, str]:
    base_url, project_id, management_key = emulator_url
    with DescopeClient(project_id, management_key, base_url=base_url) as client:
        access_key = client.mgmt.access_key.create("reports").cleartext
    return {
        **os.environ,
        "DESCOPE_BASE_URI": base_url,
        "DESCOPE_PROJECT_ID": project_id,
        "DESCOPE_MANAGEMENT_KEY": management_key,
        "REPORTS_ACCESS_KEY": access_key,
        "PYTHONWARNINGS": "error",
    }


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_a_snippet_runs_as_a_file(number: int, environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "first.py"
    file.write_text(SNIPPETS[number], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, file], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


at_the_prompt = pytest.mark.skipif(
    sys.version_info >= (3, 13),
    reason="from a pipe, the prompt of newer Pythons takes no statement of several lines",
)


@at_the_prompt
@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_a_snippet_runs_at_the_prompt_of_asyncio(number: int, environment: dict[str, str]) -> None:
    # A paste ends with the Enter that a person presses.
    done = subprocess.run(
        [sys.executable, "-m", "asyncio"],
        input=f"{SNIPPETS[number]}\nprint('the', 'end')\n",
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0
    assert "Error" not in done.stderr
    assert "Warning" not in done.stderr
    assert "the end" in done.stdout


def test_the_first_token_is_printed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SNIPPETS[0]],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert done.stdout.split()[1] == "finance"


def test_the_version_stands_above_the_first_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "Python 3.11 or newer" in text[: text.index("```console")]


@pytest.mark.parametrize("heading", ["Run it", "Test it"])
def test_a_section_holds_one_command_that_start_knows(heading: str) -> None:
    section = (ROOT / "README.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (fence,) = (token for token in MarkdownIt().parse(section) if token.type == "fence")
    assert fence.info == "console"
    command, job = fence.content.strip().rsplit(" ", 1)
    assert command == "python3 docs/start.py"
    usage = subprocess.run(
        [sys.executable, ROOT / "docs/start.py"], capture_output=True, text=True, check=False
    )
    assert usage.returncode == 2
    assert job in [line.split()[0] for line in usage.stderr.splitlines()[1:]]


def demo_without_a_network(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Start the demo where pip reaches no index."""
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_FIND_LINKS": "", "PIP_RETRIES": "0"}
    return subprocess.run(
        [sys.executable, checkout / "docs/start.py", "demo"],
        capture_output=True,
        text=True,
        env={**os.environ, **nowhere},
        check=False,
    )


def test_an_installation_that_fails_says_why_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/start.py", tmp_path / "docs")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    done = demo_without_a_network(tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    *lines, last = done.stderr.splitlines()
    assert "Looking in indexes: http://127.0.0.1:1/" in lines
    assert last.startswith("This did not work, and said above why: ")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a program of .venv is written as a script")
def test_what_is_installed_runs_without_a_network_and_pip_is_added_where_it_is_missing(
    tmp_path: Path,
) -> None:
    for folder in ("docs", "descope_async"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "docs/start.py", tmp_path / "docs")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    source = tmp_path / "descope_async/client.py"
    source.touch()

    def start() -> tuple[int, str]:
        done = demo_without_a_network(tmp_path)
        return done.returncode, done.stdout + done.stderr

    # As venv leaves it on Debian, where its part for pip is a package of its own.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    code, said = start()
    assert "add pip to .venv" in said
    assert "No module named pip" not in said
    assert (code, "install .[cli]" in said) == (1, True)

    program, stamp = tmp_path / ".venv/bin/descope-keys", tmp_path / ".venv/installed-cli"
    program.write_text("#!/bin/sh\necho the demo\n")
    program.chmod(0o755)
    assert not stamp.exists()
    stamp.write_text("descope_async/client.py\npyproject.toml")
    code, said = start()
    assert (code, "the demo" in said, "install" in said) == (0, True, False)
    # The checkout has changed since, and cannot be installed.
    before = stamp.stat().st_mtime
    for time, code in ((before + 1, 1), (before, 0)):
        os.utime(source, (time, time))
        assert start()[0] == code
    source.rename(tmp_path / "descope_async/renamed.py")
    assert start()[0] == 1
    (tmp_path / "descope_async/renamed.py").unlink()
    assert start()[0] == 1


@pytest.mark.parametrize("python", [sys.executable, *[program for program in OLD if runs(program)]])
def test_an_old_python_is_told_at_once_and_in_words(python: str) -> None:
    pretend = "sys.version_info = (3, 10, 0, 'final', 0)" if python == sys.executable else ""
    script = (
        f"import sys, runpy; {pretend}\n"
        "sys.argv = ['docs/start.py', 'demo']; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run(
        [python, "-c", script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert first.startswith("descope-async needs Python 3.11 or newer, and ")
    assert "docs/start.py demo" in second or "python.org" in second


@at_the_prompt
def test_the_tutorial_runs_when_it_is_pasted_at_the_prompt(environment: dict[str, str]) -> None:
    pasted = "\n".join(f"{text}\n" for _, text in blocks("docs/tutorial.md", "python"))
    done = subprocess.run(
        [sys.executable, "-m", "asyncio"],
        input=pasted,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0
    assert "Error" not in done.stderr
    assert "Warning" not in done.stderr
    for said in ("401: ", "the old secret is refused: ", "gone"):
        assert said in done.stdout

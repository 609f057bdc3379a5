"""``descope-keys`` as a person runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "descope_async.cli"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100", **environment},
        check=False,
    )


@contextmanager
def emulator(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A running emulator and the environment that it printed."""
    with subprocess.Popen(
        [*COMMAND, "emulator", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        printed: dict[str, str] = {}
        try:
            while len(printed) < 5:
                line = process.stdout.readline()
                assert line, process.communicate()
                found = re.fullmatch(r"export (\w+)='?(.*?)'?\n", line)
                if found:
                    printed[found[1]] = found[2]
            yield process, printed
        finally:
            process.kill()


def test_the_demo_ends_in_a_dozen_lines_that_fit_a_terminal() -> None:
    done = run("demo", COLUMNS="80")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert 10 <= len(lines) <= 16
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("43 of 43 steps went as they should")
    assert "200 of 200 tokens" in done.stdout
    assert "401 E111119" in done.stdout  # the refusal that was meant
    assert "python -m descope_async.cli demo --verbose " in done.stdout
    assert "eyJ" not in done.stdout  # how every JWT begins


def test_the_verbose_demo_shows_every_call() -> None:
    done = run("demo", "--verbose", COLUMNS="80")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout
    assert done.stdout.count("✓") == 43
    assert done.stdout.count("→") == done.stdout.count("←") == 42
    assert "(access_key='••••••')" in done.stdout
    assert "eyJ" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_demo_fits_any_width() -> None:
    done = run("demo", COLUMNS="40")
    assert done.returncode == 0, done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 40
    assert len(done.stdout.splitlines()) < 40


def test_the_demo_says_what_went_wrong() -> None:
    with emulator() as (_, printed):
        rule = json.dumps({"effect": "status", "operation": "access_key.rotate", "status": 400})
        request = urllib.request.Request(  # noqa: S310 - http://127.0.0.1
            f"{printed['DESCOPE_BASE_URL']}/emulator/faults",
            rule.encode(),
            {"Authorization": f"Bearer {printed['DESCOPE_EMULATOR_TOKEN']}"},
        )
        urllib.request.urlopen(request, timeout=120).close()  # noqa: S310 - as above
        done = run(
            "demo",
            "--base-url",
            printed["DESCOPE_BASE_URI"],
            DESCOPE_PROJECT_ID=printed["DESCOPE_PROJECT_ID"],
            DESCOPE_MANAGEMENT_KEY=printed["DESCOPE_MANAGEMENT_KEY"],
        )
    assert done.returncode == 1
    assert "✗ Rotate it\n    → mgmt.access_key.rotate(id=" in done.stdout
    assert "← BadRequest: " in done.stdout
    assert "Next:" not in done.stdout


def test_the_demo_says_when_it_cannot_start() -> None:
    with emulator() as (_, printed):
        done = run(
            "demo",
            "--base-url",
            printed["DESCOPE_BASE_URI"],
            DESCOPE_PROJECT_ID=printed["DESCOPE_PROJECT_ID"],
            DESCOPE_MANAGEMENT_KEY="Kwrong",
        )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("descope-keys: ")
    assert "401 E111119 Unauthorized" in done.stderr
    assert done.stdout == ""


def test_the_demo_on_a_given_project_cleans_up() -> None:
    from descope_sync import DescopeClient

    with emulator() as (_, printed):
        environment = {
            name: printed[name] for name in printed if not name.startswith("DESCOPE_BASE")
        }
        base_url = printed["DESCOPE_BASE_URI"]
        done = run("demo", "--base-url", base_url, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        with DescopeClient(
            printed["DESCOPE_PROJECT_ID"], printed["DESCOPE_MANAGEMENT_KEY"], base_url=base_url
        ) as client:
            assert client.mgmt.access_key.search_all_access_keys() == []


def test_the_demo_needs_a_project_to_run_on() -> None:
    done = run("demo", "--base-url", "https://descope.invalid")
    assert done.returncode == 2
    assert "DESCOPE_PROJECT_ID" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_the_demo_writes_in_any_encoding(encoding: str) -> None:
    done = run("demo", "--verbose", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.isascii()
    assert done.stdout.count("\n+ ") > 40


def test_the_demo_takes_credentials_only_for_a_real_descope() -> None:
    done = run("demo", "--project-id", "P1", "--management-key", "K1")
    assert done.returncode == 2
    assert "--base-url" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_emulator_serves_until_it_is_stopped(number: signal.Signals) -> None:
    with emulator("--project-id", "Pmine", "--management-key", "Kmine") as (process, printed):
        assert printed["DESCOPE_PROJECT_ID"] == "Pmine"
        assert printed["DESCOPE_MANAGEMENT_KEY"] == "Kmine"
        assert printed["DESCOPE_BASE_URI"] == printed["DESCOPE_BASE_URL"]
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0
        assert (out, err) == ("", "")


def test_env_prints_nothing_but_exports() -> None:
    with emulator("--env") as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=120) == ("", "")


def test_another_process_steers_the_emulator() -> None:
    with emulator("--token-lifetime", "60", "--key-rotation", "0") as (_, printed):

        def steer(path: str, token: str, body: bytes | None = None) -> dict[str, object]:
            request = urllib.request.Request(  # noqa: S310 - http://127.0.0.1
                f"{printed['DESCOPE_BASE_URL']}/emulator/{path}",
                body,
                {"Authorization": f"Bearer {token}"},
            )
            with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310 - as above
                answer: dict[str, object] = json.load(response)
            return answer

        token = printed["DESCOPE_EMULATOR_TOKEN"]
        steer("clock/freeze", token, b"")
        before = steer("clock", token)["now"]
        assert isinstance(before, float)
        assert steer("clock/advance", token, b'{"seconds": 60}')["now"] == before + 60
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            steer("clock", printed["DESCOPE_MANAGEMENT_KEY"])
        refused.value.close()


def test_a_port_in_use_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("emulator", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--host", "0.0.0.0"),  # noqa: S104 - what must be refused
        ("--seed", "no-such-file.yaml"),
        ("--project-id", "not a project"),
        ("--port", "70000"),
        ("--token-lifetime", "0"),
        ("--key-rotation", "-1"),
        ("--nonsense",),
    ],
)
def test_what_cannot_be_is_a_sentence(arguments: tuple[str, ...]) -> None:
    done = run("emulator", *arguments)
    assert done.returncode == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_data_survives_and_is_not_shared(tmp_path: Path) -> None:
    from descope_sync import DescopeClient

    file = str(tmp_path / "descope.db")
    with emulator("--data", file) as (_, printed):
        second = run("emulator", "--data", file)
        assert second.returncode == 2
        assert file in second.stderr
        with DescopeClient(
            printed["DESCOPE_PROJECT_ID"],
            printed["DESCOPE_MANAGEMENT_KEY"],
            base_url=printed["DESCOPE_BASE_URI"],
        ) as client:
            created = client.mgmt.access_key.create("kept")
    before = printed
    with (
        emulator("--data", file) as (_, printed),
        DescopeClient(
            printed["DESCOPE_PROJECT_ID"],
            printed["DESCOPE_MANAGEMENT_KEY"],
            base_url=printed["DESCOPE_BASE_URI"],
        ) as client,
    ):
        for name in ("DESCOPE_PROJECT_ID", "DESCOPE_MANAGEMENT_KEY"):
            assert printed[name] == before[name]
        assert client.mgmt.access_key.load(created.key.id).name == "kept"
        assert client.exchange_access_key(created.cleartext).key_id == created.key.id


def test_an_interruption_while_it_starts_is_said_in_a_word(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = run("list", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "descope-keys: interrupted\n")


@pytest.mark.parametrize("secret", ["K" + "a1" * 31, f"eyJ{'a' * 30}.{'b' * 30}.{'c' * 30}"])
@pytest.mark.parametrize(
    "command",
    ["exchange {}", "{}", "list --state {}", "list --{}", "update {} --clear={}", "plan {}"],
)
def test_a_secret_that_was_typed_is_not_said_again(secret: str, command: str) -> None:
    done = run(*command.format(secret, secret).split())
    assert done.returncode == 2
    assert "a secret on the command line stands in the shell's history" in done.stderr
    assert len(done.stderr.splitlines()) > 1
    assert secret not in done.stdout + done.stderr


def test_help_and_version() -> None:
    for arguments in (["--help"], ["emulator", "--help"], ["demo", "--help"]):
        done = run(*arguments)
        assert done.returncode == 0
        assert "Usage" in done.stdout
    from descope_async import __version__

    assert run("--version").stdout.strip() == f"descope-keys {__version__}"


def test_without_its_extra_it_says_which(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError(name='click')")
    done = run("--help", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "pip install 'descope-async[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_emulator_shows_requests_as_json_and_its_certificate() -> None:
    with emulator("--tls", "--log", "json") as (process, printed):
        assert process.stdout
        assert process.stderr
        name, _, path = process.stdout.readline().strip().partition("=")
        assert name == "export DESCOPE_EMULATOR_CERTIFICATE"
        context = ssl.create_default_context(cafile=path.strip("'"))
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(  # noqa: S310 - a local URL
                f"{printed['DESCOPE_BASE_URL']}/v2/keys/P404", timeout=120, context=context
            )
        refused.value.close()
        line = json.loads(process.stderr.readline())
        assert (line["operation"], line["status"]) == ("key_set", 404)
        assert line["reason"] == "The project does not exist"


def test_the_emulator_shows_requests_as_text_and_is_quiet_elsewhere() -> None:
    for arguments, shown in (
        (["--log", "text"], True),
        ([], False),
        (["-q", "--log", "text"], False),
    ):
        with emulator(*arguments) as (process, printed):
            assert process.stderr
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{printed['DESCOPE_BASE_URL']}/v2/keys/P404", timeout=120)  # noqa: S310 - a local URL
            refused.value.close()
            process.send_signal(signal.SIGTERM)
            said = process.stderr.read()
            assert ("key_set 404" in said) == shown

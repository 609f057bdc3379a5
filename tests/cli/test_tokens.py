"""The commands that use an access key, ``doctor``, and where the management key is read from."""

from __future__ import annotations

import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from descope_async import write_secret
from descope_async.emulator import Fault
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator
from tests.cli.command_line import COMMAND, CommandLine


@contextmanager
def another_clock(base_url: str, ahead: float) -> Iterator[str]:
    """The same service, whose answers are dated by a clock that is ahead."""

    class Handler(BaseHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) + ahead)  # noqa: TID251 - that clock

        def do_GET(self) -> None:
            self._forward(None)

        def do_POST(self) -> None:
            self._forward(self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _forward(self, body: bytes | None) -> None:
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            request = urllib.request.Request(f"{base_url}{self.path}", body, headers)  # noqa: S310 - a local URL
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - as above
                    status, content = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    status, content = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(30)


@pytest.fixture
def key(admin: DescopeClient) -> str:
    return admin.mgmt.access_key.create("machine", role_names=["Reader"]).cleartext


def test_a_token_goes_into_a_pipe(cli: CommandLine, admin: DescopeClient, key: str) -> None:
    done = cli.run("exchange", DESCOPE_ACCESS_KEY=key)
    assert done.returncode == 0, done.stderr
    assert admin.validate_session(done.stdout.strip()).roles == ("Reader",)
    assert cli.run("exchange", "-k", "-", stdin=f"{key}\n").returncode == 0
    done = cli.run("header", DESCOPE_ACCESS_KEY=key)
    assert done.stdout.startswith("Authorization: Bearer eyJ")


def test_a_key_is_read_from_where_it_is(cli: CommandLine, key: str, tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    file.write_text(f"{key}\n")
    file.chmod(0o600)
    assert cli.run("exchange", "-k", f"file:{file}").returncode == 0
    assert cli.run("exchange", "-k", "env:MY_KEY", MY_KEY=key).returncode == 0
    done = cli.run("exchange", "-k", f"file:{tmp_path}/none")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    done = cli.run("exchange", "-k", key)
    assert done.returncode == 2
    assert key not in done.stderr
    assert "shell's history" in done.stderr


def test_a_terminal_shows_no_token_unless_asked(cli: CommandLine, key: str, tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    file.write_text(key)
    file.chmod(0o600)
    code, screen = cli.on_terminal("exchange", "-k", f"file:{file}")
    assert (code, "--reveal" in screen, "eyJ" in screen) == (2, True, False)
    code, screen = cli.on_terminal("exchange", "-k", f"file:{file}", "--reveal")
    assert (code, "eyJ" in screen) == (0, True)


def test_json_says_what_a_token_grants_and_not_the_token(cli: CommandLine, key: str) -> None:
    done = cli.run("exchange", "--json", "--claim", "job=7", DESCOPE_ACCESS_KEY=key)
    assert done.returncode == 0
    assert '"Reader"' in done.stdout
    assert "eyJ" not in done.stdout


def test_exec_gives_a_command_the_token_and_no_key(cli: CommandLine, key: str) -> None:
    script = "echo token=${DESCOPE_SESSION_TOKEN%%.*} key=$DESCOPE_ACCESS_KEY.$DESCOPE_MANAGEMENT_KEY; exit 7"
    done = cli.process("exec", "--", "sh", "-c", script, DESCOPE_ACCESS_KEY=key)
    assert done.returncode == 7
    assert done.stdout.startswith("token=eyJ")
    assert done.stdout.rstrip().endswith("key=.")
    assert cli.process("exec", DESCOPE_ACCESS_KEY=key).returncode == 2
    for name in ("", "A=B"):
        done = cli.run("exec", "--variable", name, "--", "true", DESCOPE_ACCESS_KEY=key)
        assert (done.returncode, "the name of a variable" in done.stderr) == (2, True)
    done = cli.process("exec", "--", "no-such-command-here", DESCOPE_ACCESS_KEY=key)
    assert done.returncode == 2
    assert "no-such-command-here" in done.stderr


@pytest.mark.parametrize("command", [["exchange"], ["header"], ["exec", "--", "true"]])
def test_a_refused_key_has_its_code_and_its_advice(cli: CommandLine, command: list[str]) -> None:
    done = cli.run(*command, DESCOPE_ACCESS_KEY="K2a7Qm9ZtR4vB1nX8sL5dF3gH6jP0cWyE")
    assert done.returncode == 4
    assert "Check the access key that --key names (DESCOPE_ACCESS_KEY without it)" in done.stderr
    assert "MANAGEMENT_KEY" not in done.stderr
    done = cli.run(*command, DESCOPE_ACCESS_KEY="")
    assert done.returncode == 2
    assert "MANAGEMENT_KEY" not in done.stderr


def test_the_doctor_finds_nothing_wrong(cli: CommandLine) -> None:
    done = cli.run("doctor", "--exit-code")
    assert done.returncode == 0, done.stdout
    assert "BAD" not in done.stdout
    assert "may manage access keys" in done.stdout


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DESCOPE_PROJECT_ID": ""}, "DESCOPE_PROJECT_ID"),
        ({"DESCOPE_MANAGEMENT_KEY": ""}, "DESCOPE_MANAGEMENT_KEY"),
        ({"DESCOPE_MANAGEMENT_KEY": "K2wrong"}, "make a management key"),
        ({"DESCOPE_BASE_URI": "http://127.0.0.1:9"}, "look at network"),
        ({"DESCOPE_PROJECT_ID": "P2other"}, "check the project id"),
    ],
)
def test_the_doctor_says_what_to_do(
    cli: CommandLine, environment: dict[str, str], said: str
) -> None:
    done = cli.run("doctor", "--exit-code", **environment)
    assert done.returncode == 20
    assert "BAD" in done.stdout
    assert said in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "way: api.invalid, directly\n"),
        (
            {"HTTPS_PROXY": "http://me:secret@127.0.0.1:9", "NO_PROXY": ""},
            "way: api.invalid, through the proxy http://127.0.0.1:9\n",
        ),
        (
            {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "other, .invalid"},
            "way: api.invalid, directly\n",
        ),
        ({"HTTPS_PROXY": "socks5://127.0.0.1:9", "NO_PROXY": ""}, "is a SOCKS proxy"),
        (
            {"SSL_CERT_FILE": "{}"},
            "way: api.invalid, directly, with the authorities of SSL_CERT_FILE",
        ),
    ],
)
def test_the_doctor_knows_the_clients_way(
    cli: CommandLine, environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    authorities = tmp_path / "authorities.pem"
    trustme.CA().cert_pem.write_to_path(str(authorities))
    on_the_way = (
        "SSL_CERT_",
        "REQUESTS_CA_",
        "CURL_CA_",
        "HTTPS_",
        "ALL_",
        "NO_",
        "https_",
        "all_",
        "no_",
    )
    variables = cli.variables(DESCOPE_BASE_URI="https://api.invalid")
    plain = {name: each for name, each in variables.items() if not name.startswith(on_the_way)}
    done = subprocess.run(
        [*COMMAND, "doctor"],
        env={**plain, **{name: each.format(authorities) for name, each in environment.items()}},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert said in done.stdout, done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_the_doctor_knows_an_outage(cli: CommandLine, local: Emulator) -> None:
    local.faults.add(Fault("status", "key_set"))
    done = cli.run("doctor", "--json")
    assert done.returncode == 0
    assert '"good": false' in done.stdout


def test_the_doctor_compares_clocks_and_asks_for_the_tier(
    cli: CommandLine, local: Emulator
) -> None:
    assert "ok   clock: it agrees" in cli.run("doctor").stdout
    local.faults.add(Fault("status", "license", status=403))
    with another_clock(local.base_url, 3600) as base_url:
        done = cli.run("doctor", "--exit-code", DESCOPE_BASE_URI=base_url)
    assert done.returncode == 20
    assert "BAD  clock: this machine's clock is -3" in done.stdout
    assert "NTP" in done.stdout
    assert "ok   rights" in done.stdout
    assert "BAD  tier" in done.stdout


def test_the_management_key_comes_from_a_keyring(
    cli: CommandLine, local: Emulator, tmp_path: Path
) -> None:
    library: Any = pytest.importorskip("keyring")
    files: Any = pytest.importorskip("keyrings.alt.file")
    backend = files.PlaintextKeyring()
    backend.file_path = str(tmp_path / "keyring")
    old = library.get_keyring()
    library.set_keyring(backend)
    try:
        library.set_password("descope", "admin", local.management_key)
        for place, code in (("keyring:descope/admin", 0), ("keyring:descope/nobody", 2)):
            done = cli.run("list", DESCOPE_MANAGEMENT_KEY=place)
            assert done.returncode == code, done.stderr
            assert local.management_key not in done.stderr + done.stdout
    finally:
        library.set_keyring(old)


def test_a_reference_to_the_management_key_may_stand_in_quotes(
    cli: CommandLine, tmp_path: Path
) -> None:
    key = cli.variables()["DESCOPE_MANAGEMENT_KEY"]
    write_secret(tmp_path / "management-key", key)
    place = f"file:{tmp_path}/management-key"
    for written in (place, f'"{place}"', f"DESCOPE_MANAGEMENT_KEY='{place}'\n"):
        done = cli.run("list", DESCOPE_MANAGEMENT_KEY=written)
        assert done.returncode == 0, done.stderr
    done = cli.run("list", DESCOPE_MANAGEMENT_KEY=f"P2abc:{key}")
    assert done.returncode == 2
    assert "pass the key alone" in done.stderr
    assert key not in done.stderr

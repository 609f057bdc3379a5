"""Whose certificates are trusted, with a server whose authority nobody else knows."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from descope_async import ConfigurationError
from descope_sync import DescopeClient, TLSFailed
from descope_sync.emulator import Emulator
from tests.servers import threaded_server
from tests.unprivileged import unprivileged

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

HAS_USERS = pytest.mark.skipif(sys.platform == "win32", reason="needs users as Unix has them")


@pytest.fixture(scope="module")
def descope() -> Iterator[Emulator]:
    with Emulator(tls=True) as emulator:
        yield emulator


@pytest.fixture
def own(descope: Emulator, tmp_path: Path) -> Path:
    """A file with the authority of the local Descope."""
    file = tmp_path / "own.pem"
    file.write_text(descope.certificate)
    return file


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A file with another authority."""
    file = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A folder that each user of the machine may enter. Those of pytest are for one user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder
        for each in folder.iterdir():
            each.chmod(0o700)  # else nobody but root could remove it


def hashed(file: Path) -> Path:
    """A folder as `openssl rehash` makes it."""
    folder = file.with_suffix(".folder")
    folder.mkdir()
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(file)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    (folder / f"{name}.0").write_bytes(file.read_bytes())
    return folder


def client_of(descope: Emulator) -> DescopeClient:
    return DescopeClient(
        descope.project_id,
        descope.management_key,
        base_url=descope.base_url,
        retries={"attempts": 1},
    )


def call(descope: Emulator) -> None:
    with client_of(descope) as client:
        client.mgmt.access_key.search_all_access_keys()


@pytest.mark.parametrize("variable", VARIABLES)
def test_each_variable_names_an_authority(
    descope: Emulator, own: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TLSFailed):
        call(descope)
    monkeypatch.setenv(variable, str(hashed(own) if variable.endswith("DIR") else own))
    call(descope)
    monkeypatch.setenv(variable, "")
    with pytest.raises(TLSFailed):
        call(descope)


@pytest.mark.parametrize("variable", VARIABLES[1:])
def test_a_folder_will_do(
    descope: Emulator, own: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(hashed(own)))
    call(descope)


def test_one_of_several_folders_may_be_missing(
    descope: Emulator, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join(["/there/is/none", str(hashed(own))]))
    call(descope)


def test_other_libraries_variables_count_beside_openssl_s(
    descope: Emulator, own: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with pytest.raises(TLSFailed):
        call(descope)
    monkeypatch.setenv("CURL_CA_BUNDLE", str(own))
    call(descope)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))  # comes before curl's
    with pytest.raises(TLSFailed):
        call(descope)
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    call(descope)


def test_a_given_context_counts_alone(
    descope: Emulator, own: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    context = ssl.create_default_context(cafile=other)
    ids = descope.project_id, descope.management_key
    with (
        DescopeClient(*ids, base_url=descope.base_url, ssl=context) as client,
        pytest.raises(TLSFailed),
    ):
        client.mgmt.access_key.search_all_access_keys()
    monkeypatch.setenv("SSL_CERT_FILE", "/there/is/none")  # nobody asks for it
    with DescopeClient(*ids, base_url=descope.base_url, ssl=context):
        pass


def test_the_environment_of_the_first_connection_counts(
    descope: Emulator, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program may read its .env file after its modules have made their clients."""
    with client_of(descope) as client:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(own))
        client.mgmt.access_key.search_all_access_keys()
    with client_of(descope) as client:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/there/is/none")
        with pytest.raises(ConfigurationError, match="REQUESTS_CA_BUNDLE names /there/is/none"):
            client.mgmt.access_key.search_all_access_keys()
        with pytest.raises(ConfigurationError, match="REQUESTS_CA_BUNDLE"):
            client.mgmt.access_key.create("never sent")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(own))
        assert client.mgmt.access_key.search_all_access_keys() == []


def test_a_file_that_was_replaced_is_read_again(
    descope: Emulator, own: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with pytest.raises(TLSFailed):
        call(descope)
    own.replace(other)
    call(descope)


@pytest.mark.parametrize("variable", VARIABLES)
def test_what_is_named_and_missing_is_said_at_construction(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "/there/is/none")
    with pytest.raises(ConfigurationError, match=f"{variable} names /there/is/none"):
        DescopeClient("P1")
    with DescopeClient("P1", base_url="http://localhost:1"):  # without TLS nobody asks for it
        pass
    monkeypatch.setenv(variable, "x" * 5000)
    with pytest.raises(ConfigurationError, match=f"{variable} names xxx"):
        DescopeClient("P1")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x30\x82\x01\x0a", None])
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_what_is_no_pem_is_said_at_construction(
    variable: str, content: bytes | None, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.write_bytes(own.read_bytes()[:200] if content is None else content)
    monkeypatch.setenv(variable, str(own))
    with pytest.raises(ConfigurationError, match=rf"{variable} .*no certificates in PEM"):
        DescopeClient("P1")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_large_file_is_loaded_when_it_is_needed(
    descope: Emulator, own: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(own))
    certificate, comments = own.read_bytes(), b"# of an authority\n" * 10_000
    for content in certificate + comments, comments + certificate:
        own.write_bytes(content)
        call(descope)
    own.write_bytes(certificate + comments + certificate[:200])
    with DescopeClient("P1", "key", base_url=descope.base_url) as client:
        said = rf"{variable} .*no certificates in PEM"
        with pytest.raises(ConfigurationError, match=said):
            client.mgmt.access_key.search_all_access_keys()
    own.write_bytes(comments)
    with pytest.raises(ConfigurationError, match=said):
        DescopeClient("P1")


@pytest.mark.parametrize("variable", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_folder_without_hashed_names_is_refused(
    descope: Emulator, own: Path, tmp_path: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    monkeypatch.setenv(variable, str(folder))
    for _ in range(2):  # empty at first
        with pytest.raises(ConfigurationError, match=f"{variable} names .*: run openssl rehash"):
            DescopeClient("P1")
        (folder / "own.crt").write_bytes(own.read_bytes())
    (folder / "readme").write_text("no certificate")
    command = ["openssl", "rehash", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    call(descope)


def test_an_empty_folder_beside_another_one(
    descope: Emulator, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    folders = [hashed(own), tmp_path / "empty"]
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join(map(str, folders)))
    call(descope)
    (tmp_path / "empty/new.pem").write_bytes(own.read_bytes())
    with pytest.raises(ConfigurationError, match="empty, where no certificate has the name"):
        client_of(descope)


@HAS_USERS
def test_a_folder_that_may_be_entered_and_not_seen(
    descope: Emulator, own: Path, everybodys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hashed(own).rename(everybodys / "folder")
    folder.chmod(0o311)
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    with unprivileged():
        with pytest.raises(PermissionError):
            list(folder.iterdir())
        call(descope)


def test_a_folder_in_the_place_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path))
    with pytest.raises(ConfigurationError, match="a folder: name it in SSL_CERT_DIR"):
        DescopeClient("P1")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_quotes_around_a_path_are_said(
    variable: str, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own.parent if variable == "SSL_CERT_DIR" else own
    monkeypatch.setenv(variable, f'"{path}"')
    why = f'{variable} names "{path}" in quotes, which are a part of the name here'
    with pytest.raises(ConfigurationError, match=re.escape(why)):
        DescopeClient("P1")


@HAS_USERS
def test_a_file_that_may_not_be_read(
    own: Path, everybodys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = own.rename(everybodys / "own.pem")
    file.chmod(0)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with unprivileged(), pytest.raises(ConfigurationError, match="Permission denied"):
        DescopeClient("P1")


def test_where_no_authority_is_known_the_first_call_says_so(descope: Emulator) -> None:
    """As in a slim image. To make a client there is fine: an image build does that."""
    script = f"""
import ssl
from pathlib import Path

nothing = ssl.DefaultVerifyPaths(None, None, "SSL_CERT_FILE", "/none", "SSL_CERT_DIR", "/none")
ssl.get_default_verify_paths = lambda: nothing
ssl.SSLContext.set_default_verify_paths = lambda self: None
from descope_sync import ConfigurationError, DescopeClient

with DescopeClient("P1", "K1", base_url={descope.base_url!r}) as client:
    try:
        client.mgmt.access_key.search_all_access_keys()
    except ConfigurationError as error:
        print(error)
"""
    assert "install the package ca-certificates" in output(script)


def test_truststore_counts_whenever_it_was_injected(descope: Emulator) -> None:
    script = f"""
import ssl
from descope_sync import DescopeClient, TLSFailed

def attempt(said):
    with DescopeClient("P1", "K1", base_url={descope.base_url!r}) as client:
        try:
            client.mgmt.access_key.search_all_access_keys()
        except TLSFailed:
            print(said, "refused", *set(asked))

before = ssl.create_default_context()
asked = []
attempt("without")
import truststore
truststore.inject_into_ssl()
wrap = truststore.SSLContext.wrap_bio
truststore.SSLContext.wrap_bio = lambda *args, **named: asked.append("asked") or wrap(*args, **named)
attempt("with")
asked.clear()
truststore.extract_from_ssl()
attempt("again without")
truststore.inject_into_ssl()
for context in before, ssl.create_default_context():
    with DescopeClient("P1", "K1", base_url="https://api.descope.com", ssl=context):
        print("taken")
"""
    assert output(script).splitlines() == [
        "without refused",
        "with refused asked",
        "again without refused",
        "taken",
        "taken",
    ]


@pytest.mark.parametrize("moment", ["first", "after aiohttp", "after a call"])
def test_certificates_are_checked_whenever_truststore_is_injected(
    descope: Emulator, own: Path, moment: str
) -> None:
    """It replaces `ssl.SSLContext`, and aiohttp looks whether a context is one of these."""
    script = f"""
import ssl
contexts = None, ssl.create_default_context(), ssl.create_default_context(cafile={str(own)!r})

def perhaps_inject(now):
    if now == {moment!r}:
        import truststore
        truststore.inject_into_ssl()

perhaps_inject("first")
import aiohttp
perhaps_inject("after aiohttp")
from descope_sync import DescopeClient, TLSFailed

ids = {descope.project_id!r}, {descope.management_key!r}
clients = [DescopeClient(*ids, base_url={descope.base_url!r}, ssl=each) for each in contexts]
for _ in range(2):
    for client in clients:
        try:
            created = client.mgmt.access_key.create("n")  # over a connection of its own
            print("made" if created.cleartext else "lost")
        except TLSFailed:
            print("refused")
    perhaps_inject("after a call")
for client in clients:
    client.close()
"""
    assert output(script).split() == ["refused", "refused", "made"] * 2


def test_no_secret_is_in_what_is_said(own: Path) -> None:
    """A private key that is named by mistake is not quoted."""
    key = trustme.CA().private_key_pem.bytes()
    own.write_bytes(key)
    script = f"""
import os, traceback, json
os.environ["SSL_CERT_FILE"] = {str(own)!r}
from descope_sync import DescopeClient
try:
    DescopeClient("P1")
except Exception as error:
    shown = traceback.TracebackException(type(error), error, error.__traceback__, capture_locals=True)
    print(json.dumps("".join(shown.format())))
"""
    said = json.loads(output(script))
    assert "no certificates in PEM" in said
    assert not any(line.decode() in said for line in key.splitlines()[1:-1])


def output(script: str) -> str:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert not done.stderr, done.stderr
    return done.stdout


def test_a_common_name_is_no_host_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, capture_output=True, check=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    def shake_hands(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True).close()

    with (
        threaded_server(shake_hands) as port,
        DescopeClient("P1", "K1", base_url=f"https://localhost:{port}") as client,
        pytest.raises(TLSFailed, match="localhost"),
    ):
        client.mgmt.access_key.load("AK1")

"""Stores on files, programs, keyrings and servers."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from descope_async import ConfigurationError, DescopeClient, write_secret
from descope_async.secret_stores import SecretStoreError, open_store, read_secret
from descope_sync.emulator import Emulator
from tests.mounts import run_where_mounted
from tests.unprivileged import unprivileged

from .contract import carries_batch_work, entry, keeps_its_word, names_are_kept_apart
from .small_cluster import SmallCluster


@pytest.fixture
def client() -> Iterator[DescopeClient]:
    with Emulator(signing_algorithm="ES256") as emulator:
        yield DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        )


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[str]:
    library: Any = pytest.importorskip("keyring")
    files: Any = pytest.importorskip("keyrings.alt.file")
    backend = files.PlaintextKeyring()
    backend.file_path = str(tmp_path / "keyring")
    old = library.get_keyring()
    library.set_keyring(backend)
    yield "keyring:billing/{label}"
    library.set_keyring(old)


@pytest.fixture(scope="module")
def aws_server() -> Iterator[str]:
    moto: Any = pytest.importorskip("moto.server")
    pytest.importorskip("boto3")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def aws(aws_server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    for name, value in {
        "AWS_ENDPOINT_URL": aws_server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    return f"aws-sm:{request.node.name.replace('[', '-').replace(']', '')}/{{label}}"


@pytest.fixture
def k8s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    pytest.importorskip("kubernetes")
    with SmallCluster() as cluster:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": cluster.url}}],
            "users": [{"name": "test", "user": {"token": "test"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        yield "k8s:apps/descope-{label}"


@pytest.fixture
def files(tmp_path: Path) -> str:
    return f"file:{tmp_path}/keys/{{label}}.json"


@pytest.fixture
def bare_files(tmp_path: Path) -> str:
    return f"file:{tmp_path}/keys/{{label}}"


@pytest.fixture
def dotenv(tmp_path: Path) -> str:
    (tmp_path / ".env").write_text("# of the service\nDEBUG=1\n")
    return f"dotenv:{tmp_path}/.env#KEY_{{label}}"


STORES = ["files", "bare_files", "dotenv", "keyring", "aws", "k8s"]


@pytest.mark.parametrize("store", STORES)
def test_a_store_keeps_its_word(store: str, request: pytest.FixtureRequest) -> None:
    keeps_its_word(request.getfixturevalue(store))


@pytest.mark.parametrize("store", [name for name in STORES if name != "dotenv"])
def test_names_are_kept_apart(store: str, request: pytest.FixtureRequest) -> None:
    names_are_kept_apart(request.getfixturevalue(store))


@pytest.mark.parametrize("store", [*STORES, "json_lines"])
def test_a_store_carries_batch_work(
    store: str, request: pytest.FixtureRequest, client: DescopeClient, tmp_path: Path
) -> None:
    carries_batch_work(client, tmp_path, request.getfixturevalue(store))


@pytest.fixture
def json_lines(tmp_path: Path) -> str:
    return f"jsonl:{tmp_path}/secrets.jsonl"


def test_the_last_line_about_a_key_counts(json_lines: str, tmp_path: Path) -> None:
    store = open_store(json_lines)
    store.check(2)
    place = store.place("K2abc", "billing")
    for cleartext in ("first", "second"):
        store.put(place, entry(cleartext), overwrite=False, pending=False)
    for number in range(2000):
        other = entry("other", f"K2{number}")
        store.put(store.place(other.key_id, "x"), other, overwrite=False, pending=False)
    assert read_secret(place) == "second"
    with (tmp_path / "secrets.jsonl").open("a") as file:
        file.write('{"id":"K2abc","cleartext":"cut')  # as a kill leaves it
    assert read_secret(place) == "second"
    store = open_store(json_lines)
    store.put(place, entry("third"), overwrite=False, pending=False)
    assert read_secret(place) == "third"
    assert stat.S_IMODE((tmp_path / "secrets.jsonl").stat().st_mode) == 0o600


def test_a_dotenv_file_keeps_its_other_lines(dotenv: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# of the service\nDEBUG=1\nexport KEY_billing = old # no\n")
    store = open_store(dotenv)
    place = store.place("K2abc", "billing")
    store.put(place, entry('it\'s $1 \\ "new"'), overwrite=True, pending=False)
    lines = (tmp_path / ".env").read_text().splitlines()
    assert lines[:2] == ["# of the service", "DEBUG=1"]
    assert len(lines) == 3
    assert read_secret(place) == 'it\'s $1 \\ "new"'
    shown = subprocess.run(
        ["bash", "-c", f'. {tmp_path}/.env && printf %s "$KEY_billing"'],  # noqa: S607
        capture_output=True,
        check=True,
    )
    assert shown.stdout.decode() == 'it\'s $1 \\ "new"'
    with pytest.raises(SecretStoreError, match="for 500 secrets at most, not for 501"):
        store.check(501)


def test_secrets_that_are_written_to_a_dotenv_file_at_the_same_time_are_all_kept(
    tmp_path: Path,
) -> None:
    put = (
        "import sys; from descope_async.secret_stores import SecretEntry, open_store\n"
        "store = open_store(sys.argv[1])\n"
        "for number in range(40):\n"
        "    entry = SecretEntry(cleartext='s', key_id=f'k{number}', name='', label='', fingerprint='')\n"
        "    store.put(store.place(entry.key_id, ''), entry, overwrite=False, pending=False)\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", put, f"dotenv:{tmp_path}/.env#{name}_{{id}}"])
        for name in "AB"
    ]

    def put_here(name: str) -> None:
        store = open_store(f"dotenv:{tmp_path}/.env#{name}_{{id}}")
        for number in range(40):
            key = entry("s", f"k{number}")
            place = store.place(key.key_id, "")
            store.put(place, key, overwrite=False, pending=True)
            store.promote(place, key.key_id)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(put_here, "CD"))
    assert [process.wait(120) for process in processes] == [0, 0]
    assert sorted((tmp_path / ".env").read_text().splitlines()) == sorted(
        f"{name}_k{number}='s'" for name in "ABCD" for number in range(40)
    )
    assert list(tmp_path.iterdir()) == [tmp_path / ".env"]


def test_a_line_that_does_not_fit_takes_nothing_from_other_processes(
    json_lines: str, tmp_path: Path
) -> None:
    put = (
        "import resource, sys; from descope_async.secret_stores import SecretEntry, open_store\n"
        "store = open_store(sys.argv[1])\n"
        "for line in sys.stdin:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (int(line), resource.RLIM_INFINITY))\n"
        "    entry = SecretEntry(cleartext='s' * 40, key_id='K2cut', name='', label='', fingerprint='')\n"
        "    try:\n"
        "        store.put(store.place('K2cut', ''), entry, overwrite=False, pending=False)\n"
        "    except Exception as error:\n"
        "        print(error, flush=True)\n"
        "    else:\n"
        "        print('kept', flush=True)\n"
    )
    file = tmp_path / "secrets.jsonl"
    store = open_store(json_lines)

    with subprocess.Popen(
        [sys.executable, "-c", put, json_lines],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout

        def put_there(largest: int) -> str:
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{largest}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        assert put_there(10**6) == "kept"
        for number in range(3):
            key_id = f"K2here{number}"
            store.put(
                store.place(key_id, ""), entry("here", key_id), overwrite=False, pending=False
            )
        whole = file.read_bytes()
        assert "too large" in put_there(len(whole) + 20)
        assert file.read_bytes() == whole
        with file.open("ab") as cut:
            cut.write(whole[:30])  # as a kill leaves it
        store.put(
            store.place("K2last", ""), entry("last", "K2last"), overwrite=False, pending=False
        )
        assert put_there(10**6) == "kept"
    for key_id in ("K2cut", "K2here0", "K2here1", "K2here2", "K2last"):
        assert read_secret(store.place(key_id, "")), key_id


def test_threads_whose_lines_do_not_fit_take_nothing_from_other_processes(
    json_lines: str, tmp_path: Path
) -> None:
    put = (
        "import os, resource, sys, time; from contextlib import suppress; from threading import Thread\n"
        "from descope_async.secret_stores import SecretEntry, SecretStoreError, open_store\n"
        "store = open_store(sys.argv[1])\n"
        "entry = SecretEntry(cleartext='s' * 40, key_id='K2cut', name='', label='', fingerprint='')\n"
        "store.put(store.place('K2cut', ''), entry, overwrite=False, pending=False)\n"
        "print('begun', flush=True)\n"
        "until = time.monotonic() + 3\n"
        "def put():\n"
        "    while time.monotonic() < until:\n"
        "        with suppress(SecretStoreError):\n"
        "            store.put(store.place('K2cut', ''), entry, overwrite=False, pending=False)\n"
        "threads = [Thread(target=put) for _ in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "while time.monotonic() < until:\n"
        "    largest = os.stat(sys.argv[2]).st_size + 60, resource.RLIM_INFINITY\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, largest)\n"
        "for thread in threads: thread.join()\n"
    )
    file = tmp_path / "secrets.jsonl"
    store = open_store(json_lines)
    kept: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", put, json_lines, str(file)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        while process.poll() is None:
            key = entry("here", f"K2here{len(kept)}")
            store.put(store.place(key.key_id, ""), key, overwrite=False, pending=False)
            kept.append(key.key_id)
    found = [json.loads(line)["id"] for line in file.read_text().splitlines()]
    assert [each for each in found if each != "K2cut"] == kept


def test_a_check_leaves_a_dotenv_file_as_it_is(dotenv: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("OTHER=1\n")
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    before = file.stat()
    open_store(dotenv).check(3)
    assert file.stat() == before
    assert list(tmp_path.iterdir()) == [file]
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretStoreError, match="symlink"):
        open_store(dotenv).check(3)


def test_a_dotenv_file_that_is_mounted_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    inside, outside = tmp_path / "in \\ side", tmp_path / "outside"
    inside.touch(mode=0o600)
    outside.touch(mode=0o600)
    program = (
        "from descope_async.secret_stores import open_store;"
        f"open_store({f'dotenv:{inside}#NAME'!r}).check(1)"
    )
    done = run_where_mounted(outside, inside, program)
    assert "it is mounted, so no other file can take its place" in done.stderr
    open_store(f"dotenv:{inside}#NAME").check(1)


@pytest.mark.parametrize("sink", ["dotenv:{}#NAME", "jsonl:{}", "file:{}"])
def test_what_is_no_file_is_neither_awaited_nor_replaced(tmp_path: Path, sink: str) -> None:
    tmp_path.chmod(0o700)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    store = open_store(sink.format(pipe))
    place = store.place("K2a", "a")

    def use() -> None:
        store.check(1)
        store.put(place, entry("a" * 40), overwrite=True, pending=True)
        store.promote(place, "K2a")

    with pytest.raises(SecretStoreError, match="regular file"):
        use()
    with pytest.raises(SecretStoreError, match="regular file"):
        store.put(place, entry("a" * 40), overwrite=True, pending=False)
    assert pipe.is_fifo()
    with pytest.raises(SecretStoreError, match="regular file"):
        write_secret(pipe, "a" * 40)
    assert pipe.is_fifo()


def test_lines_are_added_to_a_file_in_a_folder_that_takes_no_other() -> None:
    with tempfile.TemporaryDirectory() as name:  # that of pytest lets no other user in
        folder, file = Path(name), Path(name, "keys.jsonl")
        file.touch(mode=0o600)
        if os.geteuid() == 0:
            os.chown(folder, 65534, 65534)
            os.chown(file, 65534, 65534)
        folder.chmod(0o500)
        store = open_store(f"jsonl:{file}")
        place = store.place("K2abc", "a")
        with unprivileged():
            store.check(1)
            store.put(place, entry("secret"), overwrite=False, pending=False)
            assert store.get(place) == "secret"
            with pytest.raises(SecretStoreError, match="Permission denied"):
                open_store(f"jsonl:{folder}/new.jsonl").check(1)


def test_folders_that_are_made_are_their_owner_s(tmp_path: Path) -> None:
    store = open_store(f"file:{tmp_path}/one/two/{{id}}.json")
    before = os.umask(0o022)
    try:
        store.put(store.place("K2abc", "a"), entry("secret"), overwrite=False, pending=False)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / each).stat().st_mode) for each in ("one", "one/two")]
    assert modes == [0o700, 0o700]


def test_a_program_gets_the_secret_on_its_standard_input(tmp_path: Path) -> None:
    program = tmp_path / "keep.py"
    program.write_text(
        "import json, os, sys\n"
        "about = {k: v for k, v in os.environ.items() if k.startswith('DESCOPE_KEY_')}\n"
        f"json.dump([sys.argv[1:], about, sys.stdin.read()], open({str(tmp_path / 'kept')!r}, 'w'))\n"
    )
    store = open_store(f"exec:{sys.executable} {program} --name {{label}}")
    store.check(1)
    store.put(
        store.place("K2abc", "a; rm -rf b"),
        entry("the secret", label="a; rm -rf b"),
        overwrite=False,
        pending=True,
    )
    words, about, secret = json.loads((tmp_path / "kept").read_text())
    assert words == ["--name", "a; rm -rf b"]
    assert secret == "the secret"
    assert about["DESCOPE_KEY_ID"] == "K2abc"
    assert about["DESCOPE_KEY_PENDING"] == "1"
    with pytest.raises(SecretStoreError, match="can only be written to"):
        read_secret(f"exec:{sys.executable}")


def test_a_program_that_fails_does_not_show_the_secret(tmp_path: Path) -> None:
    script = "import sys; sys.stderr.write('cannot keep ' + sys.stdin.read()); sys.exit(3)"
    (tmp_path / "fail.py").write_text(script)
    store = open_store(f"exec:{sys.executable} {tmp_path}/fail.py")
    with pytest.raises(SecretStoreError, match="ended with status 3: cannot keep …"):
        store.put("exec:x", entry("the secret"), overwrite=False, pending=False)
    with pytest.raises(SecretStoreError, match="there is no program nowhere"):
        open_store("exec:nowhere").check(1)


def test_files_have_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    group = os.getgid()
    store = open_store(f"file:{tmp_path}/keys/{{id}}?mode=0640&group={group}")
    store.check(1)
    place = store.place("K2abc", "billing")
    store.put(place, entry("first"), overwrite=False, pending=False)
    found = (tmp_path / "keys" / "K2abc").stat()
    assert stat.S_IMODE(found.st_mode) == 0o640
    assert found.st_gid == group


@pytest.mark.parametrize("mode", ["0644", "0666", "9", "0000"])
def test_a_mode_that_lets_everybody_read(tmp_path: Path, mode: str) -> None:
    with pytest.raises(ConfigurationError, match="mode"):
        open_store(f"file:{tmp_path}/{{id}}?mode={mode}")


def test_an_open_folder_is_refused(files: str, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o755)
    with pytest.raises(SecretStoreError, match=r"such as .*keys/private, which is made for you"):
        open_store(files).check(1)


def test_symlinks_are_refused(files: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "keys").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretStoreError, match="is a symlink"):
        open_store(files).check(1)
    (tmp_path / "keys").unlink()
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / "billing.json").symlink_to(tmp_path / "elsewhere" / "x")
    store = open_store(files)
    with pytest.raises(SecretStoreError):
        store.put(store.place("K", "billing"), entry("first"), overwrite=True, pending=False)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("store", ["files", "dotenv", "json_lines"])
def test_a_git_work_tree_has_to_ignore_it(
    store: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S607
    opened = open_store(request.getfixturevalue(store))
    with pytest.raises(SecretStoreError, match=r"does not ignore it; add it to \.gitignore"):
        opened.check(1)
    (tmp_path / ".gitignore").write_text("keys/\n.env\n*.jsonl\n")
    opened.check(1)


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("keys/{id}", "names no store"),
        ("s3:bucket/{id}", "names no store: it begins with none of"),
        ("file:", "needs a location"),
        ("file:keys/{name}", "there are only {id} and {label}"),
        ("file:{id}/key", "in the file's name only"),
        ("file:.", "names no file"),
        ("file:keys/{id}?color=red", "does not know the settings color"),
        ("dotenv:.env", "write it as dotenv:FILE#NAME"),
        ("exec:", "needs a location"),
        ("exec:'", "No closing quotation"),
    ],
)
def test_references_that_cannot_be_right(reference: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        open_store(reference)


@pytest.mark.parametrize(
    ("reference", "library", "extra"),
    [
        ("keyring:a/{id}", "keyring", "keyring"),
        ("vault:secret/{id}", "hvac", "vault"),
        ("aws-sm:{id}", "boto3", "aws"),
        ("k8s:apps/{id}", "kubernetes.client", "k8s"),
    ],
)
def test_a_missing_library_is_named(
    reference: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigurationError, match=rf"pip install 'descope-async\[{extra}\]'"):
        open_store(reference)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no users to change to")
def test_a_folder_that_may_not_be_entered(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    store = open_store(f"file:{closed}/{{label}}.json")
    place = store.place("K2a", "machine")
    with unprivileged(), pytest.raises(SecretStoreError, match="Permission denied"):
        store.is_free(place)
    with unprivileged(), pytest.raises(SecretStoreError, match="Permission denied"):
        store.check(1)
    with unprivileged(), pytest.raises(SecretStoreError, match="Permission denied"):
        store.get(place)

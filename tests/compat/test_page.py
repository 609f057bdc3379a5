"""The product's own page on access keys, with another import line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from descope_sync import DescopeClient
from descope_sync.emulator import Emulator

ROOT = Path(__file__).parents[2]
NAME = Path("shared/seed/access-keys-with-sdks.txt")
PAGE = next((each / NAME for each in ROOT.parents if (each / NAME).exists()), None)

pytestmark = pytest.mark.skipif(PAGE is None, reason=f"{NAME} does not lie beside the checkout")

#: Where the Python code of an operation begins, and where the next language's does.
BEGINS = re.compile(r"^(?:# Args:|from descope import \($)", re.MULTILINE)
ENDS = re.compile(r'^(?:// Args:|import "github)', re.MULTILINE)
OPERATIONS = [
    "create",
    "load",
    "search",
    "update",
    "activate",
    "deactivate",
    "delete",
    "exchange",
]


def snippets() -> list[str]:
    """The page's Python code: the set-up, then the operations in their order."""
    assert PAGE
    page = PAGE.read_text()
    found = [page[match.start() :] for match in BEGINS.finditer(page)]
    return [mended(ENDS.split(text, maxsplit=1)[0]) for text in found]


def mended(code: str) -> str:
    """Python where the page slips into other languages, and our import line."""
    code = re.sub(r"^//", "#", code, flags=re.MULTILINE)
    code = re.sub(r"^const ", "", code, flags=re.MULTILINE)
    return code.replace("from descope import", "from descope_sync.compat import")


class Reader:
    """Someone who runs the page's code with values of their own."""

    def __init__(self, emulator: Emulator) -> None:
        self._snippets = snippets()
        self._names: dict[str, Any] = {"json": json}  # which the page does not import
        self._run(0, __ProjectID__=emulator.project_id, xxxx=emulator.management_key)

    def do(self, operation: str, **values: str) -> None:
        """Run the code of an operation; ``id`` stands for the id among its placeholders."""
        self._run(1 + OPERATIONS.index(operation), **values)

    def _run(self, number: int, **values: str) -> None:
        code = self._snippets[number]
        for name, value in values.items():
            before, after = ('id = "xxxx"', f'id = "{value}"') if name == "id" else (name, value)
            assert before in code
            code = code.replace(before, after)
        exec(compile(code, str(PAGE), "exec"), self._names)  # noqa: S102 - what is tested


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Any:
    with Emulator() as emulator:
        emulator.create_tenant("TestTenant")
        monkeypatch.setenv("DESCOPE_BASE_URI", emulator.base_url)
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Any:
    with DescopeClient(emulator.project_id, emulator.management_key) as client:
        yield client


def printed(capsys: pytest.CaptureFixture[str], expected: str) -> Any:
    """The JSON after the page's words of success; None where it prints none."""
    said = capsys.readouterr().out
    assert said.startswith(expected), said
    return json.loads(said[said.index("{") :]) if "{" in said else None


def test_the_page_holds_every_operation() -> None:
    assert len(snippets()) == 1 + len(OPERATIONS)


def test_create(
    emulator: Emulator, client: DescopeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    user_id = emulator.create_user("u@example.com")
    Reader(emulator).do("create", yyyy=user_id)
    answer = printed(capsys, "Successfully created access key.")
    key = client.mgmt.access_key.load(answer["key"]["id"])
    assert key.to_dict() == answer["key"]
    assert (key.name, key.bound_user_id, key.custom_claims) == ("xxxx", user_id, {"key": "value"})
    assert client.exchange_access_key(answer["cleartext"]).claims["key"] == "value"


def test_the_operations_on_a_key(
    emulator: Emulator, client: DescopeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, keys = Reader(emulator), client.mgmt.access_key
    key = keys.create("n", key_tenants=[{"tenant_id": "TestTenant"}]).key
    keys.create("elsewhere")
    reader.do("load", id=key.id)
    assert printed(capsys, "Successfully loaded access key.") == {"key": key.to_dict()}
    reader.do("search")
    assert printed(capsys, "Successfully searched access keys.") == {"keys": [key.to_dict()]}
    reader.do("update", id=key.id)
    printed(capsys, "Successfully updated access key.")
    assert keys.load(key.id).name == "xxxx"
    reader.do("deactivate", id=key.id)
    printed(capsys, "Successfully deactivated access key.")
    assert not keys.load(key.id).is_active
    reader.do("activate", id=key.id)
    printed(capsys, "Successfully activated access key.")
    assert keys.load(key.id).is_active
    reader.do("delete", id=key.id)
    printed(capsys, "Successfully deleted access key.")
    assert [each.name for each in keys.search_all_access_keys()] == ["elsewhere"]


def test_exchange(
    emulator: Emulator, client: DescopeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    created = client.mgmt.access_key.create("n")
    Reader(emulator).do("exchange", xxxxxx=created.cleartext)
    answer = printed(capsys, "Successfully exchanged access key.")
    assert answer["keyId"] == created.key.id
    assert answer["sessionToken"]["nsec"] == {"key": "value"}
    assert client.validate_session(answer["sessionToken"]["jwt"]).key_id == created.key.id


@pytest.mark.parametrize("operation", ["load", "update", "activate", "deactivate", "delete"])
def test_what_it_prints_of_an_error(
    operation: str, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    Reader(emulator).do(operation, id="Knone")
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Unable to ")
    assert said[1] == "Status Code: 404"
    assert "does not exist" in said[2]

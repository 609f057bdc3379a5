"""The guide's searches find what they say they find."""

from __future__ import annotations

import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

GUIDE = Path(__file__).parents[2] / "docs/how-to/migrate.md"
CODE = """\
import descope
from descope import DescopeClient
from descope.exceptions import AuthException
from descoped import other

descope_client.mgmt.access_key.create("n")
session = client.exchange_access_key(key)
client.validate_session(token)
client.get_matched_tenant_roles(session, "t", ["r"])
client.otp.sign_in(method, login_id)
client.mgmt.user.create("u")
client.mgmt.access_key.load("id")
"""
FOUND = [{1, 2, 3}, {6, 7, 8, 9, 12}, {10, 11}]


def searches() -> list[str]:
    fences = [token for token in MarkdownIt().parse(GUIDE.read_text()) if token.type == "fence"]
    lines = [line for fence in fences for line in fence.content.splitlines()]
    return [line for line in lines if line.startswith("grep ")]


@pytest.mark.skipif(shutil.which("grep") is None, reason="grep is not installed")
def test_the_searches(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CODE)
    (tmp_path / "notes.txt").write_text(CODE)
    assert len(searches()) == len(FOUND)
    for line, expected in zip(searches(), FOUND, strict=True):
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        found = [each.split(":") for each in done.stdout.splitlines()]
        assert {int(number) for _, number, *_ in found} == expected, line
        assert {name for name, *_ in found} == {"./app.py"}


def test_the_imports_of_the_table_exist() -> None:
    for module in ("", ".exceptions", ".common", ".descope_client", ".descope_client_async"):
        assert import_module(f"descope_sync.compat{module}").__all__
        assert import_module(f"descope{module}").__name__ == f"descope{module}"

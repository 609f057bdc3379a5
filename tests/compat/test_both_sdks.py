"""A program that has the official SDK and ours: each handler catches the exceptions of both."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ORDERS = {
    "the official SDK first": "import descope\nfrom descope_sync import compat\n",
    "ours first": "from descope_sync import compat\nimport descope\n",
}


def output(script: str) -> list[str]:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert not done.returncode, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("order", ORDERS)
def test_ours_are_caught_by_both_names(order: str) -> None:
    script = f"""
{ORDERS[order]}
from descope_sync import DescopeError

client = compat.DescopeClient("P1", management_key="K1", base_url="http://127.0.0.1:1")
for handled in (compat.AuthException, descope.AuthException, descope.exceptions.AuthException, DescopeError):
    try:
        client.exchange_access_key("")
    except handled as error:
        print(error.status_code, type(error).__name__)
"""
    assert output(script) == ["400", "AuthException"] * 4


@pytest.mark.parametrize("order", ORDERS)
def test_theirs_are_caught_by_our_name(emulator_url: tuple[str, str, str], order: str) -> None:
    base_url, project_id, management_key = emulator_url
    script = f"""
import os
os.environ["DESCOPE_BASE_URI"] = {base_url!r}
{ORDERS[order]}
from descope_async.compat import AuthException as awaited
from descope_sync.compat import AuthException, RateLimitException
from descope_sync.compat.exceptions import AuthException as named

client = descope.DescopeClient({project_id!r}, management_key={management_key!r})
for handled in (AuthException, awaited, named):
    try:
        client.mgmt.access_key.load("")
    except handled as error:
        print(error.status_code)
try:
    raise descope.RateLimitException(429)
except RateLimitException as error:
    print(error.status_code)
"""
    assert output(script) == ["400", "400", "400", "429"]


@pytest.mark.parametrize("order", ORDERS)
def test_rate_limits_are_caught_by_both_names(order: str, tmp_path: Path) -> None:
    script = f"""
import pickle, sys
{ORDERS[order]}
from descope_async import RateLimited
from descope_async.compat.exceptions import official_errors

for handled in (
    compat.RateLimitException, compat.AuthException, descope.RateLimitException, descope.AuthException
):
    try:
        with official_errors():
            raise RateLimited("slow", retry_after=7.5, status_code=429)
    except handled as error:
        print(type(error).__name__, error.rate_limit_parameters["Retry-After"])
        made = error
copy = pickle.loads(pickle.dumps(made))
assert type(copy) is type(made)
assert vars(copy) == vars(made)
with open({str(tmp_path / "pickled")!r}, "wb") as file:
    pickle.dump(made, file)
"""
    assert output(script) == ["RateLimitException", "8"] * 4
    alone = f"""
import pickle, sys
sys.modules["descope"] = None  # as where it is not installed
from descope_sync import compat
with open({str(tmp_path / "pickled")!r}, "rb") as file:
    error = pickle.load(file)
assert isinstance(error, compat.RateLimitException)
print(error.status_code, type(error).__mro__[1].__name__)
"""
    assert output(alone) == ["429", "AuthException"]


def test_another_module_of_that_name_is_left_alone(tmp_path: Path) -> None:
    """Such as a package of the program's own."""
    (tmp_path / "descope").mkdir()
    (tmp_path / "descope" / "__init__.py").write_text("from descope import exceptions\n")
    (tmp_path / "descope" / "exceptions.py").write_text("AuthException = 5\n")
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from descope_sync.compat import AuthException, DescopeClient
try:
    DescopeClient("P1").exchange_access_key("")
except AuthException as error:
    print(error.status_code, "descope" in sys.modules)
"""
    assert output(script) == ["400", "False"]

"""What ``manage.py check`` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django", reason="Django is not installed; the session django has it")

from django.core.checks import run_checks
from django.test import override_settings

CSRF = "django.middleware.csrf.CsrfViewMiddleware"
OURS = "descope_sync.integrations.django.DescopeMiddleware"
OWN = "descope_sync.integrations.django.middleware.DescopeMiddleware"  # by another name
AUTHENTICATION = "descope_sync.integrations.django.drf.DescopeAuthentication"


def found(*, deploy: bool = False, **settings: Any) -> set[str]:
    with override_settings(**settings):
        messages = run_checks(include_deployment_checks=deploy)
    return {str(each.id) for each in messages if str(each.id).startswith("descope.")}


@pytest.mark.parametrize(
    ("settings", "ids"),
    [
        ({"DESCOPE": {"PROJECT_ID": "P1"}}, set()),
        ({"DESCOPE": {}}, {"descope.W001"}),
        ({"DESCOPE": {"CLIENT": {"project_id": "P1"}}}, set()),
        ({"DESCOPE": {"PROJECT": "P1"}}, {"descope.E001"}),
        ({"DESCOPE": ["P1"]}, {"descope.E001"}),
        ({"DESCOPE": {"PROJECT_ID": "P1", "CLIENT": {"timeout": 1}}}, {"descope.E001"}),
        ({"DESCOPE": {"PROJECT_ID": "P1", "ACCEPT": "cookies"}}, {"descope.E001"}),
        ({"DESCOPE": {"PROJECT_ID": "P1", "ORIGIN": "api.example.com"}}, {"descope.E001"}),
        (
            {"DESCOPE": {"PROJECT_ID": "P1", "ORIGIN": "https://api.example.com/v1"}},
            {"descope.E001"},
        ),
        ({"DESCOPE": {"PROJECT_ID": "P1", "AUDIENCE": 5}}, {"descope.E001"}),
        ({"DESCOPE": {"PROJECT_ID": "P1", "LEEWAY": 300}}, {"descope.W004"}),
        ({"DESCOPE": {"PROJECT_ID": "P1", "MANAGEMENT_KEY": "K2literal"}}, {"descope.W005"}),
        ({"DESCOPE": {"PROJECT_ID": "P1", "DPOP": "mixed"}, "ALLOWED_HOSTS": []}, {"descope.W006"}),
        ({"DESCOPE": {"PROJECT_ID": "P1"}, "MIDDLEWARE": [OURS, OURS, CSRF]}, {"descope.W002"}),
        ({"DESCOPE": {"PROJECT_ID": "P1"}, "MIDDLEWARE": [CSRF, OURS]}, {"descope.W003"}),
        ({"DESCOPE": {"PROJECT_ID": "P1"}, "MIDDLEWARE": [CSRF, OWN]}, {"descope.W003"}),
        ({"DESCOPE": {"PROJECT_ID": "P1"}, "MIDDLEWARE": [OURS, "a.missing.one"]}, set()),
        (
            {
                "DESCOPE": {"PROJECT_ID": "P1"},
                "REST_FRAMEWORK": {"DEFAULT_AUTHENTICATION_CLASSES": ["a.b", AUTHENTICATION]},
            },
            {"descope.W007"},
        ),
    ],
)
def test_each_problem_has_its_id(settings: dict[str, Any], ids: set[str]) -> None:
    assert found(**settings) == ids


def test_a_deployment_needs_a_project_and_the_real_service() -> None:
    assert found(deploy=True, DESCOPE={}) == {"descope.W001", "descope.E002"}
    local = {"PROJECT_ID": "P1", "BASE_URL": "http://127.0.0.1:1"}
    assert found(deploy=True, DESCOPE=local) == {"descope.E003"}
    assert found(deploy=True, DESCOPE={"PROJECT_ID": "P1"}) == set()


def test_a_key_from_the_environment_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "K2fromenv")
    assert found(DESCOPE={"PROJECT_ID": "P1", "MANAGEMENT_KEY": "K2fromenv"}) == set()
    monkeypatch.setenv("DESCOPE_PROJECT_ID", "P1")
    assert found(DESCOPE={}) == set()


@pytest.mark.parametrize(
    ("variable", "value", "ids"),
    [
        ("DESCOPE_BASE_URI", "http://127.0.0.1:1", {"descope.E003"}),
        ("DESCOPE_PROJECT_ID", "__ProjectID__", {"descope.E001"}),
        ("DESCOPE_MANAGEMENT_KEY", "xxxx", {"descope.E001"}),
        ("DESCOPE_BASE_URL", "api.example.com", {"descope.E001"}),
    ],
)
def test_the_environment_is_checked_as_a_client_reads_it(
    variable: str, value: str, ids: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "project").write_text("P1\n", encoding="utf-8")
    monkeypatch.setenv("DESCOPE_PROJECT_ID_FILE", str(tmp_path / "project"))
    assert found(deploy=True) == set()
    if variable == "DESCOPE_PROJECT_ID":
        monkeypatch.delenv("DESCOPE_PROJECT_ID_FILE")
    monkeypatch.setenv(variable, value)
    assert found(deploy=True) == ids


def test_arguments_of_the_client_are_checked() -> None:
    assert found(DESCOPE={"PROJECT_ID": "P1", "CLIENT": {"timeouts": {"total": 5}}}) == {
        "descope.E001"
    }


def test_a_misspelt_name_is_told_its_neighbour() -> None:
    with override_settings(DESCOPE={"PROJET_ID": "P1"}):
        (message,) = [each for each in run_checks() if each.id == "descope.E001"]
    assert "did you mean 'PROJECT_ID'" in message.msg

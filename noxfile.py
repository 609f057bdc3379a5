"""Every job of the project, one session each: `nox -l` lists them."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "types", "facade", "docs"]

PYPROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str, package: str | None = "-e.[all]") -> None:
    """Install dependency groups and, unless told otherwise, the checkout with all extras."""
    wanted = [line for group in groups for line in nox.project.dependency_groups(PYPROJECT, group)]
    session.install(*wanted, *([package] if package else []))


@nox.session
def tests(session: nox.Session) -> None:
    """The whole test suite; arguments go to pytest."""
    install(session, "test")
    session.run("pytest", *(session.posargs or ["-n", "2", "--dist", "loadfile"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Formatting, lint and spelling."""
    install(session, "lint", package=None)
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("codespell", "descope_async", "descope_sync", "docs", "tests", "README.md")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy strict over everything, pyright strict over both packages."""
    install(session, "types")
    session.run("mypy")
    session.run("pyright")
    for package in ("descope_async", "descope_sync"):
        session.run("pyright", "--ignoreexternal", "--verifytypes", package)


@nox.session
def facade(session: nox.Session) -> None:
    """Write descope_sync from descope_async; with `-- --check`, fail on any difference."""
    install(session, "lint", package=None)
    session.run("python", "-P", "descope_sync/_generate.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into docs/_build; any warning fails."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "-n", "--keep-going", "docs", "docs/_build")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure ours, the official SDK and the floor side by side; `-- --help` tells more."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Run the demo on a local Descope."""
    session.install("-e.[cli]")
    session.run("descope-keys", "demo", *session.posargs)

"""Every job of the project, one session each: `nox -l` lists them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

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


@nox.session(reuse_venv=False, venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """The test suite with the oldest dependencies that are allowed."""
    session.install("--resolution", "lowest-direct", "-e.[all]")
    install(session, "test", package=None)
    session.run("pytest", *(session.posargs or ["-n", "2", "--dist", "loadfile"]))


@nox.session
def interop(session: nox.Session) -> None:
    """The official Node SDK on a local Descope; skipped where npm or its registry is missing."""
    if not shutil.which("node") or not shutil.which("npm"):
        session.skip("there is no node or no npm")
    patience = {"npm_config_fetch_retries": "1", "npm_config_fetch_timeout": "30000"}
    with session.chdir("tests/interop/node"):
        try:
            session.run("npm", "ci", "--ignore-scripts", "--no-audit", external=True, env=patience)
        except CommandFailed:
            try:
                session.run("npm", "ping", external=True, env=patience)
            except CommandFailed:
                session.skip("npm cannot reach its registry")
            raise
    install(session, "test")
    session.run("pytest", "tests/interop/test_official_node.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Formatting, lint and spelling."""
    install(session, "lint", package=None)
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("codespell")


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


@nox.session(venv_backend="none")
def api(session: nox.Session) -> None:
    """Write down the public API; with `-- --check`, fail on any difference."""
    session.run(sys.executable, "tests/api/snapshot.py", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Write the tables of docs/explanation/faults.md: what each failure becomes."""
    install(session, "test")
    session.run("python", "-m", "tests.faults")


@nox.session
def soak(session: nox.Session) -> None:
    """Calls under faults, cancellations, forks and kills for minutes; `-- --help` tells more."""
    install(session, "test")
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Print what is new since the last release and build the site; any warning fails."""
    install(session, "docs")
    session.run("towncrier", "build", "--draft", "--version", "next")
    session.run("sphinx-build", "-W", "-n", "--keep-going", "docs", "docs/_build")


@nox.session
def build(session: nox.Session) -> None:
    """Build wheel and sdist into dist/."""
    install(session, "build", package=None)
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")


@nox.session(reuse_venv=False, requires=["build"])
@nox.parametrize("built", ["*.whl", "*.tar.gz"], ids=["wheel", "sdist"])
def package(session: nox.Session, built: str) -> None:
    """Install what was built into a fresh environment, and try it away from the checkout."""
    (distribution,) = Path("dist").resolve().glob(built)
    smoke = Path("tests/package/smoke.py").resolve()
    session.chdir(session.create_tmp())
    session.install(str(distribution))
    session.run("python", "-I", smoke)
    session.install(f"{distribution}[cli]")
    session.run("python", "-I", smoke, "cli")


@nox.session
def changelog(session: nox.Session) -> None:
    """Move docs/changes into CHANGELOG.md, below the version in pyproject.toml."""
    install(session, "docs", package=None)
    session.run("towncrier", "build", "--yes", "--version", PYPROJECT["project"]["version"])


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

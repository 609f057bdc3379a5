"""Every job of the project, one session each: `nox -l` lists them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.download_python = "never"
nox.options.sessions = ["tests", "lint", "types", "facade", "docs"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
PINS = Path(__file__).parent / ".ci/constraints.txt"
FRAMEWORKS = ("fastapi", "grpc", "httpx", "httpx2", "mcp", "starlette")
#: What the tests use beside the extras, in releases that go with the oldest of these.
OLDEST = (
    "fastmcp==3.4.0",
    "litestar>=2.12",
    "quart>=0.20",
    "sniffio>=1.3",  # which that litestar needs and does not name
    "uvicorn>=0.53",  # earlier ones send Content-Length twice where they refuse a WebSocket
    "websockets>=16",
)
INTEGRATIONS = (
    "tests/integrations",
    "tests/pytest_plugin",
    "tests/docs/test_examples.py",
    "-n",
    "2",
    "--dist",
    "loadfile",
)
#: Without its plugin: these tests configure Django themselves.
DJANGO = ("tests/django", "-p", "no:django", "-n", "2", "--dist", "loadfile")
IN_CI = bool(os.environ.get("CI"))


def install(session: nox.Session, *groups: str, package: str | None = "-e.[all]") -> None:
    """Install dependency groups and, unless told otherwise, the checkout with all extras.

    In CI the versions and hashes are those of `.ci/constraints.txt`; elsewhere they are the newest.
    uv shows its progress.
    """
    wanted = [line for group in groups for line in nox.project.dependency_groups(PYPROJECT, group)]
    pinned = ["--constraint", str(PINS)] if IN_CI else []
    env = {"UV_BUILD_CONSTRAINT": str(PINS)} if IN_CI else None
    session.install(*pinned, *wanted, *([package] if package else []), env=env, silent=False)


def pythons_here() -> list[str]:
    """The supported Pythons that this machine has, the oldest first."""
    if shutil.which("pyenv"):  # pyenv runs only the versions that are named here
        names = [
            subprocess.run(["pyenv", *arguments], capture_output=True, text=True, check=True).stdout
            for arguments in (["version-name"], ["versions", "--bare"])
        ]
        os.environ["PYENV_VERSION"] = ":".join("".join(names).split())
    return [
        version
        for version in PYTHONS
        if (found := shutil.which(f"python{version}"))
        and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0
    ]


@nox.session
def tests(session: nox.Session) -> None:
    """The whole test suite; arguments go to pytest."""
    install(session, "test")
    # Two processes for each processor of a small machine: the tests wait more than they compute.
    session.run("pytest", *(session.posargs or ["-n", "4", "--dist", "loadfile"]))


@nox.session(python=PYTHONS)
def pythons(session: nox.Session) -> None:
    """The tests of the core and of the facade on one Python; arguments go to pytest."""
    install(session, "test")
    session.run(
        "pytest",
        "tests/core",
        "tests/facade",
        *(session.posargs or ["-n", "2", "--dist", "loadfile"]),
    )


@nox.session
def surroundings(session: nox.Session) -> None:
    """The core and the facade beside what changes a process under them; `-- quick` takes a part.

    Each is a run of its own: other asynchronous libraries are only installed (an anyio that finds
    sniffio detects otherwise), nest_asyncio is applied, truststore injected, uvloop's policy set.
    `tests/surroundings/skips.py` names the tests that cannot pass beside them, and why.
    """
    install(session, "test", "surroundings")
    tests = ["tests/core", "tests/facade"]
    if session.posargs == ["quick"]:
        names = ("portal_calls", "methods", "beside")
        tests = [f"tests/facade/test_{name}.py" for name in names]
        # An event loop chooses when it reads. This looks at what is read before a request is sent.
        tests.append("tests/core/calls/test_early_answers.py")
    for change in ("nothing", "nest_asyncio", "truststore", "uvloop"):
        env = {"PYTHONPATH": "tests/surroundings", "SURROUNDING": change}
        session.run("pytest", *tests, "-p", "skips", "-n", "2", "--dist", "loadfile", env=env)


@nox.session(venv_backend="none")
def ends(session: nox.Session) -> None:
    """`pythons` on the oldest and the newest Python that is here, where `tests` has not been."""
    here = pythons_here()
    tested = f"{sys.version_info.major}.{sys.version_info.minor}"
    others = sorted({here[0], here[-1]} - {tested}) if here else []
    if not others:
        session.skip(f"there is no other supported Python than {tested}")
    for version in others:
        session.notify(f"pythons-{version}")


@nox.session(venv_backend="none")
def weekly(session: nox.Session) -> None:
    """What takes too long for every change, with the newest dependencies."""
    here = pythons_here()
    for version in here:
        session.notify(f"pythons-{version}")
    for slow in (
        "lowest",
        "integrations_lowest",
        "django_lowest",
        "surroundings",
        "bundles",
        "soak",
    ):
        session.notify(slow)
    if here and here[-1] in PYTHONS[1:]:
        session.notify(f"django_newest-{here[-1]}")
    session.notify("crashes")


@nox.session(reuse_venv=False, venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """The test suite with the oldest dependencies that are allowed."""
    session.install("--resolution", "lowest-direct", "-e.[all]")
    install(session, "test", package=None)
    session.run("pytest", *(session.posargs or ["-n", "2", "--dist", "loadfile"]))


@nox.session
def integrations(session: nox.Session) -> None:
    """The frameworks that an application may use; arguments go to pytest."""
    install(session, "test", "integrations")
    session.run("pytest", *(session.posargs or INTEGRATIONS))


@nox.session(reuse_venv=False, venv_backend="uv")
def integrations_lowest(session: nox.Session) -> None:
    """The same with the oldest releases of the frameworks that are named."""
    extras = ",".join(FRAMEWORKS)
    session.install("--resolution", "lowest-direct", f"-e.[{extras}]", *OLDEST)
    install(session, "test", package=None)
    session.run("pytest", *(session.posargs or INTEGRATIONS))


@nox.session
def django(session: nox.Session) -> None:
    """Django, REST framework and Ninja in an environment of their own; arguments go to pytest."""
    install(session, "test", "django")
    session.run("pytest", *(session.posargs or DJANGO))


@nox.session(reuse_venv=False, venv_backend="uv")
def django_lowest(session: nox.Session) -> None:
    """The same with the oldest releases that are named."""
    oldest = [
        line.replace(">=", "==") for line in nox.project.dependency_groups(PYPROJECT, "django")
    ]
    install(session, "test")
    session.install(*oldest)
    session.run("pytest", *(session.posargs or DJANGO))


@nox.session(reuse_venv=False, python=PYTHONS[1:])
def django_newest(session: nox.Session) -> None:
    """The same with the newest Django, which needs a newer Python than the oldest one here."""
    session.install("--upgrade", *nox.project.dependency_groups(PYPROJECT, "django"))
    install(session, "test")
    session.run("pytest", *(session.posargs or DJANGO))


@nox.session
def stores(session: nox.Session) -> None:
    """Where batch work puts secrets: keyrings, AWS, Kubernetes; arguments go to pytest."""
    install(session, "test", "stores")
    session.run("pytest", *(session.posargs or ["tests/stores", "tests/batch/test_failures.py"]))


@nox.session
def vault(session: nox.Session) -> None:
    """The same on OpenBao's own server; arguments go to pytest."""
    install(session, "test", "vault")
    session.run("pytest", *(session.posargs or ["tests/stores/test_vault.py"]))


@nox.session
def crashes(session: nox.Session) -> None:
    """Kill batch work 500 times and `descope-keys apply` 100 times at random moments.

    Arguments go to the campaign that the first of them names: `-- batch --help` or `-- apply --help`.
    """
    campaigns = {"batch": "tests.batch.campaign", "apply": "tests.cli.apply_campaign"}
    chosen, *arguments = session.posargs or [""]
    if chosen and chosen not in campaigns:
        session.error(f"there is no campaign {chosen!r}, only {' and '.join(campaigns)}")
    install(session, "test")
    for name, module in campaigns.items():
        if chosen in ("", name):
            session.run("python", "-m", module, *arguments)


@nox.session
@nox.parametrize("language", ["node", "java"], ids=["node", "java"])
def interop(session: nox.Session, language: str) -> None:
    """The official Node and Java SDKs on a local Descope; skipped where their tools are missing."""
    if language == "node":
        install_from_npm(session)
    else:
        install_from_maven(session)
    install(session, "test")
    tests = sorted(
        str(each) for each in Path("tests/interop").glob(f"test_official_{language}*.py")
    )
    session.run("pytest", *tests, *session.posargs)


def install_from_npm(session: nox.Session) -> None:
    """The Node SDK, or a skip."""
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


def install_from_maven(session: nox.Session) -> None:
    """The Java SDK and the program that uses it, or a skip."""
    if not shutil.which("javac") or not shutil.which("mvn"):
        session.skip("there is no javac or no mvn")
    with session.chdir("tests/interop/java"):
        command = ("mvn", "--batch-mode", "--quiet", "--update-snapshots", "compile")
        said = str(session.run(*command, external=True, silent=True, success_codes=[0, 1]))
    if "Could not transfer artifact" in said:
        session.skip("mvn cannot reach its repository")
    if "[ERROR]" in said:
        session.error(said)


@nox.session
def lint(session: nox.Session) -> None:
    """Formatting, lint, spelling, and the files that GitHub and the commit hooks read."""
    install(session, "lint", package=None)
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("codespell")
    session.run("prek", "validate-config", ".pre-commit-config.yaml")
    session.run("zizmor", "--offline", "--quiet", ".github")
    for schema, files in (
        ("github-workflows", [".github/workflows/checks.yml", ".github/workflows/weekly.yml"]),
        ("github-issue-forms", [".github/ISSUE_TEMPLATE/bug.yml"]),
        ("github-issue-config", [".github/ISSUE_TEMPLATE/config.yml"]),
    ):
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


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
    session.run("python", "-P", "descope_sync/_generate", *session.posargs)


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
    install(session, "test", "integrations", "django", "stores")
    session.run("towncrier", "build", "--draft", "--version", "next")
    session.run("sphinx-build", "-W", "-n", "--keep-going", "docs", "docs/_build")
    session.run("pytest", "tests/docs/test_site.py", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build wheel and sdist into dist/."""
    install(session, "build", package=None)
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build", "--no-isolation")  # with the versions of the group


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


@nox.session(requires=["build"])
def bundles(session: nox.Session) -> None:
    """Bundle a program with shiv, pex, PyInstaller and as a function, and run each."""
    install(session, "bundles", package=None)
    (wheel,) = Path("dist").resolve().glob("*.whl")
    session.install(str(wheel))
    session.run("python", "tests/package/bundles.py", str(wheel), *session.posargs)


@nox.session
def constraints(session: nox.Session) -> None:
    """Write the pinned versions that CI uses; with `-- --upgrade`, take the newest."""
    session.install("uv")
    options = ["--quiet", "--universal", "--generate-hashes", "--no-emit-index-url", "--no-header"]
    groups = [f"--group={group}" for group in PYPROJECT["dependency-groups"]]
    compiled = {
        PINS: ["pyproject.toml", "--all-extras", *groups],
        PINS.with_name("nox.txt"): ["--group=nox"],
    }
    for file, chosen in compiled.items():
        command = ["uv", "pip", "compile", *options, *chosen, "--output-file", str(file)]
        session.run(*command, *session.posargs)


@nox.session
def changelog(session: nox.Session) -> None:
    """Move docs/changes into CHANGELOG.md, below the version in descope_async/__init__.py."""
    install(session, "docs")
    version = session.run(
        "python", "-c", "import descope_async as d; print(d.__version__)", silent=True
    )
    session.run("towncrier", "build", "--yes", "--version", str(version).strip())


@nox.session
def bench(session: nox.Session) -> None:
    """Measure ours, the official SDK and the floor side by side; `-- --help` tells more."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def bench_web(session: nox.Session) -> None:
    """Measure protected routes of FastAPI under uvicorn; `-- --help` tells more."""
    install(session, "bench-web")
    session.run("python", "-m", "benchmarks.web", *session.posargs)


@nox.session
def bench_django(session: nox.Session) -> None:
    """Measure protected views of Django under gunicorn; `-- --help` tells more."""
    install(session, "bench-web", "django")
    session.run("python", "-m", "benchmarks.django", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Run the demo on a local Descope."""
    session.install("-e.[cli]")
    session.run("descope-keys", "demo", *session.posargs)

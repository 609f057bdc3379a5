"""The built site: its reference, its error pages, its search, and what it has for machines."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from pydoc import locate
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

import descope_async
from descope_async import DescopeError, integrations
from descope_async.cli.catalogue.group import COMMANDS

for _name in ("django", "fastapi", "grpc", "httpx2", "mcp"):
    # The reference is written from the integrations as they are.
    pytest.importorskip(
        _name, reason="the reference needs the frameworks; the session docs has them"
    )

ROOT = Path(__file__).parents[2]
#: Where public names are; those of `descope_sync` are the same without `await`.
MODULES = [
    "descope_async",
    "descope_async.batch",
    "descope_async.emulator",
    "descope_async.emulator.mint",
    "descope_async.events",
    *(
        f"descope_async.integrations.{each.name}"
        for each in iter_modules(integrations.__path__)
        if not each.name.startswith("_")
    ),
    "descope_async.pytest_plugin.project",
    "descope_async.secret_stores",
    "descope_async.testing",
    "descope_sync.integrations.requests",
]


def public() -> list[str]:
    found = ["descope_sync.BlockingCallInEventLoop", "descope_sync.LoopClosed"]
    for path in MODULES:
        module = import_module(path)
        objects = {name: getattr(module, name) for name in getattr(module, "__all__", ())}
        found += [
            f"{path}.{name}"
            for name, each in objects.items()
            if inspect.isclass(each) or inspect.isroutine(each)
        ]
    return found


def errors(root: type[DescopeError]) -> Iterator[type[DescopeError]]:
    yield root
    for each in root.__subclasses__():
        yield from errors(each)


def public_errors() -> list[type[DescopeError]]:
    for module in ("descope_async.compat", "descope_async.batch", "descope_sync._loop"):
        import_module(module)
    ours = {each for each in errors(DescopeError) if each.__module__.startswith("descope_")}
    # The command line's own become exit codes and sentences; no caller gets them.
    raised = {each for each in ours if not each.__module__.startswith("descope_async.cli.")}
    return sorted(raised, key=lambda each: each.__name__)


def build(out: Path) -> str:
    """Build the site where no warning is allowed, and return what was said."""
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "docs", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    build(out)
    return out


@pytest.mark.timeout(400)
@pytest.mark.parametrize("error", public_errors(), ids=lambda each: each.__name__)
def test_every_error_leads_to_its_place(
    site: Path, error: type[DescopeError], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, _, anchor = error.__new__(error).help_url.partition("#")
    assert page == (ROOT / "docs/reference/errors.md").as_uri()
    assert anchor == error.__name__.lower()
    monkeypatch.setenv("DESCOPE_DOCS_URL", site.as_uri())
    page, _, anchor = error.__new__(error).help_url.partition("#")
    text = Path(url2pathname(urlsplit(page).path)).read_text(encoding="utf-8")
    assert f'<section id="{anchor}">' in text


@pytest.mark.parametrize("error", public_errors(), ids=lambda each: each.__name__)
def test_the_page_of_errors_says_what_to_do(error: type[DescopeError]) -> None:
    text = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    section = re.split(r"^##+ ", text.split(f"\n### {error.__name__}\n")[1], flags=re.MULTILINE)[0]
    said = re.sub(r"^```.*?^```$", "", section, flags=re.MULTILINE | re.DOTALL)
    assert len(said.split()) > 5, section


def test_an_error_of_a_user_leads_to_the_one_that_it_is_derived_from() -> None:
    class Mine(descope_async.NotFound):
        pass

    assert Mine("gone").help_url.endswith("#notfound")


@pytest.mark.timeout(400)
def test_every_public_name_is_in_the_reference_once(site: Path) -> None:
    pages = [page.read_text(encoding="utf-8") for page in (site / "reference").glob("*.html")]
    shown = Counter(name for text in pages for name in re.findall(r'<dt [^>]*id="([\w.]+)"', text))
    objects = [locate(path) for path in shown]  # some have two public paths
    missing = [path for path in public() if not any(locate(path) is each for each in objects)]
    assert missing == []
    assert [path for path, times in shown.items() if times > 1] == []


@pytest.mark.timeout(400)
def test_the_reference_shows_defaults_and_environment_variables(site: Path) -> None:
    text = (site / "reference/client.md").read_text(encoding="utf-8")
    assert "| `DESCOPE_PROJECT_ID` | `project_id` |" in text
    assert "| `jwt_validation_leeway`<br>`float` | `5` |" in text
    html = (site / "reference/client.html").read_text(encoding="utf-8")
    assert "__init__" not in html
    assert "__new__" not in html


REFERENCE = sorted(page.name for page in (ROOT / "docs/reference").glob("*.md"))


@pytest.mark.parametrize("page", [page for page in REFERENCE if page != "errors.md"])
def test_every_object_of_the_reference_is_named_in_an_example_before_it(page: str) -> None:
    text = (ROOT / "docs/reference" / page).read_text(encoding="utf-8")
    unnamed = []
    for fence in re.finditer(r"^```\{api\} (\S+)", text, re.MULTILINE):
        examples = re.findall(
            r"^```python\n(.*?)^```", text[: fence.start()], re.DOTALL | re.MULTILINE
        )
        name = fence[1].rpartition(".")[2]
        if not any(re.search(rf"\b{name}\b", example) for example in examples):
            unnamed.append(fence[1])
    assert unnamed == []


@pytest.mark.timeout(400)
def test_machines_find_every_page_as_markdown(site: Path) -> None:
    listed = (site / "llms.txt").read_text(encoding="utf-8")
    assert listed.startswith("# descope-async\n\n> ")
    addresses = re.findall(r"\]\((\S+)\)", listed)
    pages = {page.relative_to(site).with_suffix("").as_posix() for page in site.rglob("*.html")}
    written = pages - {"search", "genindex", "py-modindex", "index"}
    assert {address.removesuffix(".md") for address in addresses} == written
    for address in addresses:
        text = (site / address).read_text(encoding="utf-8")
        assert text.startswith("# ")
        assert ":::" not in text
        assert "```{" not in text
        html = (site / address).with_suffix(".html").read_text(encoding="utf-8")
        assert f'type="text/markdown" href="{address.rpartition("/")[2]}"' in html
    assert (site / "llms-full.txt").stat().st_size > 50_000


@pytest.mark.timeout(400)
def test_a_second_build_reads_what_may_have_changed_and_writes_the_same(site: Path) -> None:
    def written() -> dict[Path, str]:
        return {page: page.read_text(encoding="utf-8") for page in [*site.rglob("*.md"), *texts]}

    texts = list(site.glob("llms*.txt"))
    before = written()
    said = build(site)
    changed = re.search(r"updating environment: .*\b(\d+) changed", said)
    assert changed
    assert 0 < int(changed[1]) < len(before) / 2  # the pages with docstrings
    assert written() == before


@pytest.mark.timeout(400)
def test_the_page_of_the_command_line_names_every_command_to_machines(site: Path) -> None:
    text = (site / "reference/command-line.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"\n### {name.name}\n" not in text] == []
    assert "object at 0x" not in text


@pytest.mark.timeout(400)
def test_the_front_page_has_code_cards_and_no_list_of_contents(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    assert article.count("sd-card-title") == 3
    assert "toctree-wrapper" in text
    assert len(re.findall("<a ", article)) < 40
    assert "Emulator" in article


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    """The site on this machine, since browsers let no page look into another file."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.timeout(600)
@pytest.mark.skipif(not BROWSER, reason="a browser looks at the pages: Chromium")
def test_every_page_can_be_read_on_wide_and_narrow_screens_light_and_dark(
    site: Path, served: str, tmp_path: Path
) -> None:
    pages = [page.relative_to(site).as_posix() for page in site.rglob("*.html")]
    shutil.copy(Path(__file__).with_name("look.html"), site)
    command = [
        *(str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu"),
        *(f"--user-data-dir={tmp_path}", "--window-size=1500,950", "--virtual-time-budget=600000"),
        *("--dump-dom", f"{served}/look.html#{','.join(pages)}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=500)
    (site / "look.html").unlink()
    found = done.stdout.split('<pre id="found">')[1].split("</pre>")[0]
    assert found == f"looked at {len(pages)} pages\n"


#: What users type, and the page that is to come first.
SEARCHES = {
    line.split(" -> ")[0]: line.split(" -> ")[1]
    for line in (Path(__file__).with_name("searches.txt")).read_text().splitlines()
}


@pytest.mark.timeout(400)
@pytest.mark.skipif(not shutil.which("node"), reason="the site's search needs Node.js")
def test_the_search_finds_the_page_first(site: Path) -> None:
    asked = subprocess.run(
        ["node", Path(__file__).with_name("search.mjs"), site, *SEARCHES],  # noqa: S607 - found above
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = dict(zip(SEARCHES, json.loads(asked.stdout), strict=True))
    assert {word: pages[:1] for word, pages in found.items()} == {
        word: [page] for word, page in SEARCHES.items()
    }

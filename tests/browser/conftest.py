"""The app in a process of its own and Chromium: every test here drives the one through the other.

A visitor is a browser context, so a session of its own. What a visitor leaves on the server (models, scores, measured
results) is shared by the tests, as by visitors; a test that needs an untouched server asks for `serve`.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from served import Served, chromium  # noqa: E402

from tests.browser.visit import Visit  # noqa: E402

HERE = Path(__file__).parent
WIDE = {"width": 1400, "height": 1000}
_VISITS = pytest.StashKey[list[tuple[Visit, Served]]]()

# A hub that does not answer, at once: nothing here may need one.
NO_HUB = {"HF_ENDPOINT": "http://127.0.0.1:9"}

playwright.expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser(request: pytest.FixtureRequest) -> Iterator[playwright.Browser]:
    with chromium(request.getfixturevalue("chromium")) as opened:
        yield opened


@pytest.fixture(scope="package")
def server() -> Iterator[Served]:
    """A server for visitors of this machine, shared by the tests."""
    with Served(environment=NO_HUB) as started:
        yield started


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start servers of this test's own: ``serve("--server.address=0.0.0.0", environment={...})``."""
    with ExitStack() as running:
        yield lambda *flags, environment=None: running.enter_context(
            Served(*flags, environment={**NO_HUB, **(environment or {})})
        )


@pytest.fixture
def visitor(browser: playwright.Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visit]]:
    """New visitors, each with a session of its own: ``visitor()``, of another server ``visitor(served)``, with the
    options of a browser context. Their browsers keep the server's secret, as after its whole address was opened once,
    unless they are ``stranger=True``. At the end every tab must be free of errors."""
    visits: list[tuple[Visit, Served]] = []
    request.node.stash[_VISITS] = visits

    def come(where: Served | None = None, /, *, stranger: bool = False, **options: object) -> Visit:
        where = where or request.getfixturevalue("server")
        context = browser.new_context(**{"viewport": WIDE, **options})
        if where.secret and not stranger:
            context.add_cookies([{"name": f"headviz-secret-{where.port}", "value": where.secret, "url": where.url}])
        context.set_default_timeout(30_000)
        visit = Visit(context.new_page(), where.url)
        visits.append((visit, where))
        return visit

    yield come
    try:
        for visit, _ in visits:
            visit.check()
    finally:
        for visit, _ in visits:
            visit.page.context.close()


@pytest.fixture
def visit(visitor: Callable[..., Visit]) -> Visit:
    """A visitor of the shared server who has not gone anywhere yet."""
    return visitor()


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random classifier of 3 layers x 4 heads with the labels bad, fine and good."""
    from tests.tiny import save_tiny

    return save_tiny(tmp_path_factory.mktemp("models") / "small-bert")


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 40 texts with the labels of `small_model`."""
    from tests.tiny import LABELS, tiny_texts

    file = tmp_path_factory.mktemp("data") / "small.tsv"
    rows = [f"{text}\t{LABELS[number % len(LABELS)]}" for number, text in enumerate(tiny_texts(40))]
    file.write_text("\n".join(["text\tlabel", *rows]), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots go, for people to look at."""
    folder = Path(tempfile.gettempdir()) / "headviz-screenshots"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Generator[None, Any, Any]:
    """A test that failed shows where each visitor stood, what they saw and what the server wrote."""
    report = yield
    if report.when == "call" and report.failed:
        for number, (visit, where) in enumerate(item.stash.get(_VISITS, [])):
            report.sections.append((f"visitor {number}", _scene(visit, f"{item.name}-{number}")))
            report.sections.append((f"log of the server of visitor {number}", where.log()[-5000:]))
    return report


def _scene(visit: Visit, name: str) -> str:
    picture = Path(tempfile.gettempdir()) / f"headviz-failed-{re.sub(r'[^A-Za-z0-9]+', '-', name)}.png"
    try:
        visit.page.screenshot(path=picture, full_page=True)
        text = visit.page.get_by_test_id("stApp").inner_text(timeout=2000)
    except playwright.Error as error:  # a tab that crashed tells nothing, and the failure itself is what counts
        return f"{visit.page.url}\n{error}"
    return "\n".join([visit.page.url, str(picture), *visit.troubles, text])

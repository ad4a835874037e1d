"""Waiting for the app before a browser is opened."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.request import url2pathname

import pytest

from headviz.cli.browser import open_when_ready, show_with_secret


class Health(BaseHTTPRequestHandler):
    ready_after = 0

    def do_GET(self) -> None:
        type(self).ready_after -= 1
        self.send_response(503 if type(self).ready_after >= 0 else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Health) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


def test_browser_opens_once_the_app_answers(server: str) -> None:
    Health.ready_after = 2
    pauses: list[float] = []
    shown: list[str] = []
    assert open_when_ready(server, sleep=pauses.append, show=shown.append)
    assert shown == [server] and len(pauses) == 2


def test_browser_stays_closed_when_nothing_answers() -> None:
    shown: list[str] = []
    ticks = iter(range(10))
    opened = open_when_ready(
        "http://127.0.0.1:9", patience=3, clock=lambda: next(ticks), sleep=lambda _: None, show=shown.append
    )
    assert (opened, shown) == (False, [])


def test_secret_reaches_the_browser_by_a_file_that_only_its_owner_can_read_and_that_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADVIZ_SECRET", "the-secret-of-the-test")
    seen: list[Path] = []

    def show(address: str) -> None:
        assert "the-secret" not in address
        page = Path(url2pathname(address.removeprefix("file://")))
        assert 'content="0; url=http://localhost:8501/?token=the-secret-of-the-test"' in page.read_text("utf-8")
        assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700
        seen.append(page)

    show_with_secret("http://localhost:8501", show=show, sleep=lambda _: None, confined=False)
    assert len(seen) == 1 and not seen[0].exists()


def test_browser_that_cannot_read_the_file_gets_the_address_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADVIZ_SECRET", "the-secret-of-the-test")
    shown: list[str] = []
    show_with_secret("http://localhost:8501", show=shown.append, confined=True)
    assert shown == ["http://localhost:8501/?token=the-secret-of-the-test"]

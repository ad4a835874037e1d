"""One visitor in one tab: what they do, said shortly, and what they see, read from the page.

Nothing here sleeps. An act waits for what it brings about; `settled` waits until the app is at rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Locator, Page, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from headviz.mask import Mask, parse_head

LONG = 90_000  # ms: for what loads torch, opens a model or runs it, on a busy machine
QUIET = 400  # ms without anything under way count as rest

# Put into every page: when it last sent something to the server, and when it last got something from there.
_TRAFFIC = """(() => {
  const traffic = window._traffic = { sent: 0, got: 0 }, Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', () => { traffic.got = performance.now(); });
    }
    send(message) { traffic.sent = performance.now(); super.send(message); }
  };
})()"""

# True once no script runs, nothing shows progress, the server has answered, and all that has been so for a while.
_AT_REST = """quiet => {
  const now = performance.now(), { sent, got } = window._traffic;
  const app = document.querySelector('[data-testid=stApp]');
  const running = app?.getAttribute('data-test-script-state') !== 'notRunning';
  const busy = document.querySelector('[data-testid=stProgress], [data-testid=stSpinner], [data-stale=true]') !== null;
  if (running || busy || got < sent) { window._busyAt = now; return false; }
  return now - Math.max(got, window._busyAt ?? 0) > quiet;
}"""


@dataclass(frozen=True)
class Rerun:
    """A request of the browser to run the page, or only a ``fragment`` of it."""

    fragment: bool
    by_itself: bool  # a fragment that looks again every so often


class Visit:
    """A tab at an address of the app, ``page`` being Playwright's."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.reruns: list[Rerun] = []
        self.troubles: list[str] = []  # what must never happen: requests elsewhere, errors in the page
        page.add_init_script(_TRAFFIC)
        page.on("request", lambda request: self._check_address(request.url))
        page.on("pageerror", lambda error: self.troubles.append(f"error in the page: {error}"))
        page.on("websocket", self._listen)

    def _check_address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.troubles.append(f"request to {url}")

    def _listen(self, socket: WebSocket) -> None:
        self._check_address(socket.url)
        socket.on("framesent", self._sent)

    def _sent(self, frame: bytes | str) -> None:
        message = BackMsg.FromString(frame) if isinstance(frame, bytes) else None
        if message is not None and message.WhichOneof("type") == "rerun_script":
            asked = message.rerun_script
            self.reruns.append(Rerun(bool(asked.fragment_id), asked.is_auto_rerun))

    # -- going about ---------------------------------------------------------------------------------------------------

    def go(self, path: str = "/", /, **parameters: str) -> Visit:
        """Type an address: of a page with parameters, or a whole link."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        self.page.goto(path if path.startswith("http") else f"{self.url}{path}{query}")
        return self

    def to(self, name: str) -> Visit:
        """Go to a page by its link in the sidebar, and wait until it stands."""
        self.sidebar.get_by_role("link", name=name, exact=True).click()
        self.headed(name)
        return self

    def headed(self, name: str) -> Visit:
        expect(self.page.get_by_role("heading", level=1)).to_have_text("headviz" if name == "Home" else name)
        return self

    def settled(self) -> Visit:
        """Wait until nothing runs: no script, no job that the page shows."""
        self.page.evaluate("() => { window._busyAt = performance.now(); }")  # what was just done may not be sent yet
        self.page.wait_for_function(_AT_REST, arg=QUIET, timeout=LONG)
        return self

    def back(self) -> Visit:
        self.page.go_back()
        return self

    # -- opening -------------------------------------------------------------------------------------------------------

    def open_demo(self) -> Visit:
        self.page.get_by_role("button", name="Open the demo").click()
        return self.opened("demo/reviews")

    def opened(self, model: str) -> Visit:
        """Wait until the sidebar names the model, and all that follows is done."""
        expect(self.sidebar).to_contain_text(model, timeout=LONG)
        return self.settled()

    def type_model(self, source: str) -> Visit:
        """Type a model into the form of Home and send it."""
        self._open_forms()
        self.page.get_by_role("textbox", name="Demo, Hugging Face id or folder").fill(source)
        self.page.get_by_role("button", name="Open model").click()
        return self

    def type_data(self, source: str) -> Visit:
        self._open_forms()
        self.page.get_by_role("textbox", name="or a demo, a Hugging Face data set or a file path").fill(source)
        self.page.get_by_role("button", name="Open data").click()
        return self

    def upload_data(self, *files: Path) -> Visit:
        """Upload ``files`` in the place of a source that was typed before."""
        self._open_forms()
        self.page.get_by_role("textbox", name="or a demo, a Hugging Face data set or a file path").fill("")
        self.upload(*files)
        for file in files:
            expect(self.page.get_by_role("button", name=f"Remove {file.name}").first).to_be_visible()
        self.settled()  # a form that is sent while a file is on its way is not sent at all
        self.page.get_by_role("button", name="Open data").click()
        return self

    def upload(self, *files: Path) -> None:
        """Into the first field of the page, which on Home is the one for data."""
        self.page.get_by_test_id("stFileUploader").first.locator("input[type=file]").set_input_files(list(files))

    def _open_forms(self) -> None:
        button = self.page.get_by_role("button", name="Open model")
        expect(button.or_(self.page.get_by_text("Open another model or data")).first).to_be_visible(timeout=LONG)
        if not button.is_visible():
            self.page.get_by_text("Open another model or data").click()
        expect(button).to_be_visible()

    def take_signatures(self) -> Visit:
        """On Complementarity: take signatures, where there are none yet, and wait for all that follows."""
        self.headed("Complementarity").settled()
        button = self.page.get_by_role("button", name="Take signatures")
        if button.count():
            button.click()
        expect(self.slider("Degree of the fit")).to_be_visible(timeout=LONG)
        return self.settled()

    # -- settings ------------------------------------------------------------------------------------------------------

    def slider(self, name: str) -> Locator:
        return self.page.locator(f"input[type=range][aria-label='{name}']")

    def move(self, name: str, key: str, times: int = 1) -> Visit:
        """Press an arrow key on a slider, without a pause between presses, and wait until the app is at rest again."""
        slider, before = self.slider(name), self.page.url
        slider.focus()
        for _ in range(times):
            slider.press(key)
        expect(self.page).not_to_have_url(before)
        return self.settled()

    def value(self, name: str) -> str:
        return self.slider(name).get_attribute("aria-valuetext") or ""

    # -- the mask ------------------------------------------------------------------------------------------------------

    def head(self, name: str) -> Locator:
        """A cell of the head grid, by a name such as L3H7; a pruned model's cells say the whole model's name, too."""
        layer, head = parse_head(name)
        said = (f"layer {layer} head {head}{end}" for end in (", ", " ("))
        return self.page.locator(", ".join(f".hv [aria-label^='{words}']" for words in said))

    def toggle(self, name: str) -> Visit:
        before = self.head(name).get_attribute("aria-pressed")
        self.head(name).click()
        expect(self.head(name)).to_have_attribute("aria-pressed", "false" if before == "true" else "true")
        return self.settled()

    def cut_in_grid(self) -> set[str]:
        """The heads that the browser shows as cut."""
        return self.heads_in_grid("cut")

    def heads_in_grid(self, state: str) -> set[str]:
        """The heads of which the browser says: cut, kept, locked, rescued or by hand."""
        expect(self.page.locator(".hv .cell").first).to_be_visible()
        cells = self.page.locator(".hv .cell")
        labels = cells.evaluate_all("cells => cells.map(cell => cell.getAttribute('aria-label').split(', '))")
        return {"L{1}H{3}".format(*words[0].split()) for words in labels if state in words}

    def cut_in_link(self, *heads: int) -> set[str]:
        """The heads that the server has put into the address as cut, for a model with so many heads per layer."""
        subject = SimpleNamespace(name="any", revision=None, fingerprint="0" * 16, family="bert", heads=heads)
        return set(Mask.from_code(self.asked["mask"], subject).pruned)

    @property
    def asked(self) -> dict[str, str]:
        """The parameters in the address."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    def wait_for_address(self, **parameters: str) -> Visit:
        """Wait until the address carries these."""
        for name, value in parameters.items():
            expect(self.page).to_have_url(re.compile(rf"[?&]{name}={re.escape(value)}(&|$)"))
        return self

    # -- what is seen --------------------------------------------------------------------------------------------------

    @property
    def sidebar(self) -> Locator:
        return self.page.get_by_test_id("stSidebar")

    def figure(self, title: str) -> str:
        """The number under a title."""
        metric = self.page.get_by_test_id("stMetric").filter(
            has=self.page.get_by_test_id("stMetricLabel").get_by_text(title, exact=True)
        )
        return metric.get_by_test_id("stMetricValue").inner_text().strip()

    def chart(self, alt: str) -> Locator:
        """The drawing of a chart, by the start of its description."""
        return self.page.locator(f"[data-testid=stVegaLiteChart][aria-label^='{alt}'] svg")

    def alerts(self) -> list[str]:
        texts = self.page.get_by_test_id("stAlert").get_by_test_id("stMarkdownContainer")
        return [text.strip() for text in texts.all_inner_texts()]

    def expect_alert(self, text: str | re.Pattern[str], timeout: float = 60_000) -> Visit:
        expect(self.page.get_by_test_id("stAlert").filter(has_text=text).first).to_be_visible(timeout=timeout)
        return self

    def check(self) -> None:
        """What holds at any time: nothing failed in the page or was fetched from elsewhere, no error is unforeseen."""
        assert not self.troubles
        if self.page.is_closed():
            return
        assert self.page.get_by_test_id("stException").count() == 0, "an exception stands on the page"
        unforeseen = [text for text in self.alerts() if "did not foresee" in text]
        assert not unforeseen, unforeseen


def cut_of(record: dict[str, Any]) -> set[str]:
    """The heads that a mask file cuts."""
    return {f"L{layer}H{head}" for layer, heads in record["pruned_heads"].items() for head in heads}

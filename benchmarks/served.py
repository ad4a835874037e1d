"""The app in a process of its own and a browser without a window, for benchmarks and for the tests that drive the app.

with Served() as app, chromium(path) as browser:
    page = browser.new_page()
    page.goto(app.opening)
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from headviz.serving import SECRET, opening_address

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
_CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE = 60.0  # seconds for a server to answer on a busy machine
_LOOK = 0.02  # seconds between two looks at a server that is starting


class Served:
    """The app of this checkout on a free port, from ``with`` or `start` until `stop`.

    ``flags`` go to Streamlit after our own, so ``--server.address=0.0.0.0`` wins. ``environment`` is added to this
    process's; None takes a name away. ``by``: the command that starts it, ``streamlit run app.py`` or ``headviz app``.
    ``script``: what Streamlit runs, if not the app. ``opening`` is the address with the secret, which makes a visitor
    the one who started the server; ``url`` is without. ``HEADVIZ_SECRET`` None: a server without one.
    """

    def __init__(
        self,
        *flags: str,
        environment: Mapping[str, str | None] | None = None,
        by: Literal["streamlit", "headviz"] = "streamlit",
        script: Path = ROOT / "app.py",
    ) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = {
            "streamlit": ["streamlit", "run", str(script), f"--server.port={self.port}"],
            "headviz": ["headviz", "app", "--no-browser", "--port", str(self.port), "--"],
        }
        self._command = [sys.executable, "-m", *command[by], "--server.address=127.0.0.1", *flags]
        new = {"HEADVIZ_DATA_ROOT": None, "HEADVIZ_STATE": "off", SECRET: secrets.token_urlsafe(24)}
        added: dict[str, str | None] = {**new, **(environment or {})}
        self.secret = added[SECRET]
        self.opening = opening_address(self.url, self.secret)
        self._environment = {name: value for name, value in (os.environ | added).items() if value is not None}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.NamedTemporaryFile(prefix="headviz-app-", suffix=".log")  # noqa: SIM115

    def launch(self) -> None:
        """Start the process and come back at once."""
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, env=self._environment,
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def start(self) -> Self:
        """Start the process and wait until it answers; a process that ends instead is an error with its log."""
        self.launch()
        self.wait()
        return self

    def wait(self) -> None:
        """Wait until the process that was launched answers."""
        assert self._process is not None
        until = time.monotonic() + _PATIENCE
        while not self.answers():
            if self._process.poll() is not None:
                raise RuntimeError(f"The app ended while it started.\n{self.log()}")
            if time.monotonic() > until:
                self.stop()
                raise RuntimeError(f"The app did not answer within {_PATIENCE:.0f} s.\n{self.log()}")
            time.sleep(_LOOK)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:  # noqa: S310
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def log(self) -> str:
        """What the process has written so far."""
        return Path(self._log.name).read_text("utf-8", errors="replace")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End the process as the system does where memory runs out: at once, and it cannot do anything about it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._log.close()


def find_chromium() -> str:
    """The path of the system's Chromium; ends the program with a sentence where there is none."""
    for name in CHROMIUM_NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    sys.exit("This needs Chromium on the PATH; on Debian: sudo apt-get install chromium")


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """A browser that ends with the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_CHROMIUM_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

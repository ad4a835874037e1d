"""What every test stands on: no network, fixed seeds, few threads, and a hub cache of its own."""

from __future__ import annotations

import errno
import os
import random
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

# Read by the libraries when they are first imported, and by the processes that tests start: so set here, at the top.
# One thread: tiny models gain nothing from two, and on a busy machine threads that wait for each other cost a
# hundredfold.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="headviz-test-hub-")
for _name in ("SECRET", "DATA_ROOT", "ALLOW_WRITE", "ALLOW_DOWNLOAD"):
    os.environ.pop(f"HEADVIZ_{_name}", None)
os.environ["HEADVIZ_STATE"] = "off"  # what tests do is nobody's visit

_LOCAL = ("127.", "::1", "localhost", "0.0.0.0")


def pytest_configure(config: pytest.Config) -> None:
    from hypothesis import HealthCheck, settings

    slow = [HealthCheck.too_slow]  # as `deadline`: how busy the machine is says nothing of the code
    settings.register_profile("headviz", derandomize=True, deadline=None, max_examples=60, suppress_health_check=slow)
    settings.load_profile("headviz")


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(os.environ["HF_HOME"], ignore_errors=True)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real models and data; the test skips where it is missing."""
    folder = Path(os.environ.get("HEADVIZ_SHARED") or CHECKOUT.parent / "shared")
    if not (folder / "models").is_dir():
        pytest.skip("no folder with real models and data: set HEADVIZ_SHARED")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; `make test` sees to it that there is one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path is not None:
            return path
    if os.environ.get("HEADVIZ_NEED_BROWSER"):
        pytest.fail("no Chromium on PATH, and HEADVIZ_NEED_BROWSER is set")
    pytest.skip("no Chromium on PATH")


@pytest.fixture(autouse=True)
def _seeds() -> None:
    """The same luck for every test, whatever ran before it."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Addresses beyond this machine answer like a machine without a network, at once."""
    if request.node.get_closest_marker("network"):
        yield
        return
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def local_connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOCAL):
            raise OSError(errno.ENETUNREACH, "Network is unreachable (tests stay on this machine)")
        return connect(self, address)

    def local_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and not name.startswith(_LOCAL):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution (tests stay on this machine)")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", local_connect)
    monkeypatch.setattr(socket, "getaddrinfo", local_look_up)
    yield


@pytest.fixture
def progress_log() -> tuple[list[tuple[int, int, str]], Callable[[int, int, str], None]]:
    """A list, and an ``on_progress`` that fills it."""
    calls: list[tuple[int, int, str]] = []
    return calls, lambda done, total, stage: calls.append((done, total, stage))

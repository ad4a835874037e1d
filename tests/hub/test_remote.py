"""A network that is not there, or goes away: whoever asked is answered in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from headviz.errors import DataError, HeadvizError, LoadError
from headviz.hub import resolve
from headviz.hub.remote import PATIENCE, _Meter
from tests.hub.fake_hub import FakeHub

SOON = 0.5  # seconds of patience in these tests


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    """An address at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def refused(endpoint: str, cache: Path, error: type[HeadvizError] = LoadError, **options: object) -> tuple[str, float]:
    """The sentence, and the seconds until it came."""
    started = time.monotonic()
    with pytest.raises(error) as told:
        resolve("owner/name", endpoint=endpoint, cache=cache, **options)  # type: ignore[arg-type]
    assert told.value.__cause__ is not None
    return str(told.value), time.monotonic() - started


def test_patience_leaves_room_below_ten_seconds() -> None:
    assert PATIENCE <= 8


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_nothing_listens_is_told_at_once(kind: str, closed: str, tmp_path: Path) -> None:
    text, seconds = refused(closed, tmp_path, LoadError if kind == "model" else DataError, kind=kind)
    assert text == (
        f"{closed.removeprefix('http://')} does not answer, and 'owner/name' is neither a folder here nor in the "
        "Hugging Face cache. Check the network, or give a folder."
    )
    assert seconds < 5


def test_a_name_that_cannot_be_looked_up_is_told(tmp_path: Path) -> None:
    text, seconds = refused("https://hub.invalid", tmp_path)
    assert text.startswith("hub.invalid does not answer")
    assert seconds < 5


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_a_silent_server_is_waited_for_no_longer_than_patience(kind: str, silent: str, tmp_path: Path) -> None:
    text, seconds = refused(silent, tmp_path, LoadError if kind == "model" else DataError, kind=kind, patience=SOON)
    assert "does not answer" in text
    assert seconds < SOON + 1.5


def test_a_look_up_that_hangs_is_waited_for_no_longer_than_patience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(30) and [])
    try:
        text, seconds = refused("http://hub.example", tmp_path, patience=SOON)
    finally:
        release.set()
    assert "does not answer" in text
    assert seconds < SOON + 1.5


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (404, "There is no model 'owner/name' on 127.0.0.1"),
        (403, "There is no model 'owner/name' on 127.0.0.1"),
        (429, "asks for fewer requests just now. Try again in a few minutes."),
        (500, "has a problem of its own (it answered 500). Try again later."),
        (503, "has a problem of its own (it answered 503). Try again later."),
    ],
)
def test_error_answers_get_their_sentence(status: int, sentence: str, tmp_path: Path) -> None:
    with FakeHub({}, status=status) as hub:
        assert sentence in refused(hub.url, tmp_path)[0]


def test_a_server_that_is_no_hub_does_not_answer(tmp_path: Path) -> None:
    with FakeHub({}, status=200) as hub:  # a login page of a hotel, say
        assert "does not answer" in refused(hub.url, tmp_path)[0]


def test_a_connection_lost_in_the_middle_of_a_download_is_told_in_time(tmp_path: Path) -> None:
    release = threading.Event()
    files = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"x" * 100}

    def hang(_: str) -> None:
        hub.status = 503  # and the hub itself is gone, too
        release.wait(20)

    with FakeHub({"owner/name": files}, before_file=hang) as hub:
        try:
            text, seconds = refused(hub.url, tmp_path, patience=SOON)
        finally:
            release.set()
    assert text.startswith(
        f"The connection to {hub.url.removeprefix('http://')} was lost while owner/name was downloaded."
    )
    assert seconds < 2 * SOON + 1.5


def test_a_slow_download_of_a_hub_that_answers_is_waited_for(tmp_path: Path) -> None:
    files = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"x" * 100}
    asked = threading.Event()

    def slow(name: str) -> None:
        if name == "config.json":
            # until the caller has grown impatient and asked whether the hub is still there
            deadline = time.monotonic() + 10
            while (
                sum("/api/models/owner/name" in request for request in hub.requests) < 2 and time.monotonic() < deadline
            ):
                asked.wait(0.02)

    with FakeHub({"owner/name": files}, before_file=slow) as hub:
        found = resolve("owner/name", endpoint=hub.url, cache=tmp_path, patience=SOON)
    assert (found.folder / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_an_interrupt_stops_the_download(tmp_path: Path) -> None:
    """Ctrl+C comes through on_progress here; the thread that downloads ends at its next piece."""
    gone_on = threading.Event()
    interrupted = threading.Event()

    def wait(name: str) -> None:
        if name == "config.json":
            interrupted.wait(10)
        else:
            gone_on.set()

    def on_progress(*_: object) -> None:
        raise KeyboardInterrupt

    files = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"x" * 100}
    with FakeHub({"owner/name": files}, before_file=wait) as hub:
        with pytest.raises(KeyboardInterrupt):
            resolve("owner/name", endpoint=hub.url, cache=tmp_path, on_progress=on_progress)
        interrupted.set()
        assert not gone_on.wait(0.5)


def test_a_download_in_chunks_counts_each_byte_once(capfd: pytest.CaptureFixture[str]) -> None:
    """Xet storage reports what is received and what is written (seen with huggingface_hub 2.4)."""
    from huggingface_hub.utils._xet_progress_reporting import XetDownloadProgressReporter

    meter = _Meter(3_000_000)
    with XetDownloadProgressReporter(
        reconstruction_desc="file", total=3_000_000, log_level=30, tqdm_class=meter.bar()
    ) as progress:
        for written, received in ((0, 1_000_000), (1_000_000, 2_500_000), (3_000_000, 2_500_000)):
            progress.update_progress(
                SimpleNamespace(
                    total_bytes=3_000_000,
                    total_bytes_completed=written,
                    total_transfer_bytes_completed=received,
                    total_bytes_completion_rate=1e6,
                    total_transfer_bytes_completion_rate=1e6,
                )
            )
            assert (meter.done, meter.received) == (written, received)
    meter.finish(3_000_000)
    assert meter.megabytes() == (3, 3)
    assert capfd.readouterr() == ("", "")

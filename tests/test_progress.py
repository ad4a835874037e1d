"""Progress tells within a second, whatever the work does, and stops telling when the work ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

import headviz as hv
from headviz import progress as module
from headviz.progress import Progress, TimeLeft

Log = tuple[list[tuple[int, int, str]], Callable[[int, int, str], None]]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUIET", 0.02)


def test_progress_counts_from_nothing_to_the_total(progress_log: Log) -> None:
    calls, on_progress = progress_log
    progress = Progress(3, "counting", on_progress)
    progress.step(2)
    progress.step(5)
    assert calls == [(0, 3, "counting"), (2, 3, "counting"), (3, 3, "counting")]


def test_progress_of_silent_work_says_the_last_words_again() -> None:
    heard = threading.Event()
    calls: list[tuple[int, int, str]] = []

    def on_progress(*said: object) -> None:
        calls.append(said)  # type: ignore[arg-type]
        if len(calls) >= 4:
            heard.set()

    with Progress(3, "waiting", on_progress) as progress:
        progress.step()
        assert heard.wait(10), calls
    assert calls[2:4] == [(1, 3, "waiting")] * 2


def test_progress_after_the_work_is_silent_and_leaves_no_thread(progress_log: Log) -> None:
    calls, on_progress = progress_log
    before, within = threading.active_count(), []

    def break_off() -> None:
        with Progress(3, "breaking", on_progress):
            within.append(threading.active_count())
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        break_off()
    assert within == [before + 1]
    assert threading.active_count() == before
    assert all(said == (0, 3, "breaking") for said in calls)


def test_progress_without_a_listener_starts_no_thread() -> None:
    before = threading.active_count()
    with Progress(3, "alone"):
        assert threading.active_count() == before


def test_progress_calls_never_overlap() -> None:
    inside, overlaps, deadline = threading.Lock(), [], time.monotonic() + 0.3

    def on_progress(*said: object) -> None:
        if not inside.acquire(blocking=False):
            overlaps.append(said)
            return
        threading.Event().wait(0.005)
        inside.release()

    with Progress(10**9, "busy", on_progress) as progress:
        while time.monotonic() < deadline:
            progress.step()
    assert not overlaps


def test_progress_error_of_a_listener_between_steps_is_raised_in_the_callers_thread() -> None:
    raised = threading.Event()

    def on_progress(*said: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            raised.set()
            raise ValueError("enough")

    def work() -> None:
        with Progress(3, "failing", on_progress) as progress:
            raised.wait(10)
            progress.step()

    with pytest.raises(ValueError, match="enough"):
        work()


def test_cancel_that_is_set_stops_before_the_first_word_and_at_a_step(progress_log: Log) -> None:
    calls, on_progress = progress_log
    cancel = threading.Event()
    progress = Progress(3, "stopping", on_progress, cancel)
    cancel.set()
    with pytest.raises(hv.Cancelled):
        progress.step()
    told = len(calls)
    with pytest.raises(hv.Cancelled):
        Progress(3, "stopping", on_progress, cancel)
    assert len(calls) == told


def test_time_left_follows_from_the_rate() -> None:
    clock = iter([0.0, 10.0])
    left = TimeLeft(clock=lambda: next(clock))
    assert left.update(0, 100, "scoring") is None
    assert left.update(25, 100, "scoring") == pytest.approx(30.0)

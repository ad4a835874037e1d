"""torch's threads among jobs: each has its share while others run, and all of them when it is alone again."""

from __future__ import annotations

import threading

import pytest
import torch

from headviz.ui import jobs as jobs_module
from headviz.ui.jobs import Jobs, Pool
from headviz.ui.threads import Threads, available
from tests.ui.test_jobs import ended


@pytest.mark.parametrize(("asked", "expected"), [("3", 3), ("5,2", 5), (" 2 ", 2)])
def test_environment_says_how_many_threads_there_are(
    asked: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert available() == expected


@pytest.mark.parametrize("asked", ["", "0", "many", "-1"])
def test_without_a_usable_number_it_is_the_cores(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert available() >= 1


def test_jobs_divide_the_threads_and_the_last_one_has_all_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "_threads", Threads(4))
    before = torch.get_num_threads()
    meet, second_ends, second_ended = threading.Barrier(2, timeout=20), threading.Event(), threading.Event()
    seen: dict[str, list[int]] = {"first": [], "second": []}

    def first(on_progress, cancel):  # type: ignore[no-untyped-def]
        seen["first"].append(torch.get_num_threads())
        meet.wait()
        meet.wait()
        on_progress(1, 3, "working")
        seen["first"].append(torch.get_num_threads())
        second_ends.set()
        assert second_ended.wait(20)
        on_progress(2, 3, "working")
        seen["first"].append(torch.get_num_threads())

    def second(on_progress, cancel):  # type: ignore[no-untyped-def]
        seen["second"].append(torch.get_num_threads())
        meet.wait()
        assert second_ends.wait(20)

    jobs = Jobs(Pool(workers=2))
    one = jobs.start("first", "First", first)
    meet.wait()
    two = jobs.start("second", "Second", second)
    ended(two)
    second_ended.set()
    assert ended(one).error is None and two.error is None
    torch.set_num_threads(before)
    assert seen == {"first": [4, 2, 4], "second": [2]}


def test_more_jobs_than_threads_have_one_each() -> None:
    threads = Threads(2)
    with threads.taken(), threads.taken(), threads.taken():
        assert threads.share == 1

"""Background work: how it ends, who gives way to whom, and that nothing runs on after its visitor has gone."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from headviz.errors import Cancelled, DataError
from headviz.ui.jobs import Job, Jobs, Pool


class Gate:
    """Work that waits until it is let through or stopped."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, on_progress: Any, cancel: Any) -> str:
        self.begun.set()
        while not self.open.wait(0.002):
            if cancel.is_set():
                raise Cancelled()
        return "through"


@pytest.fixture
def jobs() -> Any:
    made = Jobs(Pool(workers=1))
    yield made
    made.close()
    assert made.wait(10)


def ended(job: Job) -> Job:
    assert job.ended.wait(10)
    return job


def test_work_that_succeeds_leaves_its_result_and_progress(jobs: Jobs) -> None:
    def work(on_progress: Any, cancel: Any) -> int:
        on_progress(1, 4, "scoring")
        on_progress(4, 4, "scoring")
        return 42

    job = ended(jobs.start("key", "Scoring", work))
    assert (job.state, job.result, job.error, job.active) == ("done", 42, None, False)
    assert (job.done, job.total, job.stage, job.share) == (4, 4, "scoring", 1.0)


def test_error_that_a_visitor_can_mend_is_kept_as_its_sentence(jobs: Jobs) -> None:
    def work(on_progress: Any, cancel: Any) -> None:
        raise DataError("Row 3 has no label; give it one.")

    job = ended(jobs.start("key", "Opening", work))
    assert (job.state, job.error) == ("failed", "Row 3 has no label; give it one.")


def test_unforeseen_error_is_logged_with_a_reference_and_not_shown(
    jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    def work(on_progress: Any, cancel: Any) -> None:
        raise RuntimeError("secret /path")

    job = ended(jobs.start("key", "Opening", work))
    assert job.state == "failed" and job.error is not None and "secret" not in job.error
    reference = job.error.rsplit(" ", 1)[1].rstrip(".")
    assert reference in caplog.text and "secret /path" in caplog.text


def test_one_job_per_key_while_it_is_under_way(jobs: Jobs) -> None:
    gate = Gate()
    first = jobs.start("key", "Work", gate)
    assert jobs.start("key", "Work", gate) is first
    gate.open.set()
    ended(first)
    assert jobs.start("key", "Work", gate) is not first


def test_newer_job_of_a_kind_stops_the_older_one(jobs: Jobs) -> None:
    first = jobs.start("a", "Measuring", Gate(), kind="measure", alone=True)
    gate = Gate()
    second = jobs.start("b", "Measuring", gate, kind="measure", alone=True)
    other = jobs.start("c", "Opening", gate, kind="open")
    assert ended(first).state == "stopped" and first.gave_way
    gate.open.set()
    assert ended(second).state == ended(other).state == "done"


def test_stopping_ends_a_running_job_and_forgetting_clears_it(jobs: Jobs) -> None:
    gate = Gate()
    job = jobs.start("key", "Work", gate)
    assert gate.begun.wait(10)
    job.cancel.set()
    assert ended(job).state == "stopped" and not job.gave_way
    assert jobs.get("key") is job
    jobs.forget("key")
    assert jobs.get("key") is None


def test_a_running_job_is_not_forgotten(jobs: Jobs) -> None:
    gate = Gate()
    job = jobs.start("key", "Work", gate)
    jobs.forget("key")
    assert jobs.get("key") is job
    gate.open.set()


def test_closing_stops_what_runs_and_what_waits() -> None:
    jobs = Jobs(Pool(workers=1))
    running, waiting = Gate(), Gate()
    first, second = jobs.start("a", "Work", running), jobs.start("b", "Work", waiting)
    assert running.begun.wait(10)
    jobs.close()
    assert ended(first).state == ended(second).state == "stopped"
    assert not waiting.begun.is_set()
    assert jobs.start("c", "Work", Gate()).state == "stopped"


def test_sessions_take_turns_in_the_pool() -> None:
    pool, order = Pool(workers=1), []
    one, two = Jobs(pool), Jobs(pool)
    gate = Gate()
    first = one.start("gate", "Work", gate)
    assert gate.begun.wait(10)

    def note(name: str) -> Any:
        return lambda on_progress, cancel: order.append(name)

    waiting = [one.start(i, "Work", note(f"one {i}")) for i in range(3)] + [two.start("x", "Work", note("two"))]
    gate.open.set()
    for job in [first, *waiting]:
        ended(job)
    assert order.index("two") < order.index("one 1")


def test_only_ended_jobs_are_dropped_when_there_are_many(jobs: Jobs) -> None:
    gate = Gate()
    running = jobs.start("running", "Work", gate)
    gate.open.set()
    ended(running)
    for number in range(100):
        ended(jobs.start(number, "Work", lambda on_progress, cancel: None))
    assert jobs.get(99) is not None and jobs.get("running") is None

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


class Panic(BaseException):
    """What a library in Rust raises, which is no Exception."""


@pytest.mark.parametrize("error", [Panic("called `unwrap()` on a None"), SystemExit(1), KeyboardInterrupt()])
def test_whatever_is_raised_fails_its_job_and_the_worker_goes_on(
    error: BaseException, jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    def work(on_progress: Any, cancel: Any) -> None:
        raise error

    job = ended(jobs.start("key", "Opening", work))
    assert job.state == "failed" and job.error is not None
    assert job.error.rsplit(" ", 1)[1].rstrip(".") in caplog.text
    assert ended(jobs.start("next", "Work", lambda on_progress, cancel: 1)).result == 1


def test_job_that_cannot_even_be_told_about_has_failed_all_the_same(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*args: Any, **named: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("headviz.ui.jobs.log.error", refuses)
    monkeypatch.setattr("headviz.ui.jobs.secrets.token_hex", refuses)

    def work(on_progress: Any, cancel: Any) -> None:
        raise RuntimeError("first")

    job = ended(jobs.start("key", "Opening", work))
    assert job.state == "failed" and job.error
    assert ended(jobs.start("next", "Work", lambda on_progress, cancel: 1)).result == 1


def test_worker_that_died_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(workers=1)
    with monkeypatch.context() as patched:
        patched.setattr(pool, "_serve", lambda lane: None)  # its thread ends at once
        lost = Jobs(pool).start("lost", "Work", lambda on_progress, cancel: 1)
        for thread in pool._workers["work"]:
            thread.join(10)
    assert ended(Jobs(pool).start("next", "Work", lambda on_progress, cancel: 2)).result == 2
    assert ended(lost).result == 1


def test_worker_that_cannot_be_started_leaves_its_place_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(workers=1)

    def refuses(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuses)
        lost = Jobs(pool).start("lost", "Work", lambda on_progress, cancel: 1)
    assert ended(lost).state == "failed"
    assert ended(Jobs(pool).start("next", "Work", lambda on_progress, cancel: 2)).result == 2


@pytest.mark.parametrize("lane", ["work", "training"])
def test_long_jobs_of_others_never_keep_a_visitor_from_opening(lane: Any) -> None:
    pool, gate = Pool(workers=2), Gate()
    long = [Jobs(pool).start("long", "Work", gate, lane=lane) for _ in range(4)]
    assert gate.begun.wait(10)
    assert ended(Jobs(pool).start("open", "Opening", lambda on_progress, cancel: 1, lane="opening")).result == 1
    gate.open.set()
    assert all(ended(job).state == "done" for job in long)


def test_trainings_wait_outside_the_workers() -> None:
    pool, gate = Pool(workers=2), Gate()
    runs = [Jobs(pool).start("run", "Recovering", gate, lane="training") for _ in range(3)]
    assert gate.begun.wait(10)
    assert [job.state for job in runs].count("running") == 1
    both = [Jobs(pool).start("score", "Scoring", Gate()) for _ in range(2)]
    for job in both:
        assert job.work.begun.wait(10)  # type: ignore[attr-defined]
        job.work.open.set()  # type: ignore[attr-defined]
        ended(job)
    gate.open.set()
    assert all(ended(job).state == "done" for job in runs)


def test_memory_that_ran_out_is_said_without_a_remedy_that_may_not_help(jobs: Jobs) -> None:
    def work(on_progress: Any, cancel: Any) -> None:
        raise MemoryError

    job = ended(jobs.start("key", "Grouping heads", work))
    assert job.error is not None and "more memory than this machine has free" in job.error
    assert "examples" not in job.error


def test_what_another_thread_starts_or_drops_meanwhile_ends_no_walk_over_the_jobs(jobs: Jobs) -> None:
    class Busy(Job):
        """A job during whose look another thread starts one and drops one."""

        @property
        def active(self) -> bool:
            jobs._jobs[object()] = Job("other", "Other", lambda *_: None)
            jobs._jobs.pop("first", None)
            return False

    for key in ("first", "second"):
        jobs._jobs[key] = Busy(key, "Busy", lambda *_: None)
    jobs._trim(keep=0)
    assert "first" not in jobs._jobs and "second" not in jobs._jobs
    jobs._jobs.clear()

"""Work in the background: started by a page, running in plain threads that know nothing of Streamlit.

A session has one `Jobs`; all sessions share one `Pool` of few workers, which takes from the sessions in turn, so
that one visitor's long queue does not starve another. Trainings, which wait for each other, and what opens models and
data have lanes of their own, so that neither an hour's run nor a queue of scorings keeps the next visitor from opening
the demo. What a job makes goes where its work puts it (the shelf); a job itself only tells how far it is, and its
result or error.
"""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Literal

from headviz.errors import Cancelled, HeadvizError
from headviz.progress import CancelSignal, OnProgress, TimeLeft
from headviz.ui.threads import Threads

Work = Callable[[OnProgress, CancelSignal], Any]
State = Literal["waiting", "running", "done", "failed", "stopped"]
Lane = Literal["work", "training", "opening"]

log = logging.getLogger("headviz.ui")
_threads = Threads()


@dataclass
class Job:
    """One piece of work. Fields are written by its worker and read by pages; each write is a single assignment."""

    key: Hashable
    title: str
    work: Work
    kind: str = ""
    lane: Lane = "work"
    state: State = "waiting"
    done: int = 0
    total: int = 0
    stage: str = ""
    seconds_left: float | None = None
    result: Any = None
    error: str | None = None
    seconds: float | None = None  # that the work took, once done
    gave_way: bool = False  # stopped because a newer job of its kind was started
    cancel: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    _clock: TimeLeft = field(default_factory=TimeLeft)

    @property
    def active(self) -> bool:
        return not self.ended.is_set()

    @property
    def share(self) -> float:
        """How much of the present stage is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    def on_progress(self, done: int, total: int, stage: str) -> None:
        _threads.settle()
        self.seconds_left = self._clock.update(done, total, stage)
        self.done, self.total, self.stage = done, total, stage

    def run(self) -> None:
        """Do the work and keep its end, whatever it is; never raises, not even what is no Exception (a panic of a
        library in Rust, SystemExit)."""
        try:
            with _threads.taken():
                self._do()
        except BaseException as error:  # noqa: BLE001 - the worker lives on, and the visitor is told
            self.fail(error)
        finally:
            self.ended.set()

    def _do(self) -> None:
        try:
            if self.cancel.is_set():
                raise Cancelled()
            self.state = "running"
            started = time.monotonic()
            self.result = self.work(self.on_progress, self.cancel)
            self.seconds = time.monotonic() - started
            self.state = "done"
        except Cancelled:
            self.state = "stopped"
        except HeadvizError as error:
            self.error, self.state = str(error), "failed"

    def fail(self, error: BaseException) -> None:
        """End as failed by what nobody foresaw, with a reference to the log."""
        self.error, self.state = f"{self.title} failed.", "failed"  # whatever becomes of the telling
        with contextlib.suppress(BaseException):
            reference = secrets.token_hex(4)
            log.error("Job %r failed, reference %s", self.title, reference, exc_info=error)
            self.error = (
                f"{self.title} needs more memory than this machine has free. Free some, then try again; the log has it "
                f"under {reference}."
                if _is_of_memory(error)
                else f"{self.title} failed for a reason headviz did not foresee; the log has it under {reference}."
            )
        self.ended.set()


def _is_of_memory(error: BaseException) -> bool:
    """Whether memory has run out; on the CPU torch says so in a plain RuntimeError."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and re.search(r"out of memory|allocate memory", str(error)) is not None
    )


class Pool:
    """A few worker threads for the whole process, so many to a lane; each lane is fair between its sessions."""

    def __init__(self, workers: int = 2) -> None:
        self._most: dict[Lane, int] = {"work": workers, "training": 1, "opening": 1}
        self._queues: dict[Lane, OrderedDict[int, deque[Job]]] = {lane: OrderedDict() for lane in self._most}
        self._workers: dict[Lane, list[threading.Thread]] = {lane: [] for lane in self._most}
        self._changed = threading.Condition()

    def submit(self, owner: int, job: Job) -> None:
        with self._changed:
            self._queues[job.lane].setdefault(owner, deque()).append(job)
            try:
                self._staff(job.lane)
            except RuntimeError as error:  # the system gives no more threads
                if not self._workers[job.lane]:
                    for lost in self._queues[job.lane].pop(owner):
                        lost.fail(error)
            self._changed.notify_all()

    def _staff(self, lane: Lane) -> None:
        """See to it that somebody works in ``lane``: a worker that has died is replaced."""
        living = self._workers[lane] = [worker for worker in self._workers[lane] if worker.is_alive()]
        if len(living) < self._most[lane]:
            worker = threading.Thread(target=self._serve, args=(lane,), name=f"headviz-{lane}", daemon=True)
            worker.start()
            living.append(worker)

    def forget(self, owner: int) -> None:
        """Drop what an owner has waiting; each dropped job ends as stopped."""
        with self._changed:
            dropped = [job for queues in self._queues.values() for job in queues.pop(owner, ())]
        for job in dropped:
            job.cancel.set()
            job.run()

    def _next(self, lane: Lane) -> Job:
        with self._changed:
            queues = self._queues[lane]
            while not queues:
                self._changed.wait()
            owner, queue = next(iter(queues.items()))
            job = queue.popleft()
            queues.move_to_end(owner)  # the others first, next time
            if not queue:
                del queues[owner]
            return job

    def _serve(self, lane: Lane) -> None:
        while True:
            try:
                self._next(lane).run()
            except BaseException:  # a worker outlives whatever comes
                with contextlib.suppress(BaseException):
                    log.exception("A worker went on after what no job accounts for")


class Jobs:
    """The jobs of one session, by key: one per key, the newest of a kind where an older one no longer matters.

    Several threads may use it, since tabs of one browser share the work on kept runs: each walk is over a copy."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def start(
        self, key: Hashable, title: str, work: Work, *, kind: str = "", alone: bool = False, lane: Lane = "work"
    ) -> Job:
        """Start ``work`` unless a job of this key is under way; ``alone`` stops older jobs of the same kind."""
        known = self._jobs.get(key)
        if known is not None and known.active and not known.cancel.is_set():
            return known
        if alone:
            for job in self.active():
                if job.kind == kind and job.key != key:
                    job.gave_way = True
                    job.cancel.set()
        job = Job(key, title, work, kind, lane)
        self._jobs[key] = job
        self._jobs.move_to_end(key)
        if self._closed:
            job.cancel.set()
            job.run()
        else:
            self._pool.submit(id(self), job)
        self._trim()
        return job

    def get(self, key: Hashable) -> Job | None:
        return self._jobs.get(key)

    def forget(self, key: Hashable) -> None:
        """Forget how a job ended, so that it may be asked for again."""
        job = self._jobs.get(key)
        if job is not None and not job.active:
            self._jobs.pop(key, None)

    def active(self) -> list[Job]:
        return [job for job in list(self._jobs.values()) if job.active and not job.cancel.is_set()]

    def close(self) -> None:
        """Stop everything, for good: the visitor has gone. Running work notices within one batch."""
        self._closed = True
        for job in list(self._jobs.values()):
            job.cancel.set()
        self._pool.forget(id(self))

    def clear(self) -> None:
        """Stop everything and forget it, with what came of it: nobody comes back for it."""
        self.close()
        for job in list(self._jobs.values()):
            job.result = None  # temporary folders go with it, whoever still holds the job
        self._jobs.clear()

    def wait(self, seconds: float) -> bool:
        """Wait for all jobs to end; False if some had not by then."""
        until = time.monotonic() + seconds
        return all(job.ended.wait(max(0.0, until - time.monotonic())) for job in list(self._jobs.values()))

    def _trim(self, keep: int = 64) -> None:
        ended = [key for key, job in list(self._jobs.items()) if not job.active]
        for key in ended[: max(0, len(self._jobs) - keep)]:
            self._jobs.pop(key, None)

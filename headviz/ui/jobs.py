"""Work in the background: started by a page, running in plain threads that know nothing of Streamlit.

A session has one `Jobs`; all sessions share one `Pool` of few workers, which takes from the sessions in turn, so
that one visitor's long queue does not starve another. What a job makes goes where its work puts it (the shelf); a
job itself only tells how far it is, and its result or error.
"""

from __future__ import annotations

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

Work = Callable[[OnProgress, CancelSignal], Any]
State = Literal["waiting", "running", "done", "failed", "stopped"]

log = logging.getLogger("headviz.ui")


@dataclass
class Job:
    """One piece of work. Fields are written by its worker and read by pages; each write is a single assignment."""

    key: Hashable
    title: str
    work: Work
    kind: str = ""
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
        self.seconds_left = self._clock.update(done, total, stage)
        self.done, self.total, self.stage = done, total, stage

    def run(self) -> None:
        """Do the work and keep its end, whatever it is; never raises."""
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
        except Exception as error:
            reference = secrets.token_hex(4)
            log.exception("Job %r failed, reference %s", self.title, reference)
            self.error = f"{self.title} failed for a reason headviz did not foresee; the log has it under {reference}."
            if _is_of_memory(error):
                self.error = f"{self.title} needs more memory than there is. Take fewer examples, then try again."
            self.state = "failed"
        finally:
            self.ended.set()


def _is_of_memory(error: Exception) -> bool:
    """Whether memory has run out; on the CPU torch says so in a plain RuntimeError."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and re.search(r"out of memory|allocate memory", str(error)) is not None
    )


class Pool:
    """A few worker threads for the whole process, fair between the queues of its sessions."""

    def __init__(self, workers: int = 2) -> None:
        self._queues: OrderedDict[int, deque[Job]] = OrderedDict()
        self._changed = threading.Condition()
        self._workers = workers
        self._started = 0

    def submit(self, owner: int, job: Job) -> None:
        with self._changed:
            self._queues.setdefault(owner, deque()).append(job)
            if self._started < self._workers:
                self._started += 1
                threading.Thread(target=self._serve, name=f"headviz-job-{self._started}", daemon=True).start()
            self._changed.notify()

    def forget(self, owner: int) -> None:
        """Drop what an owner has waiting; each dropped job ends as stopped."""
        with self._changed:
            dropped = self._queues.pop(owner, deque())
        for job in dropped:
            job.cancel.set()
            job.run()

    def _next(self) -> Job:
        with self._changed:
            while True:
                for owner, queue in self._queues.items():
                    job = queue.popleft()
                    self._queues.move_to_end(owner)  # the others first, next time
                    if not queue:
                        del self._queues[owner]
                    return job
                self._changed.wait()

    def _serve(self) -> None:
        while True:
            self._next().run()


class Jobs:
    """The jobs of one session, by key: one per key, the newest of a kind where an older one no longer matters."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()
        self._closed = False

    def start(self, key: Hashable, title: str, work: Work, *, kind: str = "", alone: bool = False) -> Job:
        """Start ``work`` unless a job of this key is under way; ``alone`` stops older jobs of the same kind."""
        known = self._jobs.get(key)
        if known is not None and known.active and not known.cancel.is_set():
            return known
        if alone:
            for job in self.active():
                if job.kind == kind and job.key != key:
                    job.gave_way = True
                    job.cancel.set()
        job = Job(key, title, work, kind)
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
            del self._jobs[key]

    def active(self) -> list[Job]:
        return [job for job in list(self._jobs.values()) if job.active and not job.cancel.is_set()]

    def close(self) -> None:
        """Stop everything: the session has ended. Running work notices within one batch."""
        self._closed = True
        for job in list(self._jobs.values()):
            job.cancel.set()
        self._pool.forget(id(self))

    def wait(self, seconds: float) -> bool:
        """Wait for all jobs to end; False if some had not by then."""
        until = time.monotonic() + seconds
        return all(job.ended.wait(max(0.0, until - time.monotonic())) for job in list(self._jobs.values()))

    def _trim(self, keep: int = 64) -> None:
        for key in [key for key, job in self._jobs.items() if not job.active][: max(0, len(self._jobs) - keep)]:
            del self._jobs[key]

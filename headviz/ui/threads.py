"""torch's threads, divided among the jobs that run: two jobs with every core each would take several times as long as
one after the other."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator


def available() -> int:
    """The threads that torch may take in all: OMP_NUM_THREADS where that is set, else the cores of this process."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if asked.isdecimal() and int(asked):
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Threads:
    """An equal share of ``total`` threads for each job that is under way, and never none.

    The number is a matter of each working thread: what another one sets does not reach the regions of OpenMP that this
    one enters. So every job takes its share by itself, in its own thread: as it begins, and at each step (`settle`).
    """

    def __init__(self, total: int | None = None) -> None:
        self._total, self._under_way, self._lock = total, 0, threading.Lock()
        self._own = threading.local()

    @property
    def share(self) -> int:
        total = available() if self._total is None else self._total
        return max(1, total // max(1, self._under_way))

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """A job is under way in this thread for as long as the block."""
        with self._lock:
            self._under_way += 1
        self._own.works, self._own.has = True, None
        try:
            self.settle()
            yield
        finally:
            self._own.works = False
            with self._lock:
                self._under_way -= 1

    def settle(self) -> None:
        """Take the share that is due, where this thread works on a job; costs nothing while it stays the same."""
        due = self.share
        if getattr(self._own, "works", False) and self._own.has != due and _torch_is_there():
            sys.modules["torch"].set_num_threads(due)
            self._own.has = due


def _torch_is_there() -> bool:
    """Whether torch is imported, and not just being."""
    return hasattr(sys.modules.get("torch"), "set_num_threads")

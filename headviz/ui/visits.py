"""Visits: what ends when a visitor has gone, and who says so.

Pool and shelf are the process's; a visit has jobs and temporary folders. None of it is in Streamlit's caches: any
visitor's message empties those for everybody. A watch of our own looks whether a visit's connection still stands.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from headviz.ui.jobs import Jobs

STOP_AFTER = 2.0  # seconds without a connection after which work is stopped: more than a page that loads again takes
_EVERY = 0.5  # seconds between looks

log = logging.getLogger("headviz.ui")


@dataclass
class _Visit:
    jobs: Jobs
    leave: Callable[[], None]
    seen: float  # when it was last there


class Visits:
    """The visits of a process, by the names of their connections.

    ``here(name)``: whether a connection stands. Without one a visit's work is stopped after `STOP_AFTER` seconds, and
    after ``kept()`` seconds, when its visitor can no longer come back to it, ``leave()`` clears up what it has made.
    """

    def __init__(
        self,
        here: Callable[[str], bool],
        kept: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._here, self._kept, self._clock = here, kept, clock
        self._visits: dict[str, _Visit] = {}
        self._lock = threading.Lock()
        self._watch: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._visits)

    def enter(self, name: str, jobs: Jobs, leave: Callable[[], None]) -> None:
        """A page of this visit runs; ``jobs`` and what ``leave`` clears end with the visit."""
        with self._lock:
            self._visits[name] = _Visit(jobs, leave, self._clock())
            if self._watch is None or not self._watch.is_alive():
                self._watch = threading.Thread(target=self._look_on, name="headviz-visits", daemon=True)
                self._watch.start()

    def look(self) -> None:
        """See who is still there, and end what is over."""
        now = self._clock()
        with self._lock:
            visits = list(self._visits.items())
        for name, visit in visits:
            if self._here(name):
                visit.seen = now
                continue
            away = now - visit.seen
            if away >= STOP_AFTER and not visit.jobs.closed:
                visit.jobs.close()
            if away >= max(STOP_AFTER, self._kept() + 2 * _EVERY):  # the visitor's time began a little later
                with self._lock:
                    if self._visits.get(name) is not visit:  # it came back this moment
                        continue
                    del self._visits[name]
                visit.leave()

    def _look_on(self) -> None:
        while True:
            time.sleep(_EVERY)
            try:
                self.look()
            except BaseException:  # one visit's trouble is not another's
                log.exception("A visit could not be ended")
            with self._lock:
                if not self._visits:
                    self._watch = None
                    return

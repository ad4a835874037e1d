"""Progress and cancelling of everything that can take longer than a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from headviz.errors import Cancelled

OnProgress = Callable[[int, int, str], None]


class CancelSignal(Protocol):
    """Anything with ``is_set()``, such as a ``threading.Event``."""

    def is_set(self) -> bool: ...


@dataclass
class Progress:
    """One counted stage of work.

    ``step`` tells ``on_progress(done, total, stage)`` how far the work is and raises `Cancelled` once ``cancel`` is
    set; ``check`` only does the latter. Callers step once a batch, so both happen within one batch.
    """

    total: int
    stage: str
    on_progress: OnProgress | None = None
    cancel: CancelSignal | None = None
    done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.check()
        self._tell()

    def check(self) -> None:
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled()

    def step(self, count: int = 1) -> None:
        self.done += count
        self._tell()
        self.check()

    def finish(self) -> None:
        """Say that the stage is done, where its total was an estimate."""
        self.done = self.total
        self._tell()

    def _tell(self) -> None:
        if self.on_progress is not None:
            self.on_progress(min(self.done, self.total), self.total, self.stage)


@dataclass
class TimeLeft:
    """Seconds left of a stage, from the rate so far; None until there is a rate to speak of."""

    clock: Callable[[], float] = time.monotonic
    _stage: str | None = field(default=None, init=False)
    _start: tuple[float, int] = field(default=(0.0, 0), init=False)

    def update(self, done: int, total: int, stage: str) -> float | None:
        now = self.clock()
        if stage != self._stage or done < self._start[1]:
            self._stage, self._start = stage, (now, done)
            return None
        elapsed, made = now - self._start[0], done - self._start[1]
        return elapsed / made * (total - done) if made > 0 and elapsed > 0 else None

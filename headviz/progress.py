"""Progress and cancelling of everything that can take longer than a second."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

from headviz.errors import Cancelled

OnProgress = Callable[[int, int, str], None]


class CancelSignal(Protocol):
    """Anything with ``is_set()``, such as a ``threading.Event``."""

    def is_set(self) -> bool: ...


_QUIET = 0.5  # seconds without a word after which the last one is said again


@dataclass
class Progress:
    """One counted stage of work.

    ``step`` tells ``on_progress(done, total, stage)`` how far the work is and raises `Cancelled` once ``cancel`` is
    set; ``check`` only does the latter. Callers step once a batch, so both happen within one batch. A batch of a large
    model takes longer than the second within which a caller wants to hear something: as a context, a Progress says the
    last words again from a thread of its own while the work is silent. Calls never overlap, and what ``on_progress``
    raises there is raised at the next step.
    """

    total: int
    stage: str
    on_progress: OnProgress | None = None
    cancel: CancelSignal | None = None
    done: int = field(default=0, init=False)
    _told: float = field(default=0.0, init=False, repr=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _ended: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    _beating: threading.Thread | None = field(default=None, init=False, repr=False)
    _failure: BaseException | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.check()
        self._tell()

    def __enter__(self) -> Progress:
        if self.on_progress is not None:
            context = contextvars.copy_context()
            self._beating = threading.Thread(
                target=context.run, args=(self._beat,), name="headviz progress", daemon=True
            )
            self._beating.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._beating is not None:
            self._beating.join()
        if error is None:
            self._raise_failure()

    def check(self) -> None:
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled()

    def step(self, count: int = 1) -> None:
        self._raise_failure()
        self.done += count
        self._tell()
        self.check()

    def finish(self) -> None:
        """Say that the stage is done, where its total was an estimate."""
        self.done = self.total
        self._tell()

    def _tell(self) -> None:
        if self.on_progress is not None:
            with self._one_at_a_time:
                self._say(self.on_progress)

    def _say(self, on_progress: OnProgress) -> None:
        self._told = time.monotonic()
        on_progress(min(self.done, self.total), self.total, self.stage)

    def _beat(self) -> None:
        while not self._ended.wait(_QUIET / 2):
            with self._one_at_a_time:
                if self.on_progress is None or self._ended.is_set() or time.monotonic() - self._told < _QUIET:
                    continue
                try:
                    self._say(self.on_progress)
                except BaseException as error:  # noqa: BLE001 -- it is the caller's, and is raised in the caller's thread
                    self._failure = error
                    return

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure


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


def within(progress: Progress) -> OnProgress:
    """An ``on_progress`` for work that is one step of ``progress``: it tells nothing, and lets a cancel through."""

    def told(done: int, total: int, stage: str) -> None:
        progress.check()

    return told

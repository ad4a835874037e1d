"""One training after another in a process, and the process's random states, which they share."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator

import numpy as np
import torch

from headviz.errors import Cancelled
from headviz.progress import CancelSignal, Progress

_ALONE = threading.Lock()


@contextlib.contextmanager
def turn(progress: Progress, cancel: CancelSignal | None) -> Iterator[None]:
    """Runs of one process train one after another: they share its random states."""
    stage = progress.stage
    if not _ALONE.acquire(blocking=False):
        progress.stage = "waiting for another run"
        while not _ALONE.acquire(timeout=0.2):
            if cancel is not None and cancel.is_set():
                raise Cancelled()
        progress.stage = stage
    try:
        yield
    finally:
        _ALONE.release()


@contextlib.contextmanager
def own_random_state() -> Iterator[None]:
    """The process's random states are this run's within the block, and are as before after it."""
    with torch.random.fork_rng():
        python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 -- Trainer seeds the global one
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002

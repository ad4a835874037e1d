"""Silence for one thread while transformers loads: its progress bar and its log lines, which our sentences replace."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_QUIET: ContextVar[bool] = ContextVar("headviz_quiet", default=False)
_LOCK = threading.Lock()
_inside = 0
_before: Callable[..., Any] | None = None
_handlers: list[logging.Handler] = []


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No bar and no log line of transformers from this thread within the block; other threads keep theirs.

    What it takes is process-wide (a hook for bars, a filter on log handlers), but only acts on threads inside the
    block, and goes when the last of them leaves.
    """
    token = _QUIET.set(True)
    _enter()
    try:
        yield
    finally:
        _leave()
        _QUIET.reset(token)


def _enter() -> None:
    global _inside, _before
    from transformers.utils import logging as library

    with _LOCK:
        _inside += 1
        if _inside > 1:
            return
        _before = library.set_tqdm_hook(_bar)
        top = logging.getLogger("transformers")
        _handlers.extend(top.handlers + (logging.getLogger().handlers if top.propagate else []))
        for handler in _handlers:
            handler.addFilter(_is_heard)


def _leave() -> None:
    global _inside, _before
    from transformers.utils import logging as library

    with _LOCK:
        _inside -= 1
        if _inside:
            return
        library.set_tqdm_hook(_before)
        _before = None
        while _handlers:
            _handlers.pop().removeFilter(_is_heard)


def _is_heard(record: logging.LogRecord) -> bool:
    return not (_QUIET.get() and record.name.split(".")[0] == "transformers")


def _bar(factory: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if _QUIET.get():
        options = {**options, "disable": True}
    elif _before is not None:
        return _before(factory, args, options)
    return factory(*args, **options)

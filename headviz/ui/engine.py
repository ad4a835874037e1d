"""torch, transformers and captum take seconds to import: they are fetched in the background once a page is up."""

from __future__ import annotations

import importlib
import logging
import threading

from headviz.ui import threads

_MODULES = ("torch", "transformers", "headviz.subject", "headviz.scores", "headviz.evaluation", "captum.attr")
_lock = threading.Lock()
_ready = threading.Event()
_thread: threading.Thread | None = None
_failure: str | None = None

log = logging.getLogger("headviz.ui")


def start(delay: float = 0.0) -> None:
    """Begin importing, once per process; comes back at once. ``delay``: seconds to leave to the first page."""
    global _thread
    with _lock:
        if _thread is None:
            thread = threading.Timer(delay, _fetch)
            thread.name, thread.daemon = "headviz-engine", True
            thread.start()
            _thread = thread


def ready() -> bool:
    return _ready.is_set()


def failure() -> str | None:
    """The sentence about an engine that cannot be imported, or None."""
    return _failure


def wait(seconds: float | None = None) -> bool:
    """Wait until the imports are done. Work that needs torch begins with this, so that one thread imports it."""
    start()
    return _ready.wait(seconds)


def _fetch() -> None:
    global _failure
    try:
        for module in _MODULES:
            importlib.import_module(module)
        import torch

        torch.set_num_threads(threads.available())
    except BaseException as error:  # whatever it is, those who wait are told
        log.exception("The engine could not be imported")
        _failure = f"torch or transformers cannot be imported ({type(error).__name__}); reinstall the requirements."
    finally:
        _ready.set()

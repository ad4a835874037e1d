"""Autosave: what a visitor has done is written shortly after each change, in a thread of its own, whole or not."""

from __future__ import annotations

import atexit
import copy
import hashlib
import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headviz.errors import ExportError, HeadvizError
from headviz.ui import session_file
from headviz.ui.state import Session
from headviz.ui.state_folder import Place, new_slot

DELAY = 0.3  # seconds from a change to its writing; changes in between are written as one
_SHORTER = (50, 10)  # entries of the history that are kept, where all would be too large
_TOO_LARGE = (
    "It is too large, even with a short history; what was kept before stands. Delete masks that were put aside under a "
    "name."
)

log = logging.getLogger("headviz.ui")


@dataclass(eq=False)
class Keeping:
    """Where one visit is kept: under ``slot`` of ``place``. ``replaces``: the slot that it goes on from, which goes
    once this one is written, unless another tab has changed it since. ``trouble``: why it could not be written."""

    place: Place
    slot: str = field(default_factory=new_slot)
    replaces: str | None = None
    trouble: str | None = None
    _read: bytes | None = None  # what ``replaces`` held
    _written: str | None = None  # the digest of what was written last
    _too_large: str | None = None  # the digest of what had no room even with a short history
    _model: str | None = None  # the fingerprint of the model that it is of
    _masks: session_file.Table = field(default_factory=session_file.Table)

    def go_on_from(self, slot: str, content: bytes, kept: session_file.Kept) -> None:
        """Take up what is kept under another slot; that one stays until something is changed."""
        self.replaces, self._read = slot, content
        self._model = kept.model.fingerprint if kept.model is not None else None
        self._written = _digest(json.loads(content))

    def write(self, session: Session) -> None:
        """Write a snapshot, if anything has changed. A visit that goes over to another model leaves what it did on the
        one before under its own slot. Raises ExportError."""
        if session.belongs is None and session.data is None:
            return
        model = None if session.belongs is None else session.belongs.fingerprint
        if model != self._model and self._model is not None:
            self.slot, self.replaces, self._masks = new_slot(), None, session_file.Table()
        self._model = model
        record = _record_of(session, self._masks)
        digest = _digest(record)
        if digest == self._written:
            return
        content = None if digest == self._too_large else _fitting(record, session)
        if content is None:
            self._too_large = digest
            raise ExportError(_TOO_LARGE)
        self.place.write(self.slot, content)
        self._written = digest
        if self.replaces is not None and self.place.read(self.replaces) == self._read:
            self.place.remove(self.replaces)
        self.replaces = self._read = None


class Autosave:
    """The thread that writes, for all visits of the process."""

    def __init__(self, delay: float = DELAY) -> None:
        self._delay, self._waiting = delay, dict[Keeping, Session]()
        self._changed, self._writing = threading.Condition(), threading.Lock()
        self._thread: threading.Thread | None = None
        atexit.register(self.flush)

    def note(self, keeping: Keeping, session: Session) -> None:
        """What ``session`` is by now is to be kept, soon; this takes microseconds."""
        snapshot = session_file.snapshot_of(session)
        with self._changed:
            self._waiting[keeping] = snapshot
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._serve, name="headviz-autosave", daemon=True)
                self._thread.start()
            self._changed.notify()

    def flush(self) -> None:
        """Write at once what waits."""
        with self._writing:
            with self._changed:
                waiting, self._waiting = self._waiting, {}
            for keeping, session in waiting.items():
                try:
                    keeping.write(session)
                    keeping.trouble = None
                except HeadvizError as error:
                    keeping.trouble = str(error)
                except Exception:
                    log.exception("A visit could not be kept")
                    keeping.trouble = "The log says why."

    def _serve(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
            time.sleep(self._delay)
            self.flush()


def _here(session: Session) -> dict[str, Any]:
    """Where model and data were opened from, and the address that stands."""
    before = session.reopen or {}
    model, data = before.get("model"), before.get("data")
    if session.model is not None:
        model = {"source": session.model.source, "revision": session.model.subject.revision}
    if session.data is not None:
        data = None if session.data.recipe is None else dict(session.data.recipe)
    return {"address": dict(session.written), "model": model, "data": data}


def _record_of(session: Session, masks: session_file.Table) -> dict[str, Any]:
    return session_file.record_of(session, masks) | {"here": _here(session)}


def _fitting(record: Mapping[str, Any], session: Session) -> bytes | None:
    """The file of ``record``, which is that of ``session``, with a shorter history where it would be too large; None
    where even that has no room."""
    for most in (None, *_SHORTER):
        shorter = record if most is None else _record_of(_shortened(session, most), session_file.Table())
        content = session_file.encoded(shorter)
        if len(content) <= session_file.MAX_BYTES and len(shorter["masks"]) <= session_file.MOST_MASKS:
            return content
    return None


def _shortened(session: Session, most: int) -> Session:
    """``session`` with the last ``most`` entries of its history; the masks of the others are in no record then."""
    shorter = copy.copy(session)
    shorter.past, shorter.future, shorter.steps = session.past[-most:], session.future[-most:], session.steps[-most:]
    shorter.visited = dict(list(session.visited.items())[-most:])
    return shorter


def _digest(record: Mapping[str, Any]) -> str:
    """What changes with anything that is worth writing."""
    told = {name: value for name, value in record.items() if name in ("model", "data", "masks", "session", "here")}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

"""The folder in which visits to one's own machine outlive a closed tab and a restart, and what stands in for it.

Each browser has a place of its own, named after a hash of its id, so neither listing the folder nor forging an id leads
to another's: the folder visits/HASH holds the states of its visits, uploads and runs of recovery. Visitors from
elsewhere write nothing here; what they did stays in memory for a while.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headviz.errors import DataError, ExportError
from headviz.files import write_whole

STATE = "HEADVIZ_STATE"  # the folder, or "off"
MOST_BROWSERS = 20
MOST_STATES = 8  # of a browser, the latest
MOST_RUNS = 20
MOST_RUN_BYTES = 20 * 10**9
MOST_UPLOAD_BYTES = 500 * 10**6
DAYS = 90  # without a visit, after which a browser's place goes
MEMORY_BYTES, MEMORY_SECONDS = 100 * 10**6, 3600.0  # of visitors from elsewhere
_ID = re.compile(r"[A-Za-z0-9_-]{32,64}")
_SLOT = re.compile(r"[0-9a-f]{16}")
_UPLOAD = re.compile(r"[0-9a-f]{64}")


def state_folder() -> Path | None:
    """The folder, whether it is there or not; None where its owner keeps nothing, or has no home."""
    try:
        return _state_folder(os.environ.get(STATE))
    except RuntimeError:
        return None


def _state_folder(given: str | None) -> Path | None:
    if given is not None:
        return None if given.strip().lower() in ("", "off") else Path(given).expanduser().absolute()
    if shared := os.environ.get("XDG_STATE_HOME"):
        return Path(shared) / "headviz"
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "headviz"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "headviz"
    return home / ".local" / "state" / "headviz"


def new_id() -> str:
    """An id for a browser to keep, which nobody can guess."""
    return secrets.token_urlsafe(32)


def is_id(given: object) -> bool:
    return isinstance(given, str) and _ID.fullmatch(given) is not None


def new_slot() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True)
class State:
    """A state of a visit that is kept. ``when``: it was last written, in seconds since 1970."""

    slot: str
    when: float


class Place(Protocol):
    """Where the visits of one browser are kept. What cannot be written raises ExportError."""

    @property
    def folder(self) -> Path | None:
        """The folder of this browser; None where nothing is written."""

    def states(self) -> list[State]:
        """What is kept, the latest first."""

    def read(self, slot: str) -> bytes | None:
        """What is kept under ``slot``, None where nothing is."""

    def write(self, slot: str, content: bytes) -> None:
        """Keep ``content`` under ``slot``, whole or not at all."""

    def remove(self, slot: str) -> None: ...


class OnDisk:
    """The place of one browser under ``root``."""

    def __init__(self, root: Path, browser: str) -> None:
        self._root = root
        self._folder = root / "visits" / _hashed(browser)

    @property
    def folder(self) -> Path:
        return self._folder

    def states(self) -> list[State]:
        found = []
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if path.suffix == ".json" and _SLOT.fullmatch(path.stem):
                    with contextlib.suppress(OSError):
                        found.append(State(path.stem, path.stat().st_mtime))
        return sorted(found, key=lambda state: state.when, reverse=True)

    def read(self, slot: str) -> bytes | None:
        try:
            return self._of(slot).read_bytes()
        except OSError:
            return None

    def write(self, slot: str, content: bytes) -> None:
        self.make()
        write_whole(self._of(slot), lambda file: (file.write(content), None)[1])
        for old in self.states()[MOST_STATES:]:
            self.remove(old.slot)

    def remove(self, slot: str) -> None:
        with contextlib.suppress(OSError):
            self._of(slot).unlink(missing_ok=True)

    def make(self) -> Path:
        """The folder, made where it is missing; nobody else on the machine may look into it."""
        try:
            for folder in (self._root, self._root / "visits", self._folder):
                if not folder.is_dir():
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    folder.chmod(0o700)
        except OSError as error:
            raise ExportError(
                f"{str(self._root)!r} cannot be made: {error.strerror or error}. Name another folder in the "
                f"environment variable {STATE}, and start headviz again."
            ) from error
        return self._folder

    # -- uploads -------------------------------------------------------------------------------------------------------

    def keep_upload(self, content: bytes) -> str:
        """Keep an uploaded file and give the name under which it is found again."""
        name = hashlib.sha256(content).hexdigest()
        path = self.make() / "uploads" / name
        if not path.is_file():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_whole(path, lambda file: (file.write(content), None)[1])
        os.utime(path)
        room = MOST_UPLOAD_BYTES
        for old in _by_age(path.parent):
            room -= old.stat().st_size
            if room < 0 and old != path:
                old.unlink(missing_ok=True)
        return name

    def upload(self, name: str) -> bytes:
        """An upload that was kept. Raises DataError where it is gone."""
        try:
            if not _UPLOAD.fullmatch(name):
                raise FileNotFoundError
            content = (self._folder / "uploads" / name).read_bytes()
        except OSError:
            raise DataError("The file that was uploaded is not kept any more. Upload it again on Home.") from None
        if hashlib.sha256(content).hexdigest() != name:
            raise DataError("The file that was uploaded is kept, but damaged. Upload it again on Home.")
        return content

    # -- runs ----------------------------------------------------------------------------------------------------------

    def run_folders(self) -> list[Path]:
        """The folders of this browser's runs of recovery, the newest first."""
        return _runs_in(self._folder)

    def is_at_work(self, run: Path) -> bool:
        """Whether a process trains in the folder of a run."""
        return _is_at_work(run)

    def new_run(self) -> Path:
        """A new folder for a run; the oldest go where there are too many, or too large ones. Raises ExportError."""
        runs = self.make() / "runs"
        path = runs / new_slot()
        try:
            path.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise ExportError(f"{str(path)!r} cannot be made: {error.strerror or error}.") from error
        room = MOST_RUN_BYTES
        for place, old in enumerate(_runs_in(self._folder)):
            room -= sum(file.stat().st_size for file in old.rglob("*") if file.is_file())
            if (room < 0 or place >= MOST_RUNS) and old != path and not _is_at_work(old):
                shutil.rmtree(old, ignore_errors=True)
        return path

    def _of(self, slot: str) -> Path:
        if not _SLOT.fullmatch(slot):
            raise ValueError(f"{slot!r} is no slot")
        return self._folder / f"{slot}.json"


class InMemory:
    """The place of one browser whose visitor is not at this machine: nothing is written, and all of them share a
    bounded memory."""

    folder = None

    def __init__(self, memory: Memory, browser: str) -> None:
        self._memory, self._browser = memory, _hashed(browser)

    def states(self) -> list[State]:
        found = [State(slot, when) for slot, when in self._memory.slots(self._browser)]
        return sorted(found, key=lambda state: state.when, reverse=True)

    def read(self, slot: str) -> bytes | None:
        return self._memory.get(self._browser, slot)

    def write(self, slot: str, content: bytes) -> None:
        self._memory.put(self._browser, slot, content)
        for old in self.states()[MOST_STATES:]:
            self.remove(old.slot)

    def remove(self, slot: str) -> None:
        self._memory.drop(self._browser, slot)


class Memory:
    """States of visits in memory, of all browsers: so many bytes, and each for so long; the oldest go first."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._states: OrderedDict[tuple[str, str], tuple[float, bytes]] = OrderedDict()

    def put(self, browser: str, slot: str, content: bytes) -> None:
        with self._lock:
            self._states.pop((browser, slot), None)
            self._states[browser, slot] = (self._clock(), content)
            self._forget()

    def get(self, browser: str, slot: str) -> bytes | None:
        with self._lock:
            self._forget()
            return self._states.get((browser, slot), (0.0, None))[1]

    def drop(self, browser: str, slot: str) -> None:
        with self._lock:
            self._states.pop((browser, slot), None)

    def slots(self, browser: str) -> Iterator[tuple[str, float]]:
        with self._lock:
            self._forget()
            found = [(slot, when) for (owner, slot), (when, _) in self._states.items() if owner == browser]
        yield from found

    def _forget(self) -> None:
        size, oldest = sum(len(content) for _, content in self._states.values()), self._clock() - MEMORY_SECONDS
        for key, (when, content) in list(self._states.items()):
            if when >= oldest and size <= MEMORY_BYTES:
                return
            size -= len(content)
            del self._states[key]


def sweep(root: Path, *, now: float | None = None) -> None:
    """Remove the places of browsers that have not been here for long, and of the oldest where there are too many."""
    oldest = (time.time() if now is None else now) - DAYS * 86400
    for number, folder in enumerate(_by_age(root / "visits")):
        with contextlib.suppress(OSError):
            if (number >= MOST_BROWSERS or _latest(folder) < oldest) and not any(map(_is_at_work, _runs_in(folder))):
                shutil.rmtree(folder, ignore_errors=True)


def _runs_in(folder: Path) -> list[Path]:
    return _by_age(folder / "runs")


def _is_at_work(run: Path) -> bool:
    from filelock import FileLock, Timeout

    lock = run / "run" / ".lock"
    if not lock.is_file():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except (Timeout, OSError):
        return True


def _by_age(folder: Path) -> list[Path]:
    """What lies in ``folder``, the newest first; nothing where there is none."""
    try:
        return sorted(folder.iterdir(), key=_latest, reverse=True)
    except OSError:
        return []


def _latest(path: Path) -> float:
    """When ``path``, or anything right in it, was last changed."""
    times = [0.0]
    with contextlib.suppress(OSError):
        times.append(path.stat().st_mtime)
        if path.is_dir():
            times += [inner.stat().st_mtime for inner in path.iterdir()]
    return max(times)


def _hashed(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()[:32]

"""Runs of recovery that outlive a tab and the server: those of one's own machine, in the browser's place on the disk.

Each lies in a folder of its own: the run itself, and beside it ``asked.json``, which says what it is of. Its model and
data have to be open before it can go on or be opened; until then it is listed by what it says.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headviz.errors import HeadvizError, RunError
from headviz.files import write_text
from headviz.ui.jobs import Jobs
from headviz.ui.named_model import NamedModel
from headviz.ui.results import Results
from headviz.ui.state_folder import OnDisk

if TYPE_CHECKING:
    from headviz.ui.recoveries import RecoveryRun

ENDED = "ended"
_ASKED, _FORMAT, _VERSION = "asked.json", "headviz.kept-run", 1


@dataclass(frozen=True)
class Waiting:
    """A run on the disk whose model or data is not open, in words for people, and what opens them."""

    folder: Path
    method: str
    model: str
    at: str
    places: Mapping[str, Any]


@dataclass(eq=False)
class KeptRuns:
    """The runs of one browser, in all its tabs. ``jobs``: the work on them, which goes on without a tab."""

    place: OnDisk
    jobs: Jobs
    runs: dict[tuple[Any, ...], RecoveryRun] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)

    def new_folder(self, run: RecoveryRun, results: Results) -> Path:
        """A folder for ``run``, with what it is of. Raises ExportError where there can be none."""
        session = results.session
        assert session.model is not None and session.data is not None
        folder = self.place.new_run()
        self.drop_gone()
        record = {
            "format": _FORMAT,
            "version": _VERSION,
            "method": run.method,
            "seed": run.seed,
            "settings": dict(run.settings),
            "mask": run.mask.record(),
            "model": asdict(NamedModel.of(session.model)),
            "texts": session.recovering.texts,
            "measure_on": session.measure_on,
            "data": [run.train.fingerprint, run.validation.fingerprint, run.report.fingerprint],
            "places": {
                "model": {"source": session.model.source, "revision": session.model.subject.revision},
                "data": session.data.recipe,
            },
        }
        write_text(folder / _ASKED, json.dumps(record, ensure_ascii=False))
        return folder

    def find(self, results: Results) -> None:
        """Look on the disk: runs of the model and data in hand join the others, and the rest are `waiting`."""
        self.drop_gone()
        known = {run.place for run in list(self.runs.values())}
        self.waiting = []
        for folder in reversed(self.place.run_folders()):  # the newest in the end, as one that is started
            if folder in known:
                continue
            try:
                record = _record(folder)
                run = _run_of(record, folder, results)
                if run is None:
                    self.waiting.append(_waiting(record, folder))
                else:
                    self.runs.setdefault(run.key, run)
            except (HeadvizError, KeyError, TypeError, ValueError, AttributeError):
                self.waiting.append(Waiting(folder, "a method unknown here", "a model unknown here", "", {}))

    def drop_gone(self) -> None:
        """Leave out the runs whose folder went: to make room, or by another process."""
        for key, run in list(self.runs.items()):
            job = self.jobs.get(("recover", *key))
            if run.place is None or run.place.is_dir() or (job is not None and job.active):
                continue
            self.runs.pop(key, None)
            self.jobs.forget(("recover", *key))

    def delete(self, folder: Path) -> None:
        """Remove a run. Raises RunError while a process is at work on it, this one or another."""
        if self.place.is_at_work(folder):
            raise RunError("This run is being trained by another headviz; stop it there first.")
        shutil.rmtree(folder, ignore_errors=True)


class RunsInUse:
    """The kept runs of all browsers whose visits are here, by their folders. A run holds a whole model in memory, so
    those of a browser go out of it with its last visit, once no work on them is under way; on the disk they stay."""

    def __init__(self, new_jobs: Callable[[], Jobs]) -> None:
        self._new_jobs, self._lock = new_jobs, threading.Lock()
        self._kept: dict[Path, KeptRuns] = {}
        self._visits: dict[Path, set[str]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, place: OnDisk, visit: str) -> KeptRuns:
        """The runs of ``place``, which ``visit`` uses from now on."""
        with self._lock:
            self._drop()
            self._visits.setdefault(place.folder, set()).add(visit)
            if place.folder not in self._kept:
                self._kept[place.folder] = KeptRuns(place, self._new_jobs())
            return self._kept[place.folder]

    def leave(self, visit: str) -> None:
        """This visit has ended."""
        with self._lock:
            for visits in self._visits.values():
                visits.discard(visit)
            self._drop()

    def _drop(self) -> None:
        for folder, visits in list(self._visits.items()):
            if not visits and self._kept[folder].jobs.wait(0.0):
                del self._visits[folder], self._kept[folder]


def how_far(folder: Path) -> str:
    """How far the run in ``folder`` came, in words."""
    from headviz.recovery import History
    from headviz.recovery.run import Run

    try:
        if Run.open(folder).is_done:
            return ENDED
        history = History.open(folder)
    except RunError:
        return "broken off before the first step"
    return f"broken off at step {history.step:,} of {history.total:,}"


def _record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / _ASKED).read_text("utf-8"))
    except (OSError, RecursionError) as error:
        raise RunError(f"{folder.name} holds no run that was kept.") from error
    if not isinstance(record, dict) or record.get("format") != _FORMAT or record.get("version") != _VERSION:
        raise RunError(f"{folder.name} holds no run that this version of headviz reads.")
    return record


def _run_of(record: Mapping[str, Any], folder: Path, results: Results) -> RecoveryRun | None:
    """The run of a record, of the model and data in hand; None where it is of others."""
    from headviz.mask import Mask
    from headviz.recovery import methods
    from headviz.ui.recoveries import Recoveries, RecoveryRun

    session = results.session
    if session.subject is None or session.data is None:
        return None
    if record["model"]["fingerprint"] != session.subject.fingerprint:
        return None
    then = copy(session)
    then.recovering = session.recovering.with_(texts=record["texts"])
    then.measure_on = record["measure_on"]
    train, validation = Recoveries(Results(then, results.shelf, results.jobs)).texts()
    report = session.data.report
    if [train.fingerprint, validation.fingerprint, report.fingerprint] != record["data"]:
        return None
    mask = Mask.read(json.dumps(record["mask"]).encode(), "mask.json", session.subject)
    settings = methods[record["method"]].settings(record["settings"])
    return RecoveryRun(
        session.subject, mask, train, validation, report, record["method"], settings, record["seed"], place=folder
    )


def _waiting(record: Mapping[str, Any], folder: Path) -> Waiting:
    from headviz.recovery import methods

    title, places = methods[record["method"]].title, record["places"]
    return Waiting(folder, title, str(record["model"]["name"]), how_far(folder / "run"), places)

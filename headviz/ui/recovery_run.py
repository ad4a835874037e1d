"""A run of recovery as the app knows it: what was asked, where it lies, and what came of it.

It keeps all that it rests on, so it stays what it was when the visitor opens another model or cuts other heads.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from headviz.errors import RunError
from headviz.ui.results import Results

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.evaluation import Evaluation
    from headviz.mask import Mask
    from headviz.recovery import Cost, History, Recovery
    from headviz.recovery.loss_slice import LossSlice
    from headviz.subject import Subject

Part = Literal["selection", "report"]


@dataclass(frozen=True)
class Levels:
    """Quality on one part of the data: of the whole model, with the mask, and recovered (None until then)."""

    whole: Evaluation
    masked: Evaluation
    recovered: Evaluation | None = None


@dataclass(eq=False)
class RecoveryRun:
    """One recovery: what was asked, and what came of it. Fields from ``holder`` on are written by its worker and read
    by pages; each write is a single assignment. ``parent``: the run that a control copies. ``place``: its folder that
    outlives the visit, on the visitor's own machine."""

    subject: Subject
    mask: Mask
    train: Data
    validation: Data
    report: Data
    method: str
    settings: Mapping[str, Any]
    seed: int
    parent: RecoveryRun | None = None
    place: Path | None = None
    holder: tempfile.TemporaryDirectory[str] | None = None
    recovery: Recovery | None = None
    levels: Mapping[Part, Levels] = field(default_factory=dict)
    slices: Mapping[tuple[Any, ...], LossSlice] = field(default_factory=dict)

    @property
    def key(self) -> tuple[Any, ...]:
        return (*self.problem, self.method, repr(sorted(self.settings.items(), key=lambda pair: pair[0])))

    @property
    def problem(self) -> tuple[Any, ...]:
        """What runs must share to be compared: model, mask, both splits, seed."""
        data = (self.train.fingerprint, len(self.train), self.validation.fingerprint, len(self.validation))
        return (self.subject.fingerprint, self.mask.code, *data, self.seed)

    @property
    def folder(self) -> Path:
        """Where the run lies, once it was started."""
        assert self.place is not None or self.holder is not None
        return (self.place or Path(self.holder.name if self.holder is not None else "")) / "run"

    def take_folder(self, results: Results) -> None:
        """Choose where the run lies: the one place that says so."""
        if self.place is not None:
            return
        if (kept := results.session.kept_runs) is not None:
            self.place = kept.new_folder(self, results)
        elif self.holder is None:
            self.holder = tempfile.TemporaryDirectory(prefix="headviz-", ignore_cleanup_errors=True)

    def let_go(self) -> None:
        """Remove the folder that goes with the visit: nobody can come back to the run."""
        holder, self.holder = self.holder, None
        if holder is not None:
            holder.cleanup()

    @property
    def title(self) -> str:
        from headviz.recovery import methods

        return methods[self.method].title

    def history(self) -> History | None:
        """What is measured so far, None before the first log."""
        from headviz.recovery import History

        try:
            return self.recovery.history if self.recovery is not None else History.open(self.folder)
        except RunError:
            return None

    def cost(self) -> Cost | None:
        """What it cost; of a run under way, up to its last checkpoint, None before that."""
        from headviz.recovery.checkpoints import read_state, steps_of
        from headviz.recovery.cost import Cost

        if self.recovery is not None:
            return self.recovery.cost
        for _, checkpoint in steps_of(self.folder):
            try:
                meters = read_state(checkpoint)["meters"]
                steps = meters["step_seconds"]
                return Cost.of_record(
                    {
                        "seconds": meters["seconds"],
                        "step_seconds": median(steps) if steps else math.nan,
                        "segments": meters["segments"],
                        "tokens": 0,
                        "optimizer_bytes": meters.get("optimizer_bytes", 0),
                    }
                )
            except (OSError, ValueError, KeyError, TypeError):  # half written, or removed this moment
                continue
        return None

"""Watching a run as it trains: how far it is, its history on disk, and the end when it is asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from headviz.errors import Cancelled, ExportError
from headviz.progress import CancelSignal, Progress
from headviz.recovery.adapters import Unit
from headviz.recovery.freezer import Freezer
from headviz.recovery.history import History

if TYPE_CHECKING:
    from transformers import Trainer

    from headviz.recovery.training import Work


class Watch(TrainerCallback):
    """Progress, the history file, and the end when it is asked for."""

    def __init__(
        self,
        trainer: Trainer,
        work: Work,
        units: Sequence[Unit],
        freezer: Freezer | None,
        progress: Progress,
        cancel: CancelSignal | None,
    ) -> None:
        self.trainer, self.work, self.freezer, self.progress, self.cancel = trainer, work, freezer, progress, cancel
        self.layers = tuple(unit.layer for unit in units)
        self.stopped = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress.step(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress.step()
        if self.cancel is not None and self.cancel.is_set() and state.global_step < state.max_steps:
            self.stopped = True
            control.should_save = control.should_training_stop = True

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled()

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        with contextlib.suppress(ExportError):  # a full disk, which checkpoints tell of; training goes on
            self.history().save(self.work.folder)

    on_save = on_log

    def history(self) -> History:
        state = self.trainer.state
        return History.from_log(
            state.log_history,
            total=self.work.total,
            metric=self.work.metric,
            layers=self.layers,
            step=state.global_step,
            checks=[] if self.freezer is None else list(self.freezer.checks),
            best=state.best_global_step or None,
            notes=list(self.work.notes),
        )

"""Training under transformers' Trainer: what headviz adds to it, and takes from it."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments, set_seed
from transformers.trainer import TRAINER_STATE_NAME, TRAINING_ARGS_NAME
from transformers.trainer_callback import PrinterCallback, TrainerState

from headviz.checkpoint.quiet import quiet_transformers
from headviz.errors import Cancelled, RunError
from headviz.files import write_text
from headviz.progress import CancelSignal, Progress
from headviz.recovery.adapters import ADAPTED, Unit, units_of, with_adapters
from headviz.recovery.batching import Collate, LikeLengths, Texts
from headviz.recovery.checkpoints import CHECKPOINTS, read_outputs, read_state, write_outputs, write_state
from headviz.recovery.cost import Cost
from headviz.recovery.freezer import Freezer
from headviz.recovery.history import Check, History
from headviz.recovery.kernels import bearable
from headviz.recovery.measuring import Meters, StopClock
from headviz.recovery.meters import Clock
from headviz.recovery.methods import Freezing, Method
from headviz.recovery.precision import without_autocast
from headviz.recovery.probe import Probe
from headviz.recovery.settings import steps_of_an_epoch, total_steps
from headviz.recovery.silenced import Silenced, held_silent
from headviz.recovery.turns import own_random_state, turn
from headviz.recovery.watch import Watch
from headviz.tasks import Task

_LOGS = 100  # losses in a history, about
_FAILED_SAVES = 2  # in a row after which a run stops


@dataclass
class Work:
    """One run: what is trained, on what, and how. ``model`` is a copy, without adapters yet; ``freezing`` is what the
    method freezes, None for nothing; ``silenced`` what must stay 0."""

    model: nn.Module
    train: Texts
    validation: Texts
    processor: Any
    task: Task
    classes: int
    method: Method
    freezing: Freezing | None
    settings: Mapping[str, Any]
    seed: int
    folder: Path
    notes: list[str] = field(default_factory=list)
    silenced: Silenced = field(default_factory=dict)

    @property
    def steps_of_an_epoch(self) -> int:
        return steps_of_an_epoch(len(self.train), self.settings)

    @property
    def total(self) -> int:
        """Optimizer steps of the whole run."""
        return total_steps(len(self.train), self.settings)

    @property
    def metric(self) -> str:
        return next(iter(self.task.metrics))


@dataclass(frozen=True)
class Trained:
    """``model`` with the weights of its best step, adapters included where the method has them."""

    model: nn.Module
    history: History
    cost: Cost


def train(work: Work, checkpoint: Path | None, progress: Progress, cancel: CancelSignal | None) -> Trained:
    """Train ``work.model`` in place, from ``checkpoint`` or from the start, and leave it with its best weights.

    The history is in ``work.folder`` at every log. Once ``cancel`` is set the step under way ends, or a look at the
    validation split is broken off; a checkpoint of that step is written, and Cancelled is raised. Raises RunError where
    the loss is not finite, and where two checkpoints in a row could not be written and no look at the validation split
    was before.
    """
    state = {} if checkpoint is None else read_state(checkpoint)
    with turn(progress, cancel), quiet_transformers(), own_random_state(), contextlib.ExitStack() as hooks:
        set_seed(work.seed)  # of the adapters' first weights
        hooks.enter_context(bearable(work.model))
        units = units_of(work.model, work.settings["mlp"]) if work.method.adapters else ()
        model: Any = with_adapters(work.model, work.settings) if work.method.adapters else work.model
        adapted = f"{ADAPTED}." if work.method.adapters else ""
        hooks.enter_context(held_silent(model, {f"{adapted}{name}": at for name, at in work.silenced.items()}))
        clock = Clock(state.get("meters", {}).get("seconds"))
        freezer = _freezer(work, model, units, clock, state, checkpoint)
        trainer = _Trainer(work, model, clock, resuming=checkpoint is not None)
        meters = Meters(model, trainer.middle_batch(), clock, state.get("meters"))
        watch = Watch(trainer, work, units, freezer, progress, cancel)
        callbacks = [StopClock(meters.stop_clock), freezer, meters, watch]
        if work.settings["patience"] is not None:
            callbacks.append(EarlyStoppingCallback(work.settings["patience"]))
        for callback in callbacks:
            if callback is not None:
                trainer.add_callback(callback)
        work.notes += [one for one in state.get("notes", []) if one not in work.notes]
        trainer.keep = lambda folder: _write(folder, work, freezer, meters)
        if checkpoint is None or not trainer.is_over_at(checkpoint):
            trainer.train_on(checkpoint)
        if watch.stopped:
            raise Cancelled()
        trainer.take_best()
        without_autocast(model)
        return Trained(model, watch.history(), meters.cost())


def _freezer(
    work: Work, model: nn.Module, units: Sequence[Unit], clock: Clock, state: Mapping[str, Any], checkpoint: Path | None
) -> Freezer | None:
    """What freezes in this run, with what is frozen already; None for a method that freezes nothing."""
    freezing, probe = work.freezing, None
    if freezing is None:
        return None
    if freezing.scores:
        config: Any = work.model.config
        at = {"block": "block", "adapter": "output"}[work.settings["site"]]
        probe = Probe(
            work.train,
            work.processor,
            [f"{ADAPTED}.{getattr(unit, at)}" for unit in units],
            texts=work.settings["probe"],
            width=config.hidden_size,
            seed=work.seed,
            device=next(model.parameters()).device,
        )
        work.notes += probe.notes
    checks = [Check.of_record(one) for one in state.get("checks", [])]
    previous = freezing.scores and work.settings["reference"] == "previous"
    freezer = Freezer(model, units, freezing, probe, clock, previous=previous, checks=checks)
    if previous and checks and checkpoint is not None:
        freezer.reference = read_outputs(checkpoint)
    return freezer


def _write(folder: Path, work: Work, freezer: Freezer | None, meters: Meters) -> None:
    """headviz's own part of a checkpoint."""
    checks = [] if freezer is None else [asdict(check) for check in freezer.checks]
    outputs = freezer is not None and freezer.previous
    if freezer is not None and outputs:
        write_outputs(folder, freezer.reference)
    write_state(folder, {"meters": meters.state(), "checks": checks, "notes": work.notes, "outputs": outputs})


class _Trainer(Trainer):
    """transformers' Trainer with texts of like length in a batch, the best weights in memory, and a folder of
    checkpoints that survives a full disk."""

    def __init__(self, work: Work, model: nn.Module, clock: Clock, resuming: bool) -> None:
        chosen = work.settings
        every = max(1, work.steps_of_an_epoch // chosen["evaluations"])
        device = next(model.parameters()).device
        arguments = TrainingArguments(
            output_dir=str(work.folder / CHECKPOINTS),
            seed=work.seed,
            data_seed=work.seed,
            use_cpu=device.type == "cpu",
            bf16=device.type == "cuda" and torch.cuda.is_bf16_supported(),
            per_device_train_batch_size=chosen["batch_size"],
            per_device_eval_batch_size=64,
            num_train_epochs=chosen["epochs"],
            learning_rate=chosen["lr"],
            weight_decay=chosen["weight_decay"],
            warmup_steps=math.ceil(chosen["lr_warmup"] * work.total),
            max_grad_norm=chosen["clip"],
            eval_strategy="steps",
            eval_steps=every,
            eval_on_start=not resuming,
            save_strategy="steps",
            save_steps=every,
            save_total_limit=2,
            metric_for_best_model=work.metric,
            greater_is_better=True,
            logging_steps=max(1, work.total // _LOGS),
            logging_nan_inf_filter=False,  # it would report 0.0 for a loss that is not a number
            restore_callback_states_from_checkpoint=True,
            remove_unused_columns=False,
            label_names=["labels"],
            disable_tqdm=True,
            report_to=[],
        )
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=work.train,
            eval_dataset=work.validation,
            data_collator=Collate(work.processor),
            compute_metrics=lambda predicted: _figures(work, predicted),
            preprocess_logits_for_metrics=_logits_alone,
        )
        self.remove_callback(PrinterCallback)
        self.work, self.clock = work, clock
        self.trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
        self.keep: Callable[[Path], None] = lambda folder: None  # writes headviz's own part of a checkpoint
        self.best: dict[str, Tensor] | None = None  # the trained weights of the best step, where it was in this process
        self.failed_saves = 0

    def _get_train_sampler(self, train_dataset: Any = None) -> LikeLengths:
        return LikeLengths(self.work.train.lengths, self.work.settings["batch_size"], self.work.seed)

    @property
    def is_over(self) -> bool:
        """Whether no step is left to make: all are made, or the last looks at the validation split were no better."""
        lost = any(one.early_stopping_patience_counter >= one.early_stopping_patience for one in self._patience())
        return lost or self.state.global_step >= self.state.max_steps

    def train_on(self, checkpoint: Path | None) -> None:
        """Train from ``checkpoint`` on, or from the start; Cancelled leaves a checkpoint of the last step behind."""
        try:
            self.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        except Cancelled:
            if self.state.global_step:
                self._save_checkpoint(self.model, None)
                self.callback_handler.on_save(self.args, self.state, self.control)
            raise

    def is_over_at(self, checkpoint: Path) -> bool:
        """Whether nothing is left to do after ``checkpoint`` (Trainer itself would make another step); if so, the state
        is as it was there. A look at the validation split that a stop broke off is made up for, and put into it."""
        self.state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        self._load_callback_state()
        if self._look_is_due():
            self._load_from_checkpoint(str(checkpoint))
            self._determine_best_metric(self.evaluate(), None)
            without_autocast(self.model)  # training puts it on once more
            for callback in self._patience():
                self.state.stateful_callbacks[type(callback).__name__] = callback.state()
            write_text(checkpoint / TRAINER_STATE_NAME, json.dumps(asdict(self.state), indent=2, sort_keys=True))
        return self.is_over

    def _look_is_due(self) -> bool:
        state = self.state
        if state.global_step % state.eval_steps and state.global_step < state.max_steps:
            return False
        return not any(one["step"] == state.global_step and "eval_loss" in one for one in state.log_history)

    def _patience(self) -> list[EarlyStoppingCallback]:
        return [one for one in self.callback_handler.callbacks if isinstance(one, EarlyStoppingCallback)]

    def training_step(self, *arguments: Any, **named: Any) -> Tensor:
        loss = super().training_step(*arguments, **named)
        _require_finite("loss", float(loss), self.state.global_step + 1)
        return loss

    def _get_grad_norm(self, *arguments: Any, **named: Any) -> Any:
        norm = super()._get_grad_norm(*arguments, **named)  # before the step, so that no weight is spoilt
        _require_finite("gradient", float(norm), self.state.global_step + 1)
        return norm

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        _require_finite("loss on the validation split", metrics["eval_loss"], self.state.global_step)
        better = super()._determine_best_metric(metrics, trial)
        if better:
            self.best = {
                name: weight.detach().to("cpu", copy=True)
                for name, weight in self.model.named_parameters()
                if name in self.trained
            }
        return better

    def evaluate(self, *arguments: Any, **named: Any) -> dict[str, float]:
        with self.clock("evaluation"):
            return super().evaluate(*arguments, **named)

    def middle_batch(self) -> dict[str, Tensor]:
        """The batch of the first epoch whose padded size is the median; on it a step is measured."""
        size, lengths = self.work.settings["batch_size"], self.work.train.lengths
        order = list(self._get_train_sampler())
        batches = [order[at : at + size] for at in range(0, len(order), size)]
        batches = [batch for batch in batches if len(batch) == size] or batches
        batches.sort(key=lambda batch: max(lengths[place] for place in batch))
        chosen = batches[len(batches) // 2]
        batch = Collate(self.work.processor)([self.work.train[place] for place in chosen])
        return {name: tensor.to(self.args.device) for name, tensor in batch.items()}

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        checkpoint = self.work.folder / CHECKPOINTS / f"checkpoint-{self.state.global_step}"
        try:
            with self.clock("saving"):
                super()._save_checkpoint(model, trial)
            self.failed_saves = 0
        except (OSError, SafetensorError, RuntimeError) as error:  # torch.save has no type of its own for a full disk
            shutil.rmtree(checkpoint, ignore_errors=True)
            reason = getattr(error, "strerror", None) or error  # without the file, whose path says nothing elsewhere
            self.failed_saves += 1
            self.work.notes.append(
                f"The checkpoint of step {self.state.global_step:,} could not be written ({reason}); the one before is "
                "still there."
            )
            if self.failed_saves == _FAILED_SAVES:
                if self.best is None:
                    raise RunError(
                        f"Checkpoints cannot be written to {str(self.work.folder)!r} ({reason}). Make room, then go on."
                    ) from error
                self.work.notes.append("Training ended there, with the best weights so far.")
                self.control.should_training_stop = True

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        (Path(output_dir) / TRAINING_ARGS_NAME).unlink(missing_ok=True)  # a pickle, which nothing reads
        self.keep(Path(output_dir))  # before Trainer's own state, whose file says that all is there

    @torch.no_grad()
    def take_best(self) -> None:
        """Give the model the weights of its best step."""
        if self.best is not None:
            for name, weight in self.model.named_parameters():
                if name in self.best:
                    weight.copy_(self.best[name])
        elif self.state.best_global_step:
            folder = self.work.folder / CHECKPOINTS / f"checkpoint-{self.state.best_global_step}"
            self.state.best_model_checkpoint = str(folder)
            self._load_best_model()


def _logits_alone(outputs: Any, labels: Tensor) -> Tensor:
    """The logits of a model that gives hidden states or attention maps, too."""
    logits: Tensor = outputs[0] if isinstance(outputs, tuple) else outputs
    return logits


def _figures(work: Work, predicted: Any) -> dict[str, float]:
    """The task's metrics with their intervals, on the validation split."""
    predictions = predicted.predictions.argmax(axis=1)
    figures: dict[str, float] = {}
    for name, metric in work.task.metrics.items():
        estimate = metric(predicted.label_ids, predictions, work.classes)
        figures |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return figures


def _require_finite(what: str, value: float, step: int) -> None:
    if not math.isfinite(value):
        raise RunError(
            f"The {what} is not a number at step {step:,}. Start another run with a lower learning rate (lr); "
            "what this one has written is kept."
        )

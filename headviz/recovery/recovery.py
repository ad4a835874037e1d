"""Recovery: fine-tune what was cut, so that it regains what it can."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from headviz.batches import Encoded
from headviz.errors import ExportError, RunError
from headviz.extras import require_packages
from headviz.mask import Mask
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.provenance import data_block, model_block
from headviz.pruned_folder import save_pruned
from headviz.recovery.adapters import is_shared, merged, trained_with_adapters, units_of, write_adapter
from headviz.recovery.batching import Texts
from headviz.recovery.checkpoints import CHECKPOINTS, latest_whole
from headviz.recovery.checks import labels_of, require_room, without_shared
from headviz.recovery.cost import Cost
from headviz.recovery.history import History
from headviz.recovery.methods import Freezing, Method, methods
from headviz.recovery.precision import cast, in_training_precision, is_half
from headviz.recovery.run import ADAPTER_FOLDER, MODEL_FOLDER, Run
from headviz.recovery.settings import total_steps
from headviz.recovery.silenced import silenced
from headviz.saving import save_masked
from headviz.subject import Subject, load
from headviz.tasks import tasks

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.recovery.training import Trained


UNCHANGED = (
    "No weight changed: no step was better than the start, or the steps were too small for the numbers of the weights. "
    "The model is the one that was given; train with a larger learning rate, or longer."
)


@dataclass(frozen=True, eq=False)
class Recovery:
    """A recovered model. ``subject`` is a Subject like any other, and lies in ``folder``/model; ``history`` is what was
    measured on the way, ``cost`` what it took; the adapters of a method that has them lie in ``folder``/adapter.

    ``saved``: False where the disk had no room for the model, which is then here alone, as a note in ``history`` says;
    ``changed``: False where the weights are those before, as another says.
    """

    subject: Subject
    cost: Cost
    history: History
    folder: Path
    saved: bool = True
    changed: bool = True


def recover(
    subject: Subject,
    train: Data,
    validation: Data,
    *,
    method: str = "full",
    folder: str | os.PathLike[str],
    seed: int = 0,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
    **settings: Any,
) -> Recovery:
    """Fine-tune ``subject`` (pruned, as a rule: `hv.prune`) on ``train``; the best weights on ``validation`` are kept.

    ``method``: one of `headviz.recovery.methods`; ``settings``: those that the method takes, in its words. ``folder``
    holds the run: one that was stopped or killed goes on when `recover` is called in the same way again, and ends with
    the same weights (on the CPU, to the bit); one that is finished is opened. The given subject is never changed.

    Raises RunError, DataError and LoadError with one or two sentences before anything is written; RunError where the
    loss is not finite; Cancelled, with a checkpoint behind it.
    """
    require_packages("Recovery", "recover", "accelerate", "peft", error=RunError)
    from headviz.recovery.training import Work
    from headviz.recovery.training import train as run_training

    way = methods[method]
    chosen = way.settings(settings)
    _require_seed(seed)
    _require_classifier(subject)
    labels_of(subject, train, "training")
    targets = labels_of(subject, validation, "validation")
    train, note = without_shared(train, validation)
    freezing = _freezing(subject, way, chosen, len(train), seed)
    place = Path(folder).expanduser()
    require_room(place, _room(subject, way, chosen))
    run = Run.enter(
        place,
        {
            "method": method,
            "seed": seed,
            "settings": chosen,
            "model": model_block(subject),
            "train": data_block(train),
            "validation": data_block(validation),
        },
    )
    if run.is_done:
        return open_recovery(place)
    work = Work(
        model=in_training_precision(subject.model),
        train=Texts(_encode(subject, train, chosen), labels_of(subject, train, "training")),
        validation=Texts(subject.encode(validation.inputs), targets),
        processor=subject.processor,
        task=tasks[subject.task],
        classes=len(subject.labels),
        method=way,
        freezing=freezing,
        settings=chosen,
        seed=seed,
        folder=place,
        silenced=silenced(subject),
        notes=[note for note in (note, _precision_note(subject)) if note is not None],
    )
    with run.alone(), Progress(work.total, "training", on_progress) as progress:
        if Run.open(place).is_done:  # since it was looked at
            return open_recovery(place)
        return _finished(subject, run_training(work, latest_whole(place), progress, cancel), way, run)


def _finished(subject: Subject, done: Trained, way: Method, run: Run) -> Recovery:
    """The recovered model, written to the folder of ``run``; where it cannot be, it is given back all the same, and the
    checkpoints stay."""
    unwritten: ExportError | None = None
    if way.adapters:
        try:
            write_adapter(done.model, run.folder / ADAPTER_FOLDER, run.portable)
        except ExportError as error:
            unwritten = error
    recovered = _as_subject(subject, merged(done.model) if way.adapters else done.model)
    outcome: dict[str, Any] = {"best": done.history.best}
    if not (changed := not _same_weights(subject.model, recovered.model)):
        outcome["changed"] = False
        done.history.notes.append(UNCHANGED)
    if subject.cut is not None:
        recovered = replace(recovered, cut=_with_recovery(subject.cut, outcome, run))
    try:
        if unwritten is not None:
            raise unwritten
        _save(recovered, outcome, run)
        done.history.save(run.folder)
        run.finish(
            {
                "best": done.history.best,
                "cost": done.cost.record(),
                "recovered": recovered.name,
                "dtype": recovered.dtype,
                "changed": changed,
            }
        )
    except ExportError as error:
        done.history.notes.append(f"The recovered model is in no folder, since {error}")
        return Recovery(recovered, done.cost, done.history, run.folder, saved=False, changed=changed)
    shutil.rmtree(run.folder / CHECKPOINTS, ignore_errors=True)  # a finished run is opened, and never goes on
    return Recovery(recovered, done.cost, done.history, run.folder, changed=changed)


def open_recovery(folder: str | os.PathLike[str]) -> Recovery:
    """The finished run in ``folder``. Raises RunError where there is none, LoadError where its model is damaged."""
    run = Run.open(Path(folder).expanduser())
    if not run.is_done:
        raise RunError(f"The run in {str(run.folder)!r} is not finished. Go on with it: hv.recover with its folder.")
    try:
        name, cost = str(run.record["recovered"]), Cost.of_record(run.record["cost"])
    except (KeyError, TypeError) as error:
        raise RunError(
            f"The record of the run in {str(run.folder)!r} is damaged. Start another with hv.recover."
        ) from error
    history = History.open(run.folder)
    subject = load(run.folder / MODEL_FOLDER, dtype=run.record.get("dtype", "float32"))
    changed = run.record.get("changed", True) is not False
    return Recovery(replace(subject, name=name), cost, history, run.folder, changed=changed)


def _save(subject: Subject, outcome: Mapping[str, Any], run: Run) -> None:
    folder = run.folder / MODEL_FOLDER
    if subject.cut is None:
        save_masked(subject, _with_recovery(Mask.full(subject), outcome, run), folder, overwrite=True)
    else:
        save_pruned(subject, folder, overwrite=True)


def _encode(subject: Subject, data: Data, chosen: dict[str, Any]) -> Encoded:
    """The texts of ``data``, cut at the training's own limit."""
    features, truncated = subject.task_definition.tokenise(
        subject.processor, data.inputs, min(subject.max_length, chosen["max_length"]), subject.segments
    )
    return Encoded(features, truncated, subject.processor, subject.device)


def _as_subject(subject: Subject, model: nn.Module) -> Subject:
    """The trained ``model`` as a Subject with the notes of the one that it comes from."""
    model.requires_grad_(True)
    model.zero_grad()
    model.eval()
    cast(model, subject.torch_dtype)
    recovered = Subject.wrap(model, subject.processor, name=f"{subject.name}-recovered", task=subject.task)
    return replace(recovered, notes=subject.notes)


def _same_weights(before: nn.Module, after: nn.Module) -> bool:
    old, new = dict(before.named_parameters()), dict(after.named_parameters())
    return old.keys() == new.keys() and all(torch.equal(old[name].cpu(), new[name].cpu()) for name in old)


def _with_recovery(mask: Mask, outcome: Mapping[str, Any], run: Run) -> Mask:
    """``mask`` with the record of the recovery and its ``outcome``. What was measured before it, on other weights,
    becomes a part of that, and so does a recovery before it."""
    told = {name: run.portable[name] for name in ("method", "seed", "settings", "train", "validation")}
    told |= {"parent": run.record["model"], **outcome}
    record = mask.provenance
    if before := {name: record[name] for name in ("measured", "measured_on") if name in record}:
        told["before"] = before
    if earlier := record.get("recovery"):
        told["after"] = earlier
    return mask.with_provenance(recovery=told, measured=None, measured_on=None, name=None, stored=None)


def _freezing(subject: Subject, way: Method, chosen: dict[str, Any], texts: int, seed: int) -> Freezing | None:
    """What ``way`` freezes. Raises RunError for a model, or settings, with which it cannot."""
    if not way.adapters:
        return None
    units = units_of(subject.model, chosen["mlp"])
    if not units:
        raise RunError("No block has heads left, so there is nothing to adapt. Recover with method='full'.")
    if way.freezing is None:
        return None
    if is_shared(subject.model):
        raise RunError(
            f"The layers of {subject.name} share one block, which cannot be frozen at one depth and trained at "
            "another. Recover with method='lora' or 'full'."
        )
    return way.freezing(chosen, len(units), total_steps(texts, chosen), seed)


def _room(subject: Subject, way: Method, chosen: dict[str, Any]) -> int:
    """Bytes of two checkpoints, each of what is trained and its two moments, and of the model in the end."""
    weights = list(subject.model.parameters())
    trained = trained_with_adapters(subject.model, chosen) if way.adapters else sum(one.numel() for one in weights)
    size = max(4, *(one.element_size() for one in weights))  # half precision is trained in float32
    return 2 * 3 * size * trained + sum(one.numel() * one.element_size() for one in weights)


def _require_seed(seed: Any) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:  # what NumPy takes
        raise RunError(f"seed must be a whole number from 0 to {2**32 - 1}. Got {seed!r}.")


def _require_classifier(subject: Subject) -> None:
    if subject.task != "text-classification":
        raise RunError(f"Recovery trains classifiers of texts, and {subject.name} is for {subject.task}. Open another.")


def _precision_note(subject: Subject) -> str | None:
    if not is_half(subject.torch_dtype):
        return None
    return f"It was trained in float32, since steps drown in the rounding of {subject.dtype}, and rounded at the end."

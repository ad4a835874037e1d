"""Recovery: fine-tune what was cut, so that it regains what it can."""

from __future__ import annotations

import copy
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from headviz.batches import Encoded
from headviz.errors import RunError
from headviz.extras import require_packages
from headviz.mask import Mask
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.provenance import data_block, model_block
from headviz.pruned_folder import save_pruned
from headviz.recovery.adapters import is_shared, merged, write_adapter
from headviz.recovery.batching import Texts
from headviz.recovery.checkpoints import CHECKPOINTS, latest_whole
from headviz.recovery.checks import labels_of, require_room, without_shared
from headviz.recovery.cost import Cost
from headviz.recovery.history import History
from headviz.recovery.methods import methods
from headviz.recovery.run import ADAPTER_FOLDER, MODEL_FOLDER, Run
from headviz.saving import save_masked
from headviz.subject import Subject, load
from headviz.tasks import tasks

if TYPE_CHECKING:
    from headviz.data import Data


@dataclass(frozen=True, eq=False)
class Recovery:
    """A recovered model. ``subject`` is a Subject like any other, and lies in ``folder``/model; ``history`` is what was
    measured on the way, ``cost`` what it took; the adapters of a method that has them lie in ``folder``/adapter."""

    subject: Subject
    cost: Cost
    history: History
    folder: Path


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
    if way.freezing is not None and is_shared(subject.model):
        raise RunError(
            f"The layers of {subject.name} share one block, which cannot be frozen at one depth and trained at "
            "another. Recover with method='lora' or 'full'."
        )
    labels_of(subject, train, "training")
    targets = labels_of(subject, validation, "validation")
    train, note = without_shared(train, validation)
    place = Path(folder).expanduser()
    require_room(place, 6 * sum(p.numel() * p.element_size() for p in subject.model.parameters()))
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
        model=copy.deepcopy(subject.model),
        train=Texts(_encode(subject, train, chosen), labels_of(subject, train, "training")),
        validation=Texts(subject.encode(validation.inputs), targets),
        processor=subject.processor,
        task=tasks[subject.task],
        classes=len(subject.labels),
        method=way,
        settings=chosen,
        seed=seed,
        folder=place,
        notes=[] if note is None else [note],
    )
    with Progress(work.total, "training", on_progress) as progress:
        done = run_training(work, latest_whole(place), progress, cancel)
    if way.adapters:
        write_adapter(done.model, place / ADAPTER_FOLDER, run.record)
    recovered = _as_subject(subject, merged(done.model) if way.adapters else done.model, run)
    _save(recovered, place / MODEL_FOLDER)
    done.history.save(place)
    run.finish({"best": done.history.best, "cost": done.cost.record(), "recovered": recovered.name})
    shutil.rmtree(place / CHECKPOINTS, ignore_errors=True)  # a finished run is opened, and never goes on
    return Recovery(recovered, done.cost, done.history, place)


def open_recovery(folder: str | os.PathLike[str]) -> Recovery:
    """The finished run in ``folder``. Raises RunError where there is none, LoadError where its model is damaged."""
    run = Run.open(Path(folder).expanduser())
    if not run.is_done:
        raise RunError(f"The run in {str(run.folder)!r} is not finished. Go on with it: hv.recover with its folder.")
    subject = replace(load(run.folder / MODEL_FOLDER), name=run.record["recovered"])
    return Recovery(subject, Cost.of_record(run.record["cost"]), History.open(run.folder), run.folder)


def _save(subject: Subject, folder: Path) -> None:
    if subject.cut is None:
        save_masked(subject, Mask.full(subject), folder, overwrite=True)
    else:
        save_pruned(subject, folder, overwrite=True)


def _encode(subject: Subject, data: Data, chosen: dict[str, Any]) -> Encoded:
    """The texts of ``data``, cut at the training's own limit."""
    features, truncated = subject.task_definition.tokenise(
        subject.processor, data.inputs, min(subject.max_length, chosen["max_length"]), subject.segments
    )
    return Encoded(features, truncated, subject.processor, subject.device)


def _as_subject(subject: Subject, model: nn.Module, run: Run) -> Subject:
    """The trained ``model`` as a Subject with the cut and the notes of the one that it comes from."""
    model.requires_grad_(True)
    model.zero_grad()
    model.eval()
    recovered = Subject.wrap(model, subject.processor, name=f"{subject.name}-recovered", task=subject.task)
    return replace(recovered, cut=subject.cut, notes=subject.notes)

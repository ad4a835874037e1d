"""Evaluation: quality of a model under a mask, with intervals, in one forward pass over data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from headviz import stats
from headviz.batches import BATCH_TOKENS, truncation_notes
from headviz.data import require_data
from headviz.errors import DataError, MaskError
from headviz.label_notes import id_notes, swap_notes
from headviz.labels import match_labels
from headviz.mask import Mask
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.provenance import record
from headviz.stats import Estimate
from headviz.tasks import tasks

if TYPE_CHECKING:
    import pandas as pd

    from headviz.batches import Batch
    from headviz.data import Data
    from headviz.subject import Subject

UNMOVED = (
    "The mask moved no logit: the model answers as if no head were cut, so these figures say nothing of the heads. "
    "Check that the cut heads reach the output."
)
FLIPS = ("broken", "mended", "moved")
"""How a prediction changes: from right to wrong, from wrong to right, from one wrong class to another."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What one pass over N examples gave; C classes.

    ``logits`` (N, C) float32; ``labels`` (N,) the true classes; ``loss`` (N,) float64, nats; ``ids`` (N,) row numbers
    in the source; ``classes`` their names; ``task`` and ``metric_names`` say which figures; ``provenance``. Rows stand
    in the data's order. ``notes``: sentences that a page shows.
    """

    logits: np.ndarray
    labels: np.ndarray
    loss: np.ndarray
    ids: np.ndarray
    classes: tuple[str, ...]
    task: str
    metric_names: tuple[str, ...]
    provenance: dict[str, Any]
    label_notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What was not read, whether the mask did anything, and what speaks for labels that do not mean what they are
        taken for. The answers are asked only where nothing is cut: heads that are gone may turn them round, too."""
        unmoved = (UNMOVED,) if self.provenance.get("unmoved") else ()
        return (*truncation_notes(self.provenance), *unmoved, *self._doubts())

    def _doubts(self) -> tuple[str, ...]:
        if not tasks[self.task].metrics.keys() >= {"accuracy", "matthews"} or self.is_cut:
            return self.label_notes
        accuracy, matthews = (
            self.metrics.get(name) or tasks[self.task].metrics[name](self.labels, self.predictions, len(self.classes))
            for name in ("accuracy", "matthews")
        )
        return self.label_notes + swap_notes(self.confusion, accuracy, matthews, self.constant, self.classes)

    @property
    def is_cut(self) -> bool:
        """Whether a mask that cuts a head was on."""
        return bool((self.provenance.get("options") or {}).get("pruned"))

    @cached_property
    def predictions(self) -> np.ndarray:
        """(N,) int: the class with the largest logit."""
        return self.logits.argmax(axis=1)

    @cached_property
    def metrics(self) -> dict[str, Estimate]:
        """Each metric with its 95 % interval: Wilson for accuracy, a seeded bootstrap over examples for the others."""
        table = tasks[self.task].metrics
        return {name: table[name](self.labels, self.predictions, len(self.classes)) for name in self.metric_names}

    @property
    def main(self) -> str:
        """The name of the task's first metric."""
        return self.metric_names[0]

    @cached_property
    def confusion(self) -> np.ndarray:
        """(C, C) int: rows true classes, columns predicted ones."""
        return stats.confusion(self.labels, self.predictions, len(self.classes))

    @cached_property
    def recall(self) -> dict[str, Estimate]:
        """Of each class, in the model's order, the share of its examples predicted right, with Wilson's interval; a
        class without examples has NaN, from 0 to 1, and n 0."""
        right, there = np.diag(self.confusion), self.confusion.sum(axis=1)
        return {name: stats.wilson(int(right[i]), int(there[i])) for i, name in enumerate(self.classes)}

    @cached_property
    def probabilities(self) -> np.ndarray:
        """(N, C) float64: the softmax of each example's logits."""
        raised = np.exp(self.logits.astype(np.float64) - self.logits.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)

    @property
    def constant(self) -> float:
        """The accuracy of always answering the commonest label of this data."""
        return self.constant_in("accuracy")

    def constant_in(self, metric: str) -> float:
        """What always answering the commonest label of this data gets in ``metric``."""
        self._known(metric)
        times = np.bincount(self.labels)
        if metric == "accuracy":
            return float(times.max() / len(self.labels))
        commonest = np.full_like(self.labels, times.argmax())
        return stats.value_of(metric, self.labels, commonest, len(self.classes))

    def notes_beside(self, whole: Evaluation) -> tuple[str, ...]:
        """`notes` of a cut model beside the whole one on the same examples."""
        unmoved = self.is_cut and np.array_equal(self.logits, whole.logits) and UNMOVED not in self.notes
        return (*self.notes, UNMOVED) if unmoved else self.notes

    def agreement(self, other: Evaluation) -> Estimate:
        """The share of examples on which ``other`` predicts the same class, whatever the true label."""
        self._same_examples(other)
        return stats.wilson(int((self.predictions == other.predictions).sum()), len(self))

    def against(self, other: Evaluation, metric: str = "accuracy") -> Estimate:
        """The paired difference in ``metric`` (accuracy, macro_f1 or matthews), this less ``other``, with a 95 %
        interval from a bootstrap over examples; 0, from 0 to 0, where no logit differs."""
        self._same_examples(other)
        self._known(metric)
        if np.array_equal(self.logits, other.logits):
            return Estimate(0.0, 0.0, 0.0, len(self))
        if metric != "accuracy":
            known = self._differences.setdefault(other, {})
            if metric not in known:
                sides = self.predictions, other.predictions
                known[metric] = stats.paired_metric(metric, self.labels, *sides, len(self.classes))
            return known[metric]
        right, other_right = self.predictions == self.labels, other.predictions == other.labels
        return stats.paired(right.astype(float), other_right.astype(float))

    def __getstate__(self) -> dict[str, Any]:
        """All but the differences from other evaluations, which are worked out again."""
        return {name: value for name, value in vars(self).items() if name != "_differences"}

    @cached_property
    def _differences(self) -> WeakKeyDictionary[Evaluation, dict[str, Estimate]]:
        """Differences to others that are known; with many classes one takes long, and a page asks again and again."""
        return WeakKeyDictionary()

    def loss_against(self, other: Evaluation) -> Estimate:
        """The paired difference of the mean loss, this less ``other``, nats, with a 95 % interval from a bootstrap over
        examples; below 0 this is the better one."""
        self._same_examples(other)
        return stats.paired(self.loss, other.loss)

    def flips(self, before: Evaluation) -> pd.DataFrame:
        """The examples that ``before`` predicts otherwise, one row each: id, position (row of this evaluation), label,
        before, after (names of classes), kind, loss_change (this less ``before``, nats).

        ``kind``: "broken" (right before), "mended" (right now) or "moved" (from one wrong class to another). Rows stand
        in this order of kinds, within a kind by the size of the loss's change, largest first.
        """
        import pandas as pd

        self._same_examples(before)
        there = np.flatnonzero(self.predictions != before.predictions)
        old, new, label = before.predictions[there], self.predictions[there], self.labels[there]
        kind = np.select([old == label, new == label], [0, 1], 2)
        change = self.loss[there] - before.loss[there]
        order = np.lexsort((-np.abs(change), kind))  # stable: equal ones stay in the data's order
        names = np.array(self.classes, dtype=object)
        columns = {
            "id": self.ids[there],
            "position": there,
            "label": names[label],
            "before": names[old],
            "after": names[new],
            "kind": np.array(FLIPS, dtype=object)[kind],
            "loss_change": change,
        }
        return pd.DataFrame({name: column[order] for name, column in columns.items()})

    def _known(self, metric: str) -> None:
        if metric not in tasks[self.task].metrics:
            known = ", ".join(tasks[self.task].metrics)
            raise DataError(f"There is no metric {metric!r} for {self.task}; choose from {known}.")

    def _same_examples(self, other: Evaluation) -> None:
        texts, other_texts = ((one.provenance.get("data") or {}).get("fingerprint") for one in (self, other))
        same = np.array_equal(self.ids, other.ids) and np.array_equal(self.labels, other.labels)
        if not same or (texts != other_texts and None not in (texts, other_texts)):
            raise DataError("The two evaluations are of different examples; evaluate both on the same data.")

    def frame(self) -> pd.DataFrame:
        """One row per example: id, label, prediction, right, loss."""
        import pandas as pd

        names = np.array(self.classes, dtype=object)
        return pd.DataFrame(
            {
                "id": self.ids,
                "label": names[self.labels],
                "prediction": names[self.predictions],
                "right": self.labels == self.predictions,
                "loss": self.loss,
            }
        )


def evaluate(
    subject: Subject,
    data: Data,
    mask: Mask | None = None,
    *,
    metrics: Sequence[str] | None = None,
    batch_tokens: int = BATCH_TOKENS,
    batch_size: int | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> Evaluation:
    """Quality of ``subject`` on ``data``, with the heads that ``mask`` cuts closed; the model itself is left as it was.

    ``metrics``: some of the task's (for classes accuracy, macro_f1, matthews), the first being the main one; all by
    default. Raises DataError when data and model do not fit, MaskError when mask and model do not, Cancelled.
    """
    prepared = prepare(subject, data, metrics)
    still = Stillness(subject, mask)
    logits, reading = forward_all(
        subject,
        data.inputs,
        mask,
        batch_tokens=batch_tokens,
        batch_size=batch_size,
        still=still,
        on_progress=on_progress,
        cancel=cancel,
    )
    return prepared.evaluation(logits, mask, reading, unmoved=still.holds)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Model and data that fit each other: what turns logits into an `Evaluation`, however they were had."""

    subject: Subject
    data: Data
    labels: np.ndarray
    metrics: tuple[str, ...]

    def evaluation(
        self, logits: torch.Tensor, mask: Mask | None, reading: Mapping[str, Any], *, unmoved: bool = False
    ) -> Evaluation:
        """The evaluation of ``logits`` (N, C) of the data under ``mask``; ``reading`` as `Encoded.reading` gives it,
        ``unmoved`` where the mask left every logit as it was."""
        subject, data = self.subject, self.data
        loss = subject.task_definition.loss(logits.double(), torch.as_tensor(self.labels))
        asked = {"pruned": [] if mask is None else list(mask.pruned)}
        said = {**reading, "unmoved": True} if unmoved else reading
        return Evaluation(
            logits=logits.numpy(),
            labels=self.labels,
            loss=loss.numpy(),
            ids=data.ids,
            classes=subject.labels,
            task=subject.task,
            metric_names=self.metrics,
            provenance={**record(subject, data, asked), **said},
            label_notes=id_notes(data, subject.labels),
        )


def prepare(subject: Subject, data: Data, metrics: Sequence[str] | None = None) -> Prepared:
    """Check that ``data`` can be evaluated with ``subject``. Raises DataError as `evaluate` does."""
    known = tasks[subject.task].metrics
    chosen = tuple(known) if metrics is None else (metrics,) if isinstance(metrics, str) else tuple(metrics)
    for name in chosen:
        if name not in known:
            raise DataError(f"There is no metric {name!r} for {subject.task}; choose from {', '.join(known)}.")
    if not chosen:
        raise DataError(f"metrics is empty; choose from {', '.join(known)}.")
    require_data(data)
    if len(data) == 0:
        raise DataError(f"{data.name} has no examples; choose data with at least one row.")
    return Prepared(subject, data, match_labels(data, subject.labels), chosen)


def gates_of(subject: Subject, mask: Mask | None) -> torch.Tensor | None:
    """The gates (T,) of ``mask``, None for all open. Raises MaskError for a mask of another model."""
    if mask is None:
        return None
    if not isinstance(mask, Mask):
        raise MaskError(f"mask must be an hv.Mask. Got a {type(mask).__name__}; hv.Mask(keep) makes one of an array.")
    if tuple(mask.heads) != subject.heads:
        raise MaskError(
            f"The mask is for heads {list(mask.heads)} per layer, but {subject.name} has {list(subject.heads)}. "
            "Use a mask that was made for this model."
        )
    return subject.gates(mask.keep)


class Stillness:
    """Whether a mask that cuts heads has left every logit as it is without it: batch after batch is run once more,
    until one logit moves, which as a rule is in the first."""

    def __init__(self, subject: Subject, mask: Mask | None) -> None:
        self._subject = subject
        gates = gates_of(subject, mask)
        self.holds = gates is not None and mask is not None and bool(mask.pruned)

    def see(self, batch: Batch, logits: torch.Tensor) -> None:
        """Take ``logits`` of ``batch`` under the mask."""
        if self.holds:
            self.holds = torch.equal(self._subject.forward(batch.inputs).float().cpu(), logits)


@torch.no_grad()
def forward_all(
    subject: Subject,
    inputs: Sequence[tuple[str, ...]],
    mask: Mask | None = None,
    *,
    batch_tokens: int = BATCH_TOKENS,
    batch_size: int | None = None,
    on_progress: OnProgress | None = None,
    still: Stillness | None = None,
    cancel: CancelSignal | None = None,
) -> tuple[torch.Tensor, dict[str, Any]]:
    """Logits (N, C) float32 of ``inputs`` on the CPU, in their order, and what was read of the texts
    (`Encoded.reading`). ``still`` is shown every batch."""
    gates = gates_of(subject, mask)
    # not torch's default dtype, which another thread changes while it loads a model
    logits = torch.empty(len(inputs), len(subject.labels), dtype=torch.float32)
    with Progress(len(inputs), "measuring quality", on_progress, cancel) as progress:
        encoded = subject.encode(inputs)
        for batch in encoded.batches(batch_tokens, batch_size):
            found = subject.forward(batch.inputs, gates=gates).float().cpu()
            if still is not None:
                still.see(batch, found)
            logits[torch.as_tensor(batch.indices)] = found
            progress.step(len(batch.indices))
    return logits, encoded.reading(subject.max_length)

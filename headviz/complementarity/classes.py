"""Classes: the groups of examples that heads are to tell apart, by label, by prediction or by bins of a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headviz.errors import DataError
from headviz.evaluation import forward_all
from headviz.labels import match_labels
from headviz.listing import listed
from headviz.progress import CancelSignal, OnProgress

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.subject import Subject


@dataclass(frozen=True, eq=False)
class Classes:
    """``of`` (examples,) int, the class of each example; ``names`` (C,); ``source`` "labels" or a sentence."""

    of: np.ndarray
    names: tuple[str, ...]
    source: str = "labels"

    @property
    def counts(self) -> np.ndarray:
        """(C,) int: examples of each class."""
        return np.bincount(self.of, minlength=len(self.names))

    @property
    def one_hot(self) -> np.ndarray:
        """(examples, C) float64: one at each example's class."""
        return np.eye(len(self.names))[self.of]

    def permuted(self, seed: int) -> np.ndarray:
        """`one_hot` with the labels shuffled over the examples."""
        return self.one_hot[np.random.default_rng(seed).permutation(len(self.of))]

    def resampled(self, seed: int) -> np.ndarray:
        """`one_hot` of a bootstrap sample, drawn within each class: how often each example is in it, (examples, C)."""
        generator = np.random.default_rng(seed)
        weights = np.zeros((len(self.of), len(self.names)))
        for number in range(len(self.names)):
            members = np.flatnonzero(self.of == number)
            if len(members):
                np.add.at(weights[:, number], generator.choice(members, len(members)), 1)
        return weights

    def means_of(self, values: np.ndarray) -> np.ndarray:
        """(C,) float64: the mean of ``values`` (examples,) over each class, NaN for an empty one."""
        counts = self.counts
        total = np.bincount(self.of, weights=values, minlength=len(self.names))
        return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def classes_of(
    subject: Subject,
    data: Data,
    kind: str,
    bins: int,
    *,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> Classes:
    """The classes of ``data``: its "labels", what the model "predicted", or quantile "bins" of labels that are numbers.

    Raises DataError unless at least two classes have two examples each.
    """
    if kind == "labels":
        if all(label is None for label in data.raw_labels):
            raise DataError(
                f"CAHP compares classes; {data.name} has no labels. Choose data with labels, or compare the model's "
                'own predictions with classes="predicted".'
            )
        found = Classes(match_labels(data, subject.labels), subject.labels)
    elif kind == "predicted":
        logits, _ = forward_all(subject, data.inputs, on_progress=on_progress, cancel=cancel)
        sentence = "Classes are the model's own predictions, not labels."
        found = Classes(logits.argmax(-1).numpy(), subject.labels, sentence)
    else:
        found = _binned(data, bins)
    usable = [name for name, count in zip(found.names, found.counts, strict=True) if count >= 2]
    if len(usable) < 2:
        counted = [f"{name}: {count}" for name, count in zip(found.names, found.counts, strict=True) if count]
        raise DataError(
            f"CAHP compares classes of at least two examples; this data has {'one' if usable else 'none'} "
            f"({listed(counted)}). Choose data with at least two, or regression bins."
        )
    return found


def _binned(data: Data, bins: int) -> Classes:
    targets = np.empty(len(data))
    for position, raw in enumerate(data.raw_labels):
        try:
            targets[position] = float(raw)  # type: ignore[arg-type]
        except (TypeError, ValueError) as cause:
            raise DataError(
                f"Row {data[position].id}: the label {raw!r} is not a number, so it has no bin. Choose another label "
                'column, or classes="labels".'
            ) from cause
        if not np.isfinite(targets[position]):
            raise DataError(f"Row {data[position].id}: the label {raw!r} is not finite, so it has no bin.")
    of = quantile_bins(targets, bins)
    spans = [targets[of == number] for number in range(of.max() + 1)]
    names = tuple(f"{span.min():g} to {span.max():g}" for span in spans)
    return Classes(of, names, f"Classes are {len(names)} bins of the label, which is a number.")


def quantile_bins(targets: np.ndarray, bins: int) -> np.ndarray:
    """(N,) int: the bin of each of N numbers, of counts as equal as ties allow, which stay together; bins that ties
    leave empty are dropped."""
    values, counts = np.unique(targets, return_counts=True)
    middle = np.cumsum(counts) - counts / 2  # where the middle of each run of equals stands among all
    of_value = np.minimum((middle * bins / len(targets)).astype(int), bins - 1)
    _, of_value = np.unique(of_value, return_inverse=True)
    return of_value[np.searchsorted(values, targets)]

"""Tables of what a mask flips: the examples with their texts, matrices and recall of the classes that can be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from headviz.errors import DataError
from headviz.evaluation import FLIPS
from headviz.ui.charts import SIDES

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.evaluation import Evaluation

MOST_CLASSES = 20  # that a matrix on half a page can name
_LONGEST = 160  # letters of a text in a row
_TEXTS = ("text", "second text")


def flipped(now: Evaluation, before: Evaluation, data: Data) -> pd.DataFrame:
    """`Evaluation.flips` with the texts behind the position: "text", and for pairs "second text".

    Raises DataError where ``data`` is not what was evaluated.
    """
    if not np.array_equal(data.ids, now.ids):
        raise DataError("The examples are not the ones that were measured; measure the mask on them first.")
    table = now.flips(before)
    inputs = [data[position].inputs for position in table["position"]]
    for place, name in enumerate(_TEXTS[: len(data[0].inputs)]):
        table.insert(2 + place, name, pd.Series([texts[place] for texts in inputs], dtype=object))
    return table


def in_words(flips: pd.DataFrame, examples: int) -> str:
    """ "Of 1,000 examples 37 predictions changed: 21 broken, 9 mended, 7 moved between wrong labels." """
    counts = flips["kind"].value_counts()
    if len(flips) == 0:
        return f"Of {examples:,} examples none has another prediction with this mask."
    more = {"moved": " between wrong labels"}
    parts = [f"{counts[kind]:,} {kind}{more.get(kind, '')}" for kind in FLIPS if kind in counts]
    return f"Of {examples:,} examples {len(flips):,} prediction{'s' * (len(flips) > 1)} changed: {', '.join(parts)}."


def brief(flips: pd.DataFrame, most: int) -> pd.DataFrame:
    """The first ``most`` rows as a page lists them: each text in one line, shortened."""
    rows = flips.head(most).drop(columns="position")
    for name in _TEXTS:
        if name in rows:
            rows[name] = [_shortened(text) for text in rows[name]]
    rows["loss_change"] = rows["loss_change"].round(3) + 0.0  # no "-0.000"
    return rows


def _shortened(text: str) -> str:
    line = " ".join(text[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def drawn_classes(now: Evaluation, before: Evaluation) -> np.ndarray:
    """The classes to draw, in the model's order: all, or of many those that most changed predictions come from, go to
    or belong to."""
    count = len(now.classes)
    if count <= MOST_CLASSES:
        return np.arange(count)
    changed = now.predictions != before.predictions
    touched = np.concatenate([one[changed] for one in (now.labels, before.predictions, now.predictions)])
    often = np.bincount(touched, minlength=count)
    return np.sort(np.argsort(-often, kind="stable")[:MOST_CLASSES])


def matrix(evaluation: Evaluation, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts and shares (c, c) of the confusion matrix between ``classes``; shares are of all examples of the true
    label, NaN where there is none."""
    counts = evaluation.confusion
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    chosen = np.ix_(classes, classes)
    return counts[chosen], shares[chosen]


def recall_rows(now: Evaluation, before: Evaluation, classes: np.ndarray) -> pd.DataFrame:
    """Two rows per class, before and now: class (with its number of examples), side, value, low, high."""
    rows = []
    for name in (now.classes[number] for number in classes):
        for side, estimate in zip(SIDES, (before.recall[name], now.recall[name]), strict=True):
            told = f"{name[:40]} (n = {estimate.n:,})"
            rows.append((told, side, estimate.value, estimate.low, estimate.high))
    return pd.DataFrame(rows, columns=["class", "side", "value", "low", "high"])

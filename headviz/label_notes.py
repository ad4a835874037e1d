"""Signs that labels do not mean what they are taken for. Notes, never refusals: a bad model looks much the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from headviz import stats
from headviz.columns import numeral
from headviz.labels import are_ids

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.stats import Estimate

_MOSTLY = 0.6  # of the examples of two labels, at least, answered by the other one of the two


def id_notes(data: Data, model_labels: Sequence[str]) -> tuple[str, ...]:
    """A note where integers are taken for the model's ids and none of them is 0, as where labels count from 1."""
    if not are_ids(data, model_labels):
        return ()
    numbers = {numeral(raw) for raw in data.raw_labels}
    if not numbers or 0 in numbers or None in numbers:
        return ()
    least = min(number for number in numbers if number is not None)
    return (
        f"No row of {data.name} has the label 0 ({model_labels[0]}); the least is {least}. "
        "Do its labels count from 1? Then say what each of them means.",
    )


def swap_notes(
    confusion: np.ndarray, accuracy: Estimate, matthews: Estimate, constant: float, classes: Sequence[str]
) -> tuple[str, ...]:
    """A note where the model answers two labels, each of them, mostly with the other, or is surely worse than chance.

    ``confusion`` (C, C): rows true classes, columns predicted ones; ``constant``: the accuracy of always answering the
    commonest label.
    """
    worse = accuracy.high < constant and matthews.high < 0
    partner = confusion.argmax(axis=1)
    mutual = [(i, int(j)) for i, j in enumerate(partner) if i < j and partner[j] == i]
    swapped = [(0, 1)] if len(classes) == 2 and worse else [pair for pair in mutual if _is_swapped(confusion, *pair)]
    if swapped:
        told = " and ".join(f"{classes[i]} with {classes[j]}" for i, j in swapped[:3])
        return (f"Are the labels swapped? The model mostly confuses {told}, each with the other.",)
    if worse:
        return (
            "Are the labels mixed up? The model is right less often than by chance, so they may mean other classes.",
        )
    return ()


def _is_swapped(confusion: np.ndarray, i: int, j: int) -> bool:
    right, crossed = confusion[i, i] + confusion[j, j], confusion[i, j] + confusion[j, i]
    each = confusion[i, j] > confusion[i].sum() / 2 and confusion[j, i] > confusion[j].sum() / 2
    return bool(each) and stats.wilson(int(crossed), int(right + crossed)).low > _MOSTLY

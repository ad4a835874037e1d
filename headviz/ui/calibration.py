"""Calibration: which examples scores rest on, and the means of a pass that every redraw needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz.ui.choice import DEFAULT_CALIBRATION

if TYPE_CHECKING:
    from headviz.head_scores import HeadScores
    from headviz.scores import Scores

SEED = 0


@dataclass(frozen=True)
class Base:
    """The scores of one calibration set with the means that every redraw needs, taken once."""

    scores: Scores
    his: np.ndarray
    ae: np.ndarray
    key: tuple[Any, ...]


def base_of(scores: Scores, key: tuple[Any, ...]) -> Base:
    """The means of ``scores``, taken once."""
    return Base(scores, scores.his, scores.ae, key)


def positions(total: int, size: int) -> np.ndarray:
    """The draw of ``Scores.sample``, so that a smaller set is the same whether data or scores were drawn from."""
    first = np.sort(np.random.default_rng(SEED).permutation(total)[: max(size, min(DEFAULT_CALIBRATION, total))])
    return first if size >= len(first) else first[np.sort(np.random.default_rng(SEED).permutation(len(first))[:size])]


def hies_of(base: Base, alpha: float, normalise: str) -> HeadScores:
    """HIES from the means that were taken once: the only arithmetic of a slider move."""
    from headviz.head_scores import HeadScores
    from headviz.hies import blend

    values = blend(base.his, base.ae, alpha, normalise)
    options: Mapping[str, Any] = {"alpha": alpha, "normalise": normalise}
    return HeadScores(values, "hies", dict(options), base.scores.provenance, ())

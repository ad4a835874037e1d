"""HIES as a criterion: importance and entropy in one score (Choi et al. 2026, arXiv 2510.13832, section 4.1)."""

from __future__ import annotations

import numpy as np

from headviz.hies import NORMALISATIONS
from headviz.importance.criterion import Asked, criterion
from headviz.option import Option


@criterion(
    "hies",
    title="HIES",
    needs="scores",
    alpha=Option(
        None, "The weight of HIS: 1 is HIS alone, 0 entropy alone. The paper prints no value.", low=0.0, high=1.0
    ),
    normalise=Option(
        "global",
        "global: min-max over all heads; layer: within each layer; rank: by ranks, so that alpha means the same on "
        "every model.",
        choices=NORMALISATIONS,
    ),
)
def hies(asked: Asked) -> np.ndarray:
    return asked.scores().hies(asked.options["alpha"], normalise=asked.options["normalise"]).values

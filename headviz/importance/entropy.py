"""Attention entropy as a criterion, in both directions, since the literature describes both (docs/methods.md)."""

from __future__ import annotations

import numpy as np

from headviz.hies import normalise
from headviz.importance.criterion import Asked, criterion
from headviz.option import Option


@criterion(
    "entropy",
    title="Attention entropy",
    needs="scores",
    keep=Option(
        "focused",
        "focused: heads of low entropy are kept (HIES at alpha 0); diffuse: heads of high entropy are kept.",
        choices=("focused", "diffuse"),
    ),
)
def entropy(asked: Asked) -> np.ndarray:
    diffuse = normalise(asked.scores().ae)
    return 1.0 - diffuse if asked.options["keep"] == "focused" else diffuse

"""HIS: the mean over examples of |gate gradient| (Michel et al. 2019, arXiv 1905.10650), and its relatives from the
same pass."""

from __future__ import annotations

import numpy as np

from headviz.importance.criterion import Asked, criterion
from headviz.option import Option
from headviz.scores import Scores


def _signed(scores: Scores) -> np.ndarray:
    return -scores.gate_gradient.mean(axis=0, dtype=np.float64)


_KINDS = {
    "abs": lambda scores: scores.his,
    "signed": _signed,
    "fisher": lambda scores: scores.fisher,
    "taylor2": lambda scores: _signed(scores) + scores.fisher / 2,
}


@criterion(
    "his",
    title="HIS",
    needs="scores",
    kind=Option(
        "abs",
        "abs: mean of the absolute gate gradient; signed: estimated loss change on removal; fisher: mean square; "
        "taylor2: second-order estimate of the loss change on removal.",
        choices=tuple(_KINDS),
    ),
    scale=Option(
        "raw",
        "raw: as it is; layer_l2: divided by its Euclidean norm over the layer (Michel et al.).",
        choices=("raw", "layer_l2"),
    ),
)
def his(asked: Asked) -> np.ndarray:
    values = _KINDS[asked.options["kind"]](asked.scores())
    if asked.options["scale"] == "raw":
        return values
    norm = np.sqrt(np.nansum(np.square(values), axis=1, keepdims=True))
    return values / np.where(norm > 0, norm, 1.0)

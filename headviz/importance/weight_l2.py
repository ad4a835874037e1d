"""Weight norm: the Euclidean norm of a head's own projection weights, which needs no data."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from headviz.families import family_of
from headviz.importance.criterion import Asked, criterion


@criterion("weight_l2", title="Weight norm", needs="model")
def weight_l2(asked: Asked) -> np.ndarray:
    """The head's rows of query, key and value and its columns of the output projection, biases left out.

    A key and value that several heads share counts for each of them at its share.
    """
    subject = asked.model("weight_l2")
    flat = []
    for use in family_of(subject.model).uses(subject.model):
        for head in range(use.heads):
            own, shared = use.columns(head), use.key_rows(head)
            total = _square(use.weight("query")[own]) + _square(use.weight("output")[:, own])
            total += (_square(use.weight("key")[shared]) + _square(use.weight("value")[shared])) / use.group
            flat.append(total**0.5)
    return subject.per_head(np.array(flat))


def _square(weights: Tensor) -> float:
    return float(weights.detach().double().square().sum())

"""Weight norm: the Euclidean norm of a head's own projection weights, which needs no data."""

from __future__ import annotations

import numpy as np

from headviz.families import family_of
from headviz.importance.criterion import Asked, criterion


@criterion("weight_l2", title="Weight norm", needs="model")
def weight_l2(asked: Asked) -> np.ndarray:
    """The head's rows of query, key and value and its columns of the output projection, biases left out."""
    subject = asked.model("weight_l2")
    flat = []
    for use in family_of(subject.model).uses(subject.model):
        for head in range(use.heads):
            own = use.columns(head)
            parts = [use.query.weight[own], use.key.weight[own], use.value.weight[own], use.output.weight[:, own]]
            flat.append(sum(float(part.detach().double().square().sum()) for part in parts) ** 0.5)
    return subject.per_head(np.array(flat))

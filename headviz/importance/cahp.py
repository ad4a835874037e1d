"""CAHP's order: over all numbers of heads, how often Complementary Attention Head Pruning keeps each (Livertovsky et
al. 2026); for masks of another size than its knee. Ties, which are many, go by salience."""

from __future__ import annotations

import numpy as np

from headviz.complementarity.cahp import cahp as plan_of
from headviz.complementarity.signature import signatures
from headviz.importance.criterion import Asked, criterion
from headviz.option import Option


@criterion(
    "cahp",
    title="CAHP",
    needs="data",
    seeded=True,
    space=Option("tsne", "Where heads are clustered.", choices=("tsne", "pca", "features")),
)
def cahp(asked: Asked) -> np.ndarray:
    subject, data = asked.model_and_data("cahp")
    found = signatures(subject, data, nulls=0, on_progress=asked.on_progress, cancel=asked.cancel)
    plan = plan_of(
        found, space=asked.options["space"], guard=False, seed=asked.seed, on_progress=asked.on_progress,
        cancel=asked.cancel,
    )  # fmt: skip
    kept = np.mean([plan.with_count(k).picked[0] for k in range(1, len(plan) + 1)], axis=0)
    salience = plan.ranking / (plan.ranking.max() or 1)
    return subject.per_head(kept + salience / (2 * len(plan)))

"""Controls: other choices of as many heads as a plan keeps, under the same guard, to tell what its parts are worth.

CAHP less `random_per_cluster` is the worth of salience; `random_per_cluster` less `random` that of complementarity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headviz.complementarity.representatives import pick_heads
from headviz.errors import ScoreError
from headviz.stats import generator

if TYPE_CHECKING:
    from headviz.complementarity.plan import Plan
    from headviz.head_scores import HeadScores
    from headviz.mask import Mask


def controls(plan: Plan, seed: int = 0) -> dict[str, Mask]:
    """salience (highest first; left out without gate gradients), random, random_per_cluster (another member of each
    cluster), medoid: each keeps `plan.mask.count` heads. ``seed``: of what is drawn."""
    rng = generator(seed)
    wanted = int(plan.picked[0].sum())
    order = plan.ranking
    chance = rng.random(len(plan))
    member, _ = pick_heads(plan.labels, plan.centres, order, plan.layer_of, "random", False, seed)
    medoid = np.zeros(len(plan), dtype=bool)
    medoid[plan.centres] = True
    chosen = {
        "random": (np.zeros(len(plan), dtype=bool), chance),
        "random_per_cluster": (member, chance),
        "medoid": (medoid, order),
    }
    if plan.salience is not None:
        chosen = {"salience": (np.zeros(len(plan), dtype=bool), plan.salience), **chosen}
    return {
        name: plan.mask_of(
            filled(first, values, plan.layer_of, wanted, guard=plan.options.guard), f"cahp-{name}",
            {"kept": wanted, "draw": seed},
        )
        for name, (first, values) in chosen.items()
    }  # fmt: skip


def top(plan: Plan, head_scores: HeadScores) -> Mask:
    """The highest of ``head_scores`` at the plan's count and guard. Raises ScoreError for another model's."""
    values = head_scores.values[~np.isnan(head_scores.values)]
    if len(values) != len(plan):
        raise ScoreError(f"These scores are for {len(values)} heads, the plan for {len(plan)}. Score the same model.")
    wanted = int(plan.picked[0].sum())
    kept = filled(np.zeros(len(plan), dtype=bool), values, plan.layer_of, wanted, guard=plan.options.guard)
    return plan.mask_of(kept, head_scores.criterion, {**head_scores.options, "kept": wanted})


def filled(first: np.ndarray, order: np.ndarray, layers: np.ndarray, wanted: int, *, guard: bool) -> np.ndarray:
    """Exactly ``wanted`` heads, (N,) bool: those of ``first``, and the highest of ``order`` after them. With ``guard``
    the highest head of each layer that would be empty comes in, for the lowest head that its layer can spare."""
    rank = np.empty(len(order), dtype=np.int64)
    rank[np.argsort(-order, kind="stable")] = np.arange(len(order))
    rank[~first] += len(order)
    kept = rank < np.sort(rank)[wanted] if wanted < len(order) else np.ones(len(order), dtype=bool)
    if not guard:
        return kept
    for layer in np.setdiff1d(layers, layers[kept]):
        members = np.flatnonzero(layers == layer)
        counts = np.bincount(layers[kept], minlength=layers.max() + 1)
        spare = np.flatnonzero(kept & (counts[layers] > 1))
        if not len(spare):
            break  # fewer heads than layers
        kept[spare[rank[spare].argmax()]] = False
        kept[members[rank[members].argmin()]] = True
    return kept

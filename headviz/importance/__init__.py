"""Criteria: what a head is worth. One file each, ending in its registration; the order here is the order of the
menus."""

from headviz.head_scores import HeadScores
from headviz.importance.criterion import Asked, Criterion, criteria, criterion
from headviz.option import Option

# isort: off
from headviz.importance import (
    his,
    entropy,
    hies,
    fisher,
    weight_l2,
    random,
    integrated_gradients,
    ablation,
    shapley,
    cahp,
)

# isort: on

__all__ = [
    "Asked",
    "Criterion",
    "HeadScores",
    "Option",
    "ablation",
    "cahp",
    "criteria",
    "criterion",
    "entropy",
    "fisher",
    "hies",
    "his",
    "integrated_gradients",
    "random",
    "shapley",
    "weight_l2",
]

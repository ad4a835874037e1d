"""What a task is: how examples become features, the loss, the metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from headviz.stats import Estimate

Metric = Callable[[np.ndarray, np.ndarray, int], Estimate]
"""labels (N,), predictions (N,), number of classes -> estimate with its 95 % interval"""


@dataclass(frozen=True)
class Task:
    """One kind of problem.

    ``tokenise(processor, inputs, max_length, segments)`` gives per example the model's features without padding and
    how many examples were cut; ``loss(logits (B, C), targets (B,))`` gives the loss of each example (B,), in nats;
    ``metrics`` the figures of quality, the main one first.
    """

    name: str
    title: str
    auto: str  # the class of transformers that opens such a model
    tokenise: Callable[[Any, list[tuple[str, ...]], int, bool], tuple[list[dict[str, list[int]]], int]]
    loss: Callable[[Tensor, Tensor], Tensor]
    metrics: Mapping[str, Metric]

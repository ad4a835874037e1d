"""Shapley values of heads by sampled permutations (Castro et al. 2009); a coalition's value is minus its loss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from headviz import stats
from headviz.importance.criterion import Asked, criterion
from headviz.importance.gate_loss import LossOfGates, mean_attribution
from headviz.option import Option


@criterion(
    "shapley",
    title="Shapley value",
    needs="data",
    seeded=True,
    samples=Option(10, "Random orders of adding heads; more is slower and less noisy.", low=1, high=1000, whole=True),
)
def shapley(asked: Asked) -> np.ndarray:
    from captum.attr import ShapleyValueSampling

    samples, seed = asked.options["samples"], asked.seed

    def orders(heads: int, count: int) -> Iterator[list[int]]:
        # Captum would draw from torch's global generator, which other threads share; and every batch gets the same
        # orders, so that nothing depends on the batches
        generator = stats.generator(seed)
        for _ in range(count):
            yield generator.permutation(heads).tolist()

    def attribute(loss: LossOfGates, gates: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        method = ShapleyValueSampling(loss)
        method.permutation_generator = orders
        return method.attribute(gates, baselines=0.0, additional_forward_args=inputs, n_samples=samples)

    passes = 1 + samples * int(sum(asked.model("shapley").heads))
    return -mean_attribution(asked, "shapley", attribute, passes=passes)

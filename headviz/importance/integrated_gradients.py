"""Integrated gradients on the gates: a head's share of the loss between all gates 0 and all gates 1 (Sundararajan et
al. 2017)."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from headviz.importance.criterion import Asked, criterion
from headviz.importance.gate_loss import LossOfGates, mean_attribution
from headviz.option import Option


@criterion(
    "integrated_gradients",
    title="Integrated gradients",
    needs="data",
    steps=Option(
        16, "Points between all gates 0 and all gates 1; more is slower and closer.", low=1, high=1000, whole=True
    ),
)
def integrated_gradients(asked: Asked) -> np.ndarray:
    from captum.attr import IntegratedGradients

    steps = asked.options["steps"]

    def attribute(loss: LossOfGates, gates: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        return IntegratedGradients(loss).attribute(
            gates, baselines=0.0, additional_forward_args=inputs, n_steps=steps, internal_batch_size=len(gates)
        )

    # a head that lowers the loss has a negative share of it
    return -mean_attribution(asked, "integrated_gradients", attribute, passes=steps)

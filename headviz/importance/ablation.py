"""Ablation: the loss with one head removed, less the loss with all heads."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from headviz.importance.criterion import Asked, criterion
from headviz.importance.gate_loss import LossOfGates, mean_attribution


@criterion("ablation", title="Ablation", needs="data")
def ablation(asked: Asked) -> np.ndarray:
    from captum.attr import FeatureAblation

    def attribute(loss: LossOfGates, gates: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        return FeatureAblation(loss).attribute(gates, baselines=0.0, additional_forward_args=inputs)

    # Captum gives the loss with all heads less the loss without the head
    passes = 1 + int(sum(asked.model("ablation").heads))
    return -mean_attribution(asked, "ablation", attribute, passes=passes)

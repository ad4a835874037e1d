"""The loss of each example as a function of the gates, in the form that Captum attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from headviz.data import require_data
from headviz.importance.criterion import Asked
from headviz.labels import match_labels
from headviz.progress import Progress

if TYPE_CHECKING:
    from headviz.batches import Batch

LossOfGates = Callable[..., Tensor]
Attribute = Callable[[LossOfGates, Tensor, tuple[Tensor, ...]], Tensor]


def mean_attribution(asked: Asked, name: str, attribute: Attribute, *, passes: int) -> np.ndarray:
    """(L, H): the mean over examples of what ``attribute`` gives each head's gate for the example's loss.

    ``attribute(loss_of_gates, gates (B, T), inputs)`` is one of Captum's methods on a batch; ``loss_of_gates(gates,
    *inputs)`` gives (B,) and takes its inputs as tensors of the gates' first dimension, as Captum repeats them.
    ``passes`` counts the forward passes of an example, for the progress.
    """
    subject, data = asked.model_and_data(name)
    require_data(data)
    labels = match_labels(data, subject.labels)
    total = np.zeros(int(sum(subject.heads)))
    stage = f"measuring {name.replace('_', ' ')}"
    # a caller's inference mode would leave nothing to differentiate
    with Progress(passes * len(data), stage, asked.on_progress, asked.cancel) as progress, torch.inference_mode(False):
        encoded = subject.encode(data.inputs)
        for batch in encoded.batches():
            loss = _loss_of_gates(asked, batch, progress)
            gates = torch.ones(len(batch.indices), len(total), dtype=subject.torch_dtype, device=subject.device)
            targets = torch.as_tensor(labels[batch.indices], device=subject.device)
            with subject.own_precision():
                result = attribute(loss, gates, (targets, *batch.inputs.values()))
            total += result.detach().double().sum(0).cpu().numpy()
        progress.finish()
    return subject.per_head(total / len(data))


def _loss_of_gates(asked: Asked, batch: Batch, progress: Progress) -> LossOfGates:
    subject = asked.subject
    assert subject is not None
    names = list(batch.inputs)

    def loss(gates: Tensor, targets: Tensor, *inputs: Tensor) -> Tensor:
        progress.step(len(gates))
        logits = subject.forward(dict(zip(names, inputs, strict=True)), gates=gates)
        return subject.task_definition.loss(logits, targets)

    return loss

"""The precision of a recovery: half-precision models are trained in float32."""

from __future__ import annotations

import copy

import torch
from torch import nn


def is_half(dtype: torch.dtype) -> bool:
    """Whether numbers of ``dtype`` are so coarse that most steps of training would round to nothing."""
    return torch.finfo(dtype).bits < 32


def in_training_precision(model: nn.Module) -> nn.Module:
    """A copy of ``model`` to train, in float32 where its own precision is half of that."""
    model = copy.deepcopy(model)
    if any(is_half(weight.dtype) for weight in model.parameters()):
        cast(model, torch.float32)
    return model


def cast(model: nn.Module, dtype: torch.dtype) -> None:
    """Give all weights ``dtype``, in place; buffers stay, such as rotary frequencies, which are float32 always."""
    for weight in model.parameters():
        weight.data = weight.data.to(dtype)

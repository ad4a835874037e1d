"""The precision of a recovery: half-precision models are trained in float32; on a GPU accelerate then puts autocast
around the model's forward pass, which is no part of the model."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

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


def without_autocast(model: nn.Module) -> None:
    """Take off what accelerate has put around the forward pass of ``model``, for good."""
    if "_original_forward" in vars(model):
        model.forward = vars(model).pop("_original_forward")
        if model.forward == type(model).forward.__get__(model):  # no forward pass of its own
            del model.forward


@contextlib.contextmanager
def in_own_precision(model: nn.Module) -> Iterator[None]:
    """Within the block ``model`` computes in the precision of its weights."""
    kept: dict[str, Any] = {name: vars(model)[name] for name in ("forward", "_original_forward") if name in vars(model)}
    without_autocast(model)
    try:
        yield
    finally:
        vars(model).update(kept)

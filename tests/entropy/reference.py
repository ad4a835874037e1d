"""The slow twin: entropies from the whole attention matrix in float64."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def reference_rows(
    query: Tensor,
    key: Tensor,
    *,
    mask: Tensor | None = None,
    causal: bool = False,
    order: float = 1.0,
    scale: float | None = None,
    bias: Tensor | None = None,
    kind: str = "renyi",
) -> tuple[Tensor, float]:
    """Entropies (B, H, n) by their definition, NaN for rows without a key, and the largest absolute logit."""
    key = key.double().repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    logits = (query.shape[-1] ** -0.5 if scale is None else scale) * query.double() @ key.transpose(-1, -2)
    largest = logits.abs().max().item()
    for extra in (mask, bias):
        if extra is not None and extra.dtype == torch.bool:
            logits = logits.masked_fill(~extra, -math.inf)
        elif extra is not None:
            logits = logits + extra.double()
    if causal:
        logits = logits.masked_fill(~torch.ones(logits.shape[-2:], dtype=torch.bool).tril(), -math.inf)
    logits = logits.masked_fill(logits < -4e8, -math.inf)
    return entropy_of(logits.log_softmax(-1), order, kind), largest  # NaN where no key is left


def entropy_of(log_p: Tensor, order: float, kind: str = "renyi") -> Tensor:
    """Entropy of float64 distributions, given as logs, along the last axis."""
    p = log_p.exp()
    if order == 1:
        return -torch.where(p == 0, 0.0, p * log_p).sum(-1)
    if math.isinf(order):
        return -log_p.amax(-1)
    if order == 0:
        log_power = torch.where(p.isnan(), p, (log_p > -math.inf).double()).sum(-1).log()
    else:
        log_power = (order * log_p).logsumexp(-1)
    return log_power / (1 - order) if kind == "renyi" else torch.expm1(log_power) / (1 - order)


def tolerance(largest: float) -> float:
    """Rounding of float32 logits: their size times a few units in the last place, and a floor."""
    return 1e-5 + 1e-6 * largest

"""Entropy of every attention row: the public function, the one for scoring, and the choice of a path."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from headviz.entropy import kernel
from headviz.entropy.masks import PreparedMask, additive_mask, prepare_mask
from headviz.errors import ScoreError


class RowEntropy(NamedTuple):
    """Entropies in nats, (B, H, n), and the path that computed them: "fused", "tiled" or "matrix"."""

    values: Tensor
    path: str


@torch.no_grad()
def row_entropy(
    query: Tensor,
    key: Tensor,
    mask: Tensor | PreparedMask | None = None,
    *,
    causal: bool = False,
    order: float = 1.0,
    scale: float | None = None,
) -> RowEntropy:
    query, key = query.detach(), key.detach()
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    prepared = prepare_mask(mask, dtype=query.dtype, device=query.device, causal=causal, queries=query.shape[2])
    if order == 1 and kernel.FUSED is not None and (prepared is None or not prepared.biased):
        values, path = _fused(query, key, prepared, causal=causal, scale=scale), "fused"
    else:
        values, path = _matrix(query, key, prepared, causal=causal, scale=scale), "matrix"
    values = values.relu_()
    if prepared is not None and prepared.empty is not None:
        values = values.masked_fill(prepared.empty, math.nan)
    return RowEntropy(values, path)


def _fused(query: Tensor, key: Tensor, mask: PreparedMask | None, *, causal: bool, scale: float) -> Tensor:
    key = key - key.mean(-2, keepdim=True)
    additive = None if mask is None else additive_mask(mask, query.dtype)
    lse, mean = kernel.logsumexp_and_mean(query, key, mask=additive, causal=causal, scale=scale)
    return lse - scale * (query * mean).sum(-1)


def _matrix(query: Tensor, key: Tensor, mask: PreparedMask | None, *, causal: bool, scale: float) -> Tensor:
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    logits = scale * query @ key.transpose(-1, -2)
    if mask is not None:
        logits = logits + additive_mask(mask, query.dtype)
    if causal:
        logits = logits.masked_fill(~torch.ones(logits.shape[-2:], dtype=torch.bool).tril(), -math.inf)
    log_p = logits.log_softmax(-1)
    return -(log_p.exp() * log_p).nan_to_num(0.0).sum(-1)

"""Attention maps of chosen layers, for looking at one example; never taken while scores are."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from headviz.attention import Seen


@torch.no_grad()
def attention_map(seen: Seen) -> Tensor:
    """The softmax weights (B, H, n, m) of one attention call, in float32 (float64 for such a model), from its query and
    key: the call itself ran in a fused kernel, which keeps none."""
    dtype = seen.query.dtype if seen.query.dtype == torch.float64 else torch.float32
    query, key = seen.query.detach().to(dtype), seen.key.detach().to(dtype)
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    scale = query.shape[-1] ** -0.5 if seen.scale is None else seen.scale
    logits = (scale * query) @ key.transpose(-1, -2)
    if seen.mask is not None:
        hidden = torch.finfo(dtype).min
        bias = seen.mask if seen.mask.dtype != torch.bool else torch.where(seen.mask, 0.0, hidden)
        logits = logits + bias.to(dtype)
    if seen.causal:
        visible = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).tril()
        logits = logits.masked_fill(~visible, -torch.inf)
    return logits.softmax(-1)


class MapObserver:
    """Keeps the softmax weights (B, H, n, m) float32 of the attention calls in ``indices``; ``maps`` by call index."""

    def __init__(self, indices: Collection[int]) -> None:
        self._indices = frozenset(indices)
        self.maps: dict[int, Tensor] = {}

    @torch.no_grad()
    def see(self, seen: Seen) -> None:
        if seen.index not in self._indices:
            return
        self.maps[seen.index] = attention_map(seen).cpu()

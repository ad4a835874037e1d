"""Attention maps of chosen layers, for looking at one example; never taken while scores are."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from headviz.attention import Seen


class MapObserver:
    """Keeps the softmax weights (B, H, n, m) float32 of the attention calls in ``indices``; ``maps`` by call index."""

    def __init__(self, indices: Collection[int]) -> None:
        self._indices = frozenset(indices)
        self.maps: dict[int, Tensor] = {}

    @torch.no_grad()
    def see(self, seen: Seen) -> None:
        if seen.index not in self._indices:
            return
        query, key = seen.query.detach().float(), seen.key.detach().float()
        key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
        scale = query.shape[-1] ** -0.5 if seen.scale is None else seen.scale
        logits = scale * query @ key.transpose(-1, -2)
        if seen.mask is not None:
            hidden = torch.finfo(logits.dtype).min
            bias = seen.mask if seen.mask.dtype != torch.bool else torch.where(seen.mask, 0.0, hidden)
            logits = logits + bias
        if seen.causal:
            visible = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).tril()
            logits = logits.masked_fill(~visible, -torch.inf)
        self.maps[seen.index] = logits.softmax(-1).cpu()

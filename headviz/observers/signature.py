"""Behavioural signatures of heads, taken while the model runs: one layer's maps at a time, released at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from headviz.attention import Seen
from headviz.observers.maps import attention_map
from headviz.observers.resize import resized, resizers, visible


class SignatureObserver:
    """Hands ``take(call index, X)`` the signatures X (B, H, grid, grid) float32 of each attention call: with
    ``resize="mass"`` X[i, j] is the share of the attention of the i-th part of a text that goes to its j-th part.

    ``valid`` (B, S) bool: tokens that count; ``renormalise``: whether the model saw others than these and padding.
    """

    def __init__(
        self, valid: Tensor, grid: int, resize: str, take: Callable[[int, Tensor], None], *, renormalise: bool = False
    ) -> None:
        self._valid, self._renormalise, self._take = valid, renormalise, take
        self._query, self._key = resizers(valid, grid, resize)
        self._empty = ~valid.any(dim=1) if renormalise else None

    @torch.no_grad()
    def see(self, seen: Seen) -> None:
        maps = visible(attention_map(seen).float(), self._valid, renormalise=self._renormalise)
        signatures = resized(maps, self._query, self._key)
        if self._empty is not None:  # a text of special tokens alone
            signatures[self._empty] = 1 / signatures.shape[-1]
        self._take(seen.index, signatures)


class OutputObserver:
    """Collects the head outputs of each example, mean over the tokens that count: ``result()`` is (B, T, d)."""

    def __init__(self, valid: Tensor) -> None:
        self._weights = valid / valid.sum(dim=1, keepdim=True).clamp(min=1)
        self._means: list[Tensor] = []

    @torch.no_grad()
    def see(self, seen: Seen) -> None:
        output = seen.output.detach().float()
        output = torch.where(self._weights[:, :, None, None] > 0, output, 0.0)
        self._means.append(torch.einsum("bn,bnhd->bhd", self._weights.to(output.dtype), output))

    def result(self) -> Tensor:
        return torch.cat(self._means, dim=1)

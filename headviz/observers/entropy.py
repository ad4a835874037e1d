"""Attention entropy of every head for each example of a batch, taken while the model runs, without attention maps."""

from __future__ import annotations

import torch
from torch import Tensor

from headviz.attention import Seen
from headviz.entropy import PreparedMask, prepare_mask, row_entropy, row_weights, visible_keys, weighted_mean


class EntropyObserver:
    """Collects per attention call the mean entropy of each example's usable rows, (B, H) (Choi et al. 2026, B.2.1).

    ``real`` (B, n): True for tokens that are not padding. ``path`` names the way the rows were computed.
    """

    def __init__(self, real: Tensor, *, normalised: bool = True, order: float = 1.0) -> None:
        self._real, self._normalised, self._order = real, normalised, order
        self._for: tuple[Tensor | None, bool, int, int] | None = None
        self._prepared: tuple[PreparedMask | None, Tensor] | None = None
        self._means: list[Tensor] = []
        self.path: str | None = None

    @torch.no_grad()
    def see(self, seen: Seen) -> None:
        mask, weights = self._mask(seen)
        rows = row_entropy(
            seen.query.detach(), seen.key.detach(), mask, causal=seen.causal, order=self._order, scale=seen.scale
        )
        self.path = rows.path
        self._means.append(weighted_mean(rows.values, weights, normalised=self._normalised))

    def _mask(self, seen: Seen) -> tuple[PreparedMask | None, Tensor]:
        # most models hand the same mask to every layer: look at it once a batch
        queries, keys = seen.query.shape[2], seen.key.shape[2]
        same = self._for is not None and self._for[0] is seen.mask and self._for[1:] == (seen.causal, queries, keys)
        if self._prepared is None or not same:
            dtype = seen.query.dtype if seen.query.dtype == torch.float64 else torch.float32
            mask = prepare_mask(seen.mask, dtype=dtype, device=seen.query.device, causal=seen.causal, queries=queries)
            visible = visible_keys(mask, self._real, seen.causal, keys=keys)
            weights = row_weights(visible, normalised=self._normalised, order=self._order)
            self._for = (seen.mask, seen.causal, queries, keys)
            self._prepared = (mask, weights)
        return self._prepared

    def result(self) -> Tensor:
        """(B, T) over the heads of all calls; NaN for an example without a row of two keys."""
        return torch.cat(self._means, dim=1)

"""From entropies of rows to one number per example and head: the average over usable queries.

AE of an example = mean over its real queries i with n_i >= 2 visible keys of H_i / log n_i, in [0, 1]; raw: the mean
of H_i in nats over the same queries (Choi et al. 2026, appendix B.2.1, with the effective context length per row).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def largest_entropy(keys: Tensor, *, order: float = 1.0, kind: str = "renyi") -> Tensor:
    """The entropy of a uniform row over ``keys`` keys, float64: log n for every Renyi order."""
    count = keys.to(torch.float64)
    if kind == "renyi" or order == 1:
        return count.log()
    if math.isinf(order):
        return torch.zeros_like(count)
    return torch.expm1((1 - order) * count.log()) / (1 - order)


def row_weights(visible: Tensor, *, normalised: bool = True, order: float = 1.0, kind: str = "renyi") -> Tensor:
    """What each row counts for in the average of its example: float64 of the shape of ``visible``, (B, n).

    Rows with fewer than two keys weigh 0; an example without any other row has NaN weights, so that its average is
    NaN. Made once per batch and given to `weighted_mean` for each layer.
    """
    usable = visible >= 2
    weight = usable.to(torch.float64) / usable.sum(-1, keepdim=True)
    if normalised:
        weight = weight / largest_entropy(visible.clamp_min(2), order=order, kind=kind)
    return weight


def weighted_mean(values: Tensor, weights: Tensor, *, normalised: bool = True) -> Tensor:
    """Average of ``values`` (B, H, n) with the weights of `row_weights`: (B, H), the type of ``values``.

    Rounding is clamped to [0, 1], raw entropies at 0. Rows of weight 0 may hold anything, NaN too.
    """
    weights = weights.to(values.dtype)
    weights = weights[:, None] if weights.dim() == 2 else weights
    mean = torch.where(weights == 0, 0.0, values * weights).sum(-1)
    return mean.clamp(0.0, 1.0) if normalised else mean.clamp_min(0.0)


def mean_entropy(
    values: Tensor, visible: Tensor, *, normalised: bool = True, order: float = 1.0, kind: str = "renyi"
) -> Tensor:
    """Entropy of each example and head: (B, H), the type of ``values``, in [0, 1] or, raw, in nats.

    ``values``: (B, H, n), nats. ``visible``: int (B, n), keys that each query may attend to, 0 for padded queries, as
    `visible_keys` counts them. NaN for an example without a row of two keys.
    """
    weights = row_weights(visible, normalised=normalised, order=order, kind=kind)
    return weighted_mean(values, weights, normalised=normalised)

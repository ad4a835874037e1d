"""One attention map on the grid: what the pass does to each example before it takes means over them."""

from __future__ import annotations

import numpy as np

from headviz.observers.resize import resized, resizers


def on_grid(weights: np.ndarray, grid: int, rule: str = "mass") -> np.ndarray:
    """``weights`` (S, S), rows = queries that sum to 1, padding left out, as (grid, grid) float32; ``rule`` "mass", in
    which rows add up to 1 again, or "bilinear"."""
    import torch

    query, key = resizers(torch.ones(1, len(weights), dtype=torch.bool), grid, rule)
    return resized(torch.as_tensor(weights, dtype=torch.float32)[None, None], query, key)[0, 0].numpy()

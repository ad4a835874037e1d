"""From attention maps of any length to grid x grid, blind to padding: two sparse matrices per example.

The t-th of n valid tokens takes the interval [t/n, (t+1)/n) and bin i of a grid g the interval [i/g, (i+1)/g). Where
they overlap a query is averaged and a key's mass is shared out, so that rows of the result add up to exactly one for
every n and g.
"""

from __future__ import annotations

import torch
from torch import Tensor

_EMPTY_ROW = 1e-6


def resizers(valid: Tensor, grid: int, rule: str) -> tuple[Tensor, Tensor]:
    """``valid`` (B, S) bool, wherever the valid tokens lie. Two (B, grid, S) float32: over queries and over keys.

    ``rule`` "mass": rows over queries sum to 1, columns of valid keys sum to 1. "bilinear": half-pixel centres, no
    antialiasing, the same for both.
    """
    n = valid.sum(dim=1, keepdim=True).clamp(min=1)[:, :, None]  # (B, 1, 1)
    place = valid.cumsum(dim=1)[:, None, :] - 1  # (B, 1, S): t of each valid token
    bins = torch.arange(grid, device=valid.device)[None, :, None]  # (1, g, 1)
    if rule == "mass":
        # whole numbers, so that nothing is lost: lengths of overlaps times n g
        overlap = torch.minimum((place + 1) * grid, (bins + 1) * n) - torch.maximum(place * grid, bins * n)
        overlap = overlap.clamp(min=0) * valid[:, None, :]
        return overlap.float() / n, overlap.float() / grid
    source = ((bins.double() + 0.5) * n / grid - 0.5).clamp(min=0)
    low = source.floor().long().clamp(max=n - 1)
    weight = (source - low).float()
    high = torch.minimum(low + 1, n - 1)
    matrix = (place == low) * (1 - weight) + (place == high) * weight
    matrix = matrix * valid[:, None, :]
    return matrix, matrix


def resized(maps: Tensor, query: Tensor, key: Tensor) -> Tensor:
    """``maps`` (B, H, S, S) and the two `resizers` (B, g, S) give (B, H, g, g)."""
    batch, heads, length, _ = maps.shape
    grid = query.shape[1]
    by_key = maps.reshape(batch, heads * length, length) @ key.transpose(1, 2)
    by_key = by_key.reshape(batch, heads, length, grid).transpose(1, 2).reshape(batch, length, heads * grid)
    return (query @ by_key).reshape(batch, grid, heads, grid).transpose(1, 2)


def visible(maps: Tensor, valid: Tensor, *, renormalise: bool) -> Tensor:
    """``maps`` with 0 in the rows of tokens that do not count, where kernels leave anything, NaN included.

    ``renormalise``: rows are brought back to a sum of one over the valid tokens, where some that the model saw do not
    count; a row that only looked at those becomes uniform.
    """
    maps = torch.where(valid[:, None, :, None], maps, 0.0)
    if not renormalise:
        return maps
    maps = maps * valid[:, None, None, :]
    mass = maps.sum(-1, keepdim=True)
    uniform = valid / valid.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.where(mass < _EMPTY_ROW, uniform[:, None, None, :], maps / mass.clamp(min=_EMPTY_ROW))

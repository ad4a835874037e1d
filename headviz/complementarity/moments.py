"""Means and variances per group of examples, head and cell, streamed: memory does not grow with the examples."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Moments:
    """Weighted sums over examples of values per head and cell, in float64.

    ``weights`` (examples, G): how often each example counts in each of G groups. A class is a group of ones and zeros;
    so is a class under permuted labels, and a bootstrap sample of a class is one of whole numbers. Values are taken
    less those of the first batch's mean, so that a variance far below the squared mean keeps its digits.
    """

    def __init__(self, weights: np.ndarray, heads: int, cells: int) -> None:
        """Sums start at zero. Their memory is taken from here on: `size_of` says how much."""
        self._weights = torch.as_tensor(weights, dtype=torch.float64)
        groups = weights.shape[1]
        self.counts = weights.sum(axis=0)
        self._shift = torch.zeros(heads, cells, dtype=torch.float64)
        self._known = torch.zeros(heads, dtype=torch.bool)
        self._total = torch.zeros(groups, heads, cells, dtype=torch.float64)
        self._square = torch.zeros(groups, heads, cells, dtype=torch.float64)

    def add(self, examples: np.ndarray, first_head: int, values: Tensor) -> None:
        """``values`` (B, H, cells) of the B ``examples`` for the heads from ``first_head`` on."""
        values = values.cpu().double()  # some devices have no float64
        batch, heads, cells = values.shape
        here = slice(first_head, first_head + heads)
        if not self._known[first_head]:
            self._shift[here], self._known[here] = values.mean(dim=0), True
        deviation = (values - self._shift[here]).reshape(batch, heads * cells)
        weights = self._weights[torch.as_tensor(examples)].T
        self._total[:, here] += (weights @ deviation).reshape(-1, heads, cells)
        self._square[:, here] += (weights @ deviation.square_()).reshape(-1, heads, cells)

    def result(self, ddof: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """(mean, variance), each (G, heads, cells) float64; NaN where a group has too few examples. They take the
        place of the sums, so that nothing is held twice: this ends the stream."""
        for group, count in enumerate(self.counts.tolist()):
            total, square = self._total[group], self._square[group]
            if count <= 0:
                total.fill_(torch.nan)
            else:
                square.addcmul_(total, total, value=-1 / count).clamp_(min=0)
                total.div_(count).add_(self._shift)
            if count > ddof:
                square.div_(count - ddof)
            else:
                square.fill_(torch.nan)
        return self._total.numpy(), self._square.numpy()


def size_of(groups: int, heads: int, cells: int) -> int:
    """Bytes that `Moments` of so many groups, heads and cells take: two sums in float64."""
    return 2 * 8 * groups * heads * cells

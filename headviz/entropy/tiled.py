"""Entropy of any order, and the attention output if wanted, from tiles of the attention matrix.

An online softmax in plain torch. Per row it keeps the largest logit so far (peak), z = sum e^x with x = s - peak, and
what the order needs:

    order 1           t = sum x e^x                  H = log z - t / z
    order in [.5,1.5] u = sum (e^(q x) - e^x)        H_q = log z + log(1 + u / z) / (1 - q)
    other orders      w = sum e^(q x)                H_q = (log w - q log z) / (1 - q)
    infinity          nothing                        H_inf = log z

u keeps its relative precision as q goes to 1, so nothing is amplified there. When the peak moves by d <= 0, z and w
shrink by e^d and e^(q d), t becomes e^d (t + d z), and u becomes e^(q d) u + (e^(q d) - e^d) z.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from headviz.entropy.masks import PreparedMask, attend

# Hidden logits get this instead of -inf: e^x is 0 all the same, and no inf - inf or 0 * inf can arise. A tile in
# which a row has no key adds terms that the first real logit wipes out, as their factor is then e^-1e30 = 0.
_HIDDEN = -1e30

_CACHE_BYTES = 1 << 20  # of logits per tile on a CPU: tiles that leave the cache are several times slower
_DEVICE_BYTES = 256 << 20  # elsewhere, where many small steps are what is slow
_TILE_KEYS = 512


@dataclass(frozen=True)
class Tile:
    """How much of (batch, heads, queries, keys) is worked on at once."""

    batch: int
    heads: int
    queries: int
    keys: int


def choose_tile(shape: tuple[int, int, int, int], dtype: torch.dtype, device: torch.device, causal: bool) -> Tile:
    """A tile bounded by bytes: part of one head for long rows, several heads or examples for short ones.

    Causal tiles are small squares, as what lies above the diagonal is skipped in whole tiles only.
    """
    batch, heads, queries, keys = shape
    on_cpu = device.type == "cpu"
    entries = (_CACHE_BYTES if on_cpu else _DEVICE_BYTES) // dtype.itemsize
    if causal and on_cpu:
        side = min(256, max(64, queries // 8))
        rows, columns = min(queries, side), min(keys, side)
    else:
        columns = min(keys, _TILE_KEYS if on_cpu else max(_TILE_KEYS, entries // queries))
        rows = min(queries, max(1, entries // columns))
    together = max(1, entries // (rows * columns))
    return Tile(max(1, min(batch, together // heads)), min(heads, together), rows, columns)


def tiled_entropy(
    query: Tensor,
    key: Tensor,
    mask: PreparedMask | None,
    *,
    causal: bool,
    order: float,
    scale: float,
    value: Tensor | None = None,
    tile: Tile | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Renyi entropies (B, H, n) in nats and, with ``value``, the attention output (B, H, n, dv)."""
    batch, heads, queries, _ = query.shape
    tile = tile or choose_tile((batch, heads, queries, key.shape[2]), query.dtype, query.device, causal)
    entropy = query.new_empty(batch, heads, queries)
    output = None if value is None else query.new_empty(batch, heads, queries, value.shape[-1])
    buffers = _Buffers(tile, query)
    for b, h in itertools.product(_ranges(batch, tile.batch), _ranges(heads, tile.heads)):
        keys = _heads_of(key, b, h, heads)
        keys = (keys - keys.mean(-2, keepdim=True)).flatten(0, 1)
        values = None if value is None else _heads_of(value, b, h, heads).flatten(0, 1)
        sources = () if mask is None else tuple(_cut(_cut(source, 0, b), 1, h) for source in mask.sources)
        for rows in _ranges(queries, tile.queries):
            part = query[b, h, rows]
            scaled = part.flatten(0, 1) * scale
            sums = _Sums(order)
            for columns in _ranges(min(key.shape[2], rows.stop) if causal else key.shape[2], tile.keys):
                shape = (*scaled.shape[:2], columns.stop - columns.start)
                logits = torch.bmm(scaled, keys[:, columns].transpose(1, 2), out=buffers.logits(shape))
                _hide(logits.view(*part.shape[:3], -1), sources, rows, columns, causal)
                sums.add(logits, None if values is None else values[:, columns], buffers)
            entropy[b, h, rows] = sums.entropy().view(part.shape[:3])
            if output is not None and sums.output is not None:
                output[b, h, rows] = (sums.output / sums.z.unsqueeze(-1)).view(*part.shape[:3], -1)
    return entropy, output


class _Buffers:
    """Two blocks of memory for all tiles, as new ones for each tile would cost more than the arithmetic."""

    def __init__(self, tile: Tile, like: Tensor) -> None:
        size = tile.batch * tile.heads * tile.queries * tile.keys
        self._logits, self._spare = like.new_empty(size), like.new_empty(size)

    def logits(self, shape: tuple[int, int, int]) -> Tensor:
        return self._logits[: math.prod(shape)].view(shape)

    def spare(self, shape: torch.Size) -> Tensor:
        return self._spare[: shape.numel()].view(shape)


class _Sums:
    """Running sums of a block of rows (heads, queries)."""

    def __init__(self, order: float) -> None:
        self.order = order
        self.peak: Tensor | None = None
        self.z = self.moment = torch.empty(0)
        self.output: Tensor | None = None

    def add(self, logits: Tensor, value: Tensor | None, buffers: _Buffers) -> None:
        """Take in one tile of logits (heads, queries, keys), which is overwritten."""
        peak = logits.amax(-1)
        if self.peak is not None:
            peak = torch.maximum(peak, self.peak)
        x = logits.sub_(peak.unsqueeze(-1))
        weight = torch.exp(x, out=buffers.spare(x.shape))
        z = weight.sum(-1)
        output = None if value is None else torch.bmm(weight, value)
        moment = self._moment(x, weight)
        if self.peak is not None:
            d = self.peak - peak
            shrink = d.exp()
            moment += self._moved(d, shrink)
            z += shrink * self.z
            if output is not None and self.output is not None:
                output += shrink.unsqueeze(-1) * self.output
        self.peak, self.z, self.moment, self.output = peak, z, moment, output

    def _moment(self, x: Tensor, weight: Tensor) -> Tensor:
        if self.order == 1:
            return x.mul_(weight).sum(-1)
        if math.isinf(self.order):
            return torch.zeros_like(x[..., 0])
        if _is_near_one(self.order):
            return _gain(x, self.order).sum(-1)
        return x.mul_(self.order).exp_().sum(-1)

    def _moved(self, d: Tensor, shrink: Tensor) -> Tensor:
        """The sum so far, seen from a peak that moved by d."""
        if self.order == 1:
            return shrink * (self.moment + d * self.z)
        if math.isinf(self.order):
            return self.moment
        moved = (self.order * d).exp() * self.moment
        return moved + _gain(d, self.order) * self.z if _is_near_one(self.order) else moved

    def entropy(self) -> Tensor:
        log_z, q = self.z.log(), self.order
        if q == 1:
            return log_z - self.moment / self.z
        if math.isinf(q):
            return log_z
        if _is_near_one(q):
            return log_z + torch.log1p(self.moment / self.z) / (1 - q)
        return q / (q - 1) * log_z - self.moment.log() / (q - 1)


def _is_near_one(order: float) -> bool:
    return abs(order - 1) <= 0.5


def _gain(x: Tensor, order: float) -> Tensor:
    """e^(q x) - e^x for x <= 0, with relative precision, and 0 for hidden logits."""
    if order > 1:
        return torch.expm1((order - 1) * x).mul_(x.exp())
    return torch.expm1((1 - order) * x).mul_((order * x).exp()).neg_()


def _hide(logits: Tensor, sources: tuple[Tensor, ...], rows: slice, columns: slice, causal: bool) -> None:
    """Add biases to a tile of logits (batch, heads, rows, columns), and hide what may not be attended to."""
    for source in sources:
        piece = _cut(_cut(source, 2, rows), 3, columns)
        if piece.dtype != torch.bool:
            logits.add_(piece)
        logits.masked_fill_(~attend(piece), _HIDDEN)
    if causal and columns.stop > rows.start + 1:
        row = torch.arange(rows.start, rows.stop, device=logits.device)
        column = torch.arange(columns.start, columns.stop, device=logits.device)
        logits.masked_fill_(column > row[:, None], _HIDDEN)


def _cut(source: Tensor, axis: int, part: slice) -> Tensor:
    """A range of an axis, which stays whole where it broadcasts."""
    return source if source.shape[axis] == 1 else source.narrow(axis, part.start, part.stop - part.start)


def _heads_of(key: Tensor, batch: slice, heads: slice, queries_heads: int) -> Tensor:
    """Keys or values of a range of query heads; several query heads may share one key head."""
    shared = queries_heads // key.shape[1]
    if shared == 1:
        return key[batch, heads]
    return key[batch, torch.arange(heads.start, heads.stop, device=key.device) // shared]


def _ranges(length: int, step: int) -> Iterator[slice]:
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))

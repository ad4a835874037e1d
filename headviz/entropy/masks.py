"""Attention masks as the entropy sees them: which keys a query may attend to, and what is added to its logits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from headviz.errors import ScoreError

# An additive entry this low leaves no weight in any float type, so it hides the key. Models write -inf, the lowest
# number of their type (float16: -65504) or -1e9; all three are below these.
_HIDDEN_BELOW = -5e8
_HIDDEN_BELOW_HALF = -32752.0

_BLOCK_BYTES = 8 << 20  # masks of many rows are looked at in pieces of this size


@dataclass(frozen=True)
class PreparedMask:
    """A mask that was looked at once and serves every layer of a batch.

    ``source``: (B|1, H|1, n|1, m), bool (True = may attend) or float (added to the logits).
    ``additive``: the same as floats of the query's type, hidden keys at -inf; None where nothing asked for it.
    ``biased``: some entry is neither 0 nor hidden. ``empty``: bool (B|1, H|1, n|1), rows without a key, or None
    where every row has one; ``causal`` is part of that count.
    """

    source: Tensor
    additive: Tensor | None
    biased: bool
    empty: Tensor | None
    causal: bool


def prepare_mask(
    mask: Tensor | PreparedMask | None,
    *,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    causal: bool = False,
    queries: int | None = None,
    additive: bool = True,
) -> PreparedMask | None:
    """Look at a mask once per batch; the result goes to every `row_entropy` of the batch.

    ``mask``: bool (True = may attend) or additive floats, broadcastable to (B, H, n, m). ``dtype``: the type that the
    entropy is computed in. ``queries``: n, needed only where a mask of one row meets ``causal``.
    A mask whose rows are all equal, as padding gives, is kept as one row.
    """
    if mask is None or isinstance(mask, PreparedMask):
        return mask
    if mask.dim() > 4 or mask.dim() < 1 or mask.is_complex():
        raise ScoreError(f"The mask has shape {tuple(mask.shape)}; pass one that broadcasts to (B, H, n, m).")
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise ScoreError(f"The mask is {mask.dtype}; pass a bool mask (True = may attend) or an additive float mask.")
    source = mask.detach().to(device)
    source = source[(None,) * (4 - source.dim())]
    rows = queries if queries is not None else source.shape[2]
    if source.shape[2] > 1 and _rows_equal(source):
        source = source[:, :, :1]
    biased = source.dtype != torch.bool and _has_bias(source)
    seen = _count_keys(source, causal, rows)
    empty = seen == 0
    return PreparedMask(
        source=source,
        additive=_as_additive(source, dtype) if additive else None,
        biased=biased,
        empty=empty if bool(empty.any()) else None,
        causal=causal,
    )


def additive_mask(mask: PreparedMask, dtype: torch.dtype) -> Tensor:
    """The mask as floats of ``dtype``, hidden keys at -inf: the stored one where it fits."""
    if mask.additive is not None and mask.additive.dtype == dtype:
        return mask.additive
    return _as_additive(mask.source, dtype)


def visible_keys(
    mask: Tensor | PreparedMask | None, real: Tensor, causal: bool = False, *, keys: int | None = None
) -> Tensor:
    """How many keys each query may attend to, counted from the mask: int64 (B, n), 0 for padded queries.

    ``real``: bool (B, n), True for real tokens. ``keys``: m where it is not n (cross-attention without a mask).
    A mask that differs between heads gives (B, H, n).
    """
    queries = real.shape[-1]
    if mask is None:
        seen = all_keys(queries, queries if keys is None else keys, causal, real.device)[None, None]
    else:
        source = mask.source if isinstance(mask, PreparedMask) else mask[(None,) * (4 - mask.dim())]
        seen = _count_keys(source.to(real.device), causal, queries)
    seen = seen.expand(real.shape[0], seen.shape[1], queries) * real.to(torch.bool)[:, None]
    return seen[:, 0] if seen.shape[1] == 1 else seen


def all_keys(queries: int, keys: int, causal: bool, device: torch.device | str) -> Tensor:
    """Visible keys per query without a mask: int64 (n,). Causal is aligned top left, as sdpa's is_causal."""
    if not causal:
        return torch.full((queries,), keys, dtype=torch.int64, device=device)
    return torch.arange(1, queries + 1, device=device).clamp_max_(keys)


def attend(part: Tensor) -> Tensor:
    """Which entries of a mask, or of a piece of one, may be attended to: bool of the same shape."""
    if part.dtype == torch.bool:
        return part
    return part > (_HIDDEN_BELOW_HALF if part.dtype == torch.float16 else _HIDDEN_BELOW)


def _as_additive(source: Tensor, dtype: torch.dtype) -> Tensor:
    base = torch.zeros((), dtype=dtype, device=source.device)
    values = base if source.dtype == torch.bool else source.to(dtype)
    return torch.where(attend(source), values, base - torch.inf)


def _count_keys(source: Tensor, causal: bool, queries: int) -> Tensor:
    """Visible keys per row: int64 (B|1, H|1, n|1), with all n rows where causal makes them differ."""
    if not causal:
        return torch.cat([attend(part).sum(-1) for _, part in _row_blocks(source)], dim=2)
    keys = source.shape[3]
    if source.shape[2] == 1:
        seen = attend(source[:, :, 0]).cumsum(-1)
        last = torch.arange(queries, device=source.device).clamp_max_(keys - 1)
        return seen[..., last]
    column = torch.arange(keys, device=source.device)
    counts = []
    for start, part in _row_blocks(source):
        row = torch.arange(start, start + part.shape[2], device=source.device)
        counts.append((attend(part) & (column <= row[:, None])).sum(-1))
    return torch.cat(counts, dim=2)


def _has_bias(source: Tensor) -> bool:
    return any(bool((attend(part) & (part != 0)).any()) for _, part in _row_blocks(source))


def _rows_equal(source: Tensor) -> bool:
    if source.stride(2) == 0:
        return True
    first = source[:, :, :1]
    # Most masks with rows of their own already differ in the last one, so the full look is rarely paid for.
    if not bool((source[:, :, -1:] == first).all()):
        return False
    return all(bool((part == first).all()) for _, part in _row_blocks(source))


def _row_blocks(source: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Pieces of (start, rows) along the query axis, so that looking at a long mask needs little memory."""
    row_bytes = max(1, source.shape[0] * source.shape[1] * source.shape[3] * source.element_size())
    step = max(1, _BLOCK_BYTES // row_bytes)
    for start in range(0, source.shape[2], step):
        yield start, source[:, :, start : start + step]

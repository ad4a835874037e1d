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
_ADDITIVE_BYTES = 64 << 20  # beyond this a mask is read tile by tile and not copied into floats


@dataclass(frozen=True)
class PreparedMask:
    """A mask that was looked at once and serves every layer of a batch.

    ``sources``: what the caller gave, each (B|1, H|1, n|1, m|1), bool (True = may attend) or added to the logits.
    ``additive``: 0 and -inf in the type of the computation, for the fused kernel; None where an entry is neither 0
    nor hidden (``biased``) or the copy would be large. ``empty``: bool (B|1, H|1, n|1), rows without a key, or None
    where every row has one. ``causal`` is part of that count.
    """

    sources: tuple[Tensor, ...]
    additive: Tensor | None
    biased: bool
    empty: Tensor | None
    causal: bool


def prepare_mask(
    mask: Tensor | PreparedMask | None,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    causal: bool = False,
    queries: int | None = None,
    bias: Tensor | None = None,
) -> PreparedMask | None:
    """Look at a mask once per batch; the result goes to every `row_entropy` of the batch.

    ``mask``: bool (True = may attend) or additive floats, broadcastable to (B, H, n, m); ``bias``: more of the latter.
    ``dtype``: the type of the computation, float32 for half inputs. ``queries``: n, needed where ``causal`` meets a
    mask of one row and n is not m. A mask whose rows are all equal, as padding gives, is kept as one row.
    """
    if isinstance(mask, PreparedMask) and bias is None and mask.causal == causal:
        return mask
    given = mask.sources if isinstance(mask, PreparedMask) else () if mask is None else (mask,)
    sources = tuple(_source(part, device) for part in (*given, *(() if bias is None else (bias,))))
    if not sources:
        return None
    rows = max(source.shape[2] for source in sources)
    sources = tuple(_one_row(source) for source in sources)
    biased = any(_has_bias(source) for source in sources)
    shape = torch.broadcast_shapes(*(source.shape for source in sources))
    small = shape.numel() * dtype.itemsize <= _ADDITIVE_BYTES
    empty = _count_keys(sources, causal, queries or (rows if rows > 1 else shape[3])) == 0
    return PreparedMask(
        sources=sources,
        additive=_as_additive(sources, dtype) if small and not biased else None,
        biased=biased,
        empty=empty if bool(empty.any()) else None,
        causal=causal,
    )


def additive_mask(mask: PreparedMask, dtype: torch.dtype) -> Tensor:
    """The mask as floats of ``dtype``, hidden keys at -inf: the stored one where it fits."""
    if mask.additive is not None:
        return mask.additive.to(dtype)
    return _as_additive(mask.sources, dtype)


def visible_keys(
    mask: Tensor | PreparedMask | None, real: Tensor, causal: bool = False, *, keys: int | None = None
) -> Tensor:
    """How many keys each query may attend to, counted from the mask: int64 (B, n), 0 for padded queries.

    ``real``: bool (B, n), True for real tokens. ``keys``: m where it is not n (cross-attention without a mask).
    A mask that differs between heads gives (B, H, n).
    """
    batch, queries = real.shape
    if mask is None:
        seen = all_keys(queries, queries if keys is None else keys, causal, real.device)[None, None]
    else:
        sources = mask.sources if isinstance(mask, PreparedMask) else (_one_row(_source(mask, real.device)),)
        seen = _count_keys(sources, causal, queries)
    seen = seen.expand(batch, seen.shape[1], queries) * real.to(torch.bool)[:, None]
    return seen[:, 0] if seen.shape[1] == 1 else seen


def count_keys(mask: PreparedMask | None, queries: int, keys: int, causal: bool, device: torch.device) -> Tensor:
    """Visible keys per row: int64, broadcastable to (B, H, n)."""
    if mask is None:
        return all_keys(queries, keys, causal, device)
    return _count_keys(mask.sources, causal, queries)


def all_keys(queries: int, keys: int, causal: bool, device: torch.device | str) -> Tensor:
    """Visible keys per query without a mask: int64 (n,). Causal is aligned top left, as sdpa's is_causal."""
    if not causal:
        return torch.full((queries,), keys, dtype=torch.int64, device=device)
    return torch.arange(1, queries + 1, device=device).clamp_max_(keys)


def attend(part: Tensor) -> Tensor:
    """Which entries of a mask, or of a piece of one, may be attended to: bool of the same shape."""
    if part.dtype == torch.bool:
        return part
    # Not "above the threshold": a NaN in a mask must stay visible and make its row NaN.
    return ~(part <= (_HIDDEN_BELOW_HALF if part.dtype == torch.float16 else _HIDDEN_BELOW))


def _source(mask: Tensor, device: torch.device | str) -> Tensor:
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise ScoreError(f"The mask is {mask.dtype}; pass a bool mask (True = may attend) or an additive float mask.")
    if mask.dim() > 4:
        raise ScoreError(f"The mask has shape {tuple(mask.shape)}; pass one that broadcasts to (B, H, n, m).")
    return mask.detach().to(device)[(None,) * (4 - mask.dim())]


def _one_row(source: Tensor) -> Tensor:
    return source[:, :, :1] if source.shape[2] > 1 and _rows_equal(source) else source


def _as_additive(sources: tuple[Tensor, ...], dtype: torch.dtype) -> Tensor:
    """0 and -inf, for masks without a bias."""
    hidden = torch.full((), -torch.inf, dtype=dtype, device=sources[0].device)
    parts = [torch.where(attend(source), torch.zeros_like(hidden), hidden) for source in sources]
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _count_keys(sources: tuple[Tensor, ...], causal: bool, queries: int) -> Tensor:
    """Visible keys per row: int64 (B|1, H|1, n|1), with all n rows where causal makes them differ."""
    shape = torch.broadcast_shapes(*(source.shape for source in sources))
    sources = tuple(source.expand(*source.shape[:3], shape[3]) for source in sources)
    column = torch.arange(shape[3], device=sources[0].device)
    if causal and shape[2] == 1:
        row = torch.arange(queries, device=column.device).clamp_max_(shape[3] - 1)
        return _attend_all(sources)[:, :, 0].cumsum(-1)[..., row]
    counts = []
    for start, stop in _row_blocks(shape):
        seen = _attend_all(tuple(source if source.shape[2] == 1 else source[:, :, start:stop] for source in sources))
        if causal:
            seen = seen & (column <= torch.arange(start, stop, device=column.device)[:, None])
        counts.append(seen.sum(-1))
    return torch.cat(counts, dim=2)


def _attend_all(sources: tuple[Tensor, ...]) -> Tensor:
    seen = attend(sources[0])
    for source in sources[1:]:
        seen = seen & attend(source)
    return seen


def _has_bias(source: Tensor) -> bool:
    if source.dtype == torch.bool:
        return False
    blocks = (source[:, :, start:stop] for start, stop in _row_blocks(source.shape))
    return any(bool((attend(block) & (block != 0)).any()) for block in blocks)


def _rows_equal(source: Tensor) -> bool:
    if source.stride(2) == 0:
        return True
    first = source[:, :, :1]
    # Most masks with rows of their own already differ in the last one, so the full look is rarely paid for.
    if not bool((source[:, :, -1:] == first).all()):
        return False
    return all(bool((source[:, :, start:stop] == first).all()) for start, stop in _row_blocks(source.shape))


def _row_blocks(shape: torch.Size) -> Iterator[tuple[int, int]]:
    """(start, stop) along the query axis, so that looking at a long mask needs little memory."""
    step = max(1, _BLOCK_BYTES // max(1, shape[0] * shape[1] * shape[3]))
    for start in range(0, shape[2], step):
        yield start, min(start + step, shape[2])

"""Entropy of every attention row: the public function, the one for scoring, and the choice of a path."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from headviz.entropy import kernel
from headviz.entropy.masks import PreparedMask, additive_mask, count_keys, prepare_mask
from headviz.entropy.means import largest_entropy
from headviz.entropy.tiled import Tile, tiled_entropy
from headviz.errors import ScoreError

Kind = Literal["renyi", "tsallis"]
Method = Literal["auto", "fused", "tiled", "matrix"]

# H_q from two log-sum-exps divides their rounding by |1 - q|. Closer to 1 than _DOUBLE they are taken in float64,
# closer than _SINGLE (or for orders whose scaled logits would overflow) the tiled sums are used, which need neither.
_DOUBLE = 0.25
_SINGLE = 1e-3
_LARGE = 1e4


class RowEntropy(NamedTuple):
    """Entropies (B, H, n) in nats and the path that gave them: "fused", "tiled", "matrix" or "count" (order 0)."""

    values: Tensor
    path: str


class AttentionEntropy(NamedTuple):
    """Attention output (B, H, n, dv), entropies (B, H, n) in nats, and the path that gave them."""

    output: Tensor
    entropy: Tensor
    path: str


def attention_entropy(
    query: Tensor,
    key: Tensor,
    *,
    mask: Tensor | None = None,
    causal: bool = False,
    order: float = 1.0,
    scale: float | None = None,
    bias: Tensor | None = None,
    kind: Kind = "renyi",
    method: Method = "auto",
) -> Tensor:
    """Entropy of each row of softmax(scale * query key^T + mask), in nats, without storing the attention matrix.

    ``query``: (B, H, n, d); ``key``: (B, Hk, m, d), H a multiple of Hk (grouped queries). ``mask``: bool (True = may
    attend) or floats added to the logits, broadcastable to (B, H, n, m); ``bias``: further floats to add. ``causal``:
    query i sees keys 0 to i, as in torch's ``is_causal``. ``scale``: 1/sqrt(d) where not given.
    ``order``: 1 is Shannon's entropy, others are Renyi's or, with ``kind="tsallis"``, Tsallis'; 0 and (Renyi) inf
    are allowed. ``method``: "fused" is one or two calls of a fused kernel, "tiled" goes through the matrix in
    pieces and takes any bias and order, "matrix" stores it whole; "auto" takes the cheapest that is exact.

    Returns (B, H, n), float32, or float64 for float64 input; half precision is computed in float32. NaN for rows
    without a key and for rows with inputs that are not finite. No gradient flows. Raises ScoreError for shapes,
    types, orders or methods that do not fit.
    """
    rows = row_entropy(query, key, mask, causal=causal, order=order, scale=scale, bias=bias, kind=kind, method=method)
    return rows.values


def row_entropy(
    query: Tensor,
    key: Tensor,
    mask: Tensor | PreparedMask | None = None,
    *,
    causal: bool = False,
    order: float = 1.0,
    scale: float | None = None,
    bias: Tensor | None = None,
    kind: Kind = "renyi",
    method: Method = "auto",
) -> RowEntropy:
    """`attention_entropy` with the path that was taken. A mask from `prepare_mask` is not looked at again."""
    with _plain(query.device.type):
        query, key, scale = _checked(query, key, scale)
        _check_options(order, kind, method)
        prepared = _prepared(query, key, mask, bias, causal)
        if query.numel() == 0 or key.shape[2] == 0:
            return RowEntropy(query.new_full(query.shape[:3], math.nan), "count")
        if order == 0:
            return RowEntropy(_counted(query, key, prepared, causal, kind), "count")
        path = _choose(query, prepared, order) if method == "auto" else method
        if path == "fused":
            _check_fused(query, prepared, order)
            values = _fused(query, key, prepared, causal=causal, order=order, scale=scale)
        else:
            tile = _whole(query, key) if path == "matrix" else None
            values, _ = tiled_entropy(query, key, prepared, causal=causal, order=order, scale=scale, tile=tile)
        return RowEntropy(_finished(values, prepared, order, kind), path)


def attention_with_entropy(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    mask: Tensor | PreparedMask | None = None,
    causal: bool = False,
    order: float = 1.0,
    scale: float | None = None,
    bias: Tensor | None = None,
    kind: Kind = "renyi",
) -> AttentionEntropy:
    """Attention output and entropy from one pass over tiles: for long rows cheaper than one after the other.

    Arguments and errors as in `attention_entropy`; ``value``: (B, Hk, m, dv). No gradient flows. The output has the
    type of the entropies; a row without a key gives 0 there.
    """
    with _plain(query.device.type):
        query, key, scale = _checked(query, key, scale)
        if value.dim() != 4 or value.shape[:3] != key.shape[:3]:
            raise ScoreError(f"value has shape {tuple(value.shape)}; its first three sizes must be those of key.")
        _check_options(order, kind, "tiled")
        prepared = _prepared(query, key, mask, bias, causal)
        if query.numel() == 0 or key.shape[2] == 0:
            nothing = query.new_zeros(*query.shape[:3], value.shape[-1])
            return AttentionEntropy(nothing, query.new_full(query.shape[:3], math.nan), "tiled")
        entropy, output = tiled_entropy(
            query,
            key,
            prepared,
            causal=causal,
            order=order or math.inf,  # order 0 is counted, not summed
            scale=scale,
            value=value.detach().to(query.dtype),
        )
        assert output is not None
        if order == 0:
            entropy = _counted(query, key, prepared, causal, kind)
        if prepared is not None and prepared.empty is not None:
            output = output.masked_fill(prepared.empty.unsqueeze(-1), 0.0)
        return AttentionEntropy(output, _finished(entropy, prepared, order, kind), "tiled")


def _fused(
    query: Tensor, key: Tensor, mask: PreparedMask | None, *, causal: bool, order: float, scale: float
) -> Tensor:
    """Renyi entropies from one fused call, or from two where the order is not 1."""
    returned = query.dtype
    if order != 1 and abs(order - 1) < _DOUBLE:
        query, key = query.double(), key.double()
    key = key - key.mean(-2, keepdim=True)
    additive = None if mask is None else additive_mask(mask, query.dtype)
    lse, mean = kernel.logsumexp_and_mean(query, key, mask=additive, causal=causal, scale=scale)
    expected = mean.mul_(query).sum(-1)
    if order == 1:
        return lse.sub_(expected, alpha=scale)
    lse_q, _ = kernel.logsumexp_and_mean(query, key, mask=additive, causal=causal, scale=scale * order)
    # The kernel's log-sum-exp of a row with a NaN is 0, its mean key is NaN: that is what the last term carries over.
    return ((lse_q - order * lse) / (1 - order) + 0 * expected).to(returned)


def _finished(values: Tensor, mask: PreparedMask | None, order: float, kind: str) -> Tensor:
    """Renyi entropies as the caller wants them: not below 0, of the kind asked for, NaN in rows without a key."""
    values = values.relu_()  # unlike clamp_min, relu turns -0.0 into 0.0
    if kind == "tsallis" and order not in (0, 1):
        values = torch.expm1((1 - order) * values) / (1 - order)
    if mask is not None and mask.empty is not None:
        values = values.masked_fill(mask.empty, math.nan)
    return values


def _counted(query: Tensor, key: Tensor, mask: PreparedMask | None, causal: bool, kind: str) -> Tensor:
    """Order 0 knows only how many keys a row has: log n, or n - 1."""
    seen = count_keys(mask, query.shape[2], key.shape[2], causal, query.device)
    values = largest_entropy(seen, order=0.0, kind=kind).masked_fill(seen == 0, math.nan)
    return values.to(query.dtype).expand(query.shape[:3]).contiguous()


def _choose(query: Tensor, mask: PreparedMask | None, order: float) -> str:
    # Orders other than 1 need two fused calls, next to 1 in float64: tiles take half that time or less.
    if order != 1 or kernel.FUSED is None or query.device.type != "cpu":
        return "tiled"
    return "tiled" if mask is not None and mask.additive is None else "fused"


def _order_fits_fused(order: float) -> bool:
    return order == 1 or (abs(order - 1) >= _SINGLE and order <= _LARGE)


def _whole(query: Tensor, key: Tensor) -> Tile:
    return Tile(query.shape[0], query.shape[1], query.shape[2], key.shape[2])


@contextlib.contextmanager
def _plain(device: str) -> Iterator[None]:
    """No gradients, and no lower precision than asked for even where the caller runs under autocast."""
    with torch.no_grad():
        if torch.is_autocast_enabled(device):
            with torch.autocast(device, enabled=False):
                yield
        else:
            yield


def _checked(query: Tensor, key: Tensor, scale: float | None) -> tuple[Tensor, Tensor, float]:
    """Both in the type of the computation, after checks that the kernel does not make."""
    shapes = f"query has shape {tuple(query.shape)} and key {tuple(key.shape)}"
    if query.dim() != 4 or key.dim() != 4 or query.shape[0] != key.shape[0] or query.shape[3] != key.shape[3]:
        raise ScoreError(f"{shapes}; pass (B, H, n, d) and (B, Hk, m, d) with the same B and d.")
    if key.shape[1] == 0 or query.shape[1] % key.shape[1]:
        raise ScoreError(f"{shapes}; the number of query heads must be a multiple of the number of key heads.")
    if not query.is_floating_point() or not key.is_floating_point():
        raise ScoreError(f"query is {query.dtype} and key {key.dtype}; pass floating point tensors.")
    dtype = torch.float64 if torch.float64 in (query.dtype, key.dtype) else torch.float32
    return query.detach().to(dtype), key.detach().to(dtype), query.shape[3] ** -0.5 if scale is None else float(scale)


def _check_options(order: float, kind: str, method: str) -> None:
    if not order >= 0:
        raise ScoreError(f"The order of an entropy must be a number from 0 to infinity; got {order}.")
    if kind not in ("renyi", "tsallis"):
        raise ScoreError(f"kind must be 'renyi' or 'tsallis'; got {kind!r}.")
    if kind == "tsallis" and math.isinf(order):
        raise ScoreError("Tsallis entropy of infinite order is 0 for every row; pass a finite order.")
    if method not in ("auto", "fused", "tiled", "matrix"):
        raise ScoreError(f"method must be 'auto', 'fused', 'tiled' or 'matrix'; got {method!r}.")


def _check_fused(query: Tensor, mask: PreparedMask | None, order: float) -> None:
    if kernel.FUSED is None or query.device.type != "cpu":
        why = "this torch or this device has no fused kernel that returns what it needs"
    elif mask is not None and mask.biased:
        why = "the mask or bias has finite entries other than 0"
    elif not _order_fits_fused(order):
        why = f"order {order} loses its precision there"
    else:
        return
    raise ScoreError(f"method='fused' cannot be used: {why}. Use method='auto'.")


def _prepared(
    query: Tensor, key: Tensor, mask: Tensor | PreparedMask | None, bias: Tensor | None, causal: bool
) -> PreparedMask | None:
    full = (*query.shape[:3], key.shape[2])
    given = mask.sources if isinstance(mask, PreparedMask) else (mask,)
    for part in (*given, bias):
        sizes = () if part is None else zip(reversed(part.shape), reversed(full), strict=False)
        if any(size not in (1, whole) for size, whole in sizes):
            raise ScoreError(f"A mask or bias of shape {tuple(part.shape)} does not broadcast to {full}.")
    return prepare_mask(mask, dtype=query.dtype, device=query.device, causal=causal, queries=query.shape[2], bias=bias)

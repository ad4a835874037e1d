"""The fused CPU kernel that also returns the log-sum-exp of each row, looked up once and tried before it is trusted.

The operator is private to torch: a release may rename it, change its arguments or the meaning of its results. So it
is checked once, at import, against softmax; where it is missing or wrong, `FUSED` is None and other paths run.
Seen in torch 2.13: it reads a last dimension that is not contiguous, and keys of a smaller batch, as garbage and
without an error, hence the care in `logsumexp_and_mean`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def logsumexp_and_mean(
    query: Tensor, key: Tensor, *, mask: Tensor | None, causal: bool, scale: float
) -> tuple[Tensor, Tensor]:
    """Per row of softmax(scale * query key^T + mask): log-sum-exp (B, H, n) and the mean key P K (B, H, n, d).

    ``query`` (B, H, n, d), ``key`` (B, Hk, m, d) with Hk a divisor of H, of one float32 or float64 type; ``mask`` None
    or additive of that type. Call it only while `FUSED` is there, without grad.
    """
    assert FUSED is not None
    return _call(FUSED, query, key, mask, causal, scale)


def _call(
    operator: Callable[..., Any], query: Tensor, key: Tensor, mask: Tensor | None, causal: bool, scale: float
) -> tuple[Tensor, Tensor]:
    query = query if query.stride(-1) == 1 else query.contiguous()
    key = key if key.stride(-1) == 1 else key.contiguous()
    mean, lse = operator(query, key, key, 0.0, causal, attn_mask=mask, scale=scale)
    return lse, mean


def trusted(operator: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """The operator if it is there and gives what softmax gives, else None."""
    if operator is None:
        return None
    try:
        with torch.no_grad():
            return operator if _agrees(operator) else None
    except (RuntimeError, TypeError, ValueError, AttributeError):  # a changed operator; there is another path
        return None


def _agrees(operator: Callable[..., Any]) -> bool:
    """Try it on 2 queries and 3 keys, two heads on one key head: plain, padded, causal."""
    query = torch.tensor([[[[0.3, -1.2], [1.1, 0.4]], [[-0.7, 0.9], [0.2, 2.0]]]])
    key = torch.tensor([[[[0.5, 1.5], [-1.0, 0.25], [2.0, -0.5]]]])
    padded = torch.tensor([[[[0.0, -torch.inf, 0.0]]]])
    top_left = torch.ones(2, 3, dtype=torch.bool).tril()
    for mask, causal in ((None, False), (padded, False), (None, True)):
        logits = 0.7 * query @ key.transpose(-1, -2)
        logits = logits if mask is None else logits + mask
        logits = logits.masked_fill(~top_left, -torch.inf) if causal else logits
        lse, mean = _call(operator, query, key, mask, causal, 0.7)
        expected = logits.softmax(-1) @ key
        if lse.shape != (1, 2, 2) or mean.shape != expected.shape:
            return False
        if not torch.allclose(lse, logits.logsumexp(-1), atol=1e-5) or not torch.allclose(mean, expected, atol=1e-5):
            return False
    return True


FUSED: Callable[..., Any] | None = trusted(getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None))

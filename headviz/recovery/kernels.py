"""Which kernels of attention a training may use: the fused ones of a GPU break on a layer without heads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from headviz.families import family_of


def has_layer_without_heads(model: nn.Module) -> bool:
    return any(not use.heads for use in family_of(model).uses(model))


@contextlib.contextmanager
def bearable(model: nn.Module) -> Iterator[None]:
    """Within the block attention takes a kernel that bears 0 heads, where ``model`` has such a layer and is on a GPU:
    in half precision, as it trains there, the fused ones give nothing back for it."""
    device = next(model.parameters()).device.type
    if device == "cuda" and has_layer_without_heads(model):
        with sdpa_kernel(SDPBackend.MATH):
            yield
    else:
        yield

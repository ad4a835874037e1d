"""What a model and its heads cost, and what a mask saves once they are cut out: parameters, FLOPs and bytes.

Counted from shapes, not from a clock: a multiply-add is two FLOPs. For a head of size d in a model of width h, on texts
of n tokens: 8 h d for query, key, value and output, and 4 n d for the scores and the weighted values, per token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from headviz.evaluation import gates_of
from headviz.families import AttentionUse, family_of
from headviz.families.family import INPUTS
from headviz.families.layout import layout_of
from headviz.pruning import without_zeroed

if TYPE_CHECKING:
    import pandas as pd

    from headviz.mask import Mask
    from headviz.subject import Subject


def cost(subject: Subject, mask: Mask, *, tokens: int = 128, gqa: str = "groups") -> pd.DataFrame:
    """pandas, one row per layer: layer, heads, kept, parameters and flops (per token, on texts of ``tokens`` tokens) of
    its attention, and parameters_saved, flops_saved and bytes_saved (below 0 where ``gqa`` needs more) under ``mask``.

    The parameters of a layer that is used several times (ALBERT) count once, in its first use, and are saved only for
    heads that are cut in every use. ``gqa`` as for `hv.prune`. Raises LoadError outside the table of families,
    MaskError for another model's mask.
    """
    import pandas as pd

    gates_of(subject, mask)  # says where mask and model do not fit
    uses, left = family_of(subject.model).uses(subject.model), without_zeroed(subject, mask)
    keep_of: dict[int, np.ndarray] = {}
    for layer, use in enumerate(uses):
        kept = left.keep[layer, : use.heads]
        keep_of[id(use.output)] = keep_of.get(id(use.output), np.zeros_like(kept)) | kept
    rows, seen = [], set()
    for layer, use in enumerate(uses):
        first = id(use.output) not in seen
        seen.add(id(use.output))
        weights, run = (layout_of(use, keep, gqa) for keep in (keep_of[id(use.output)], left.keep[layer, : use.heads]))
        parameters, flops = _parameters(use, use.heads, use.kv_heads), _flops(use, use.heads, use.kv_heads, tokens)
        saved = parameters - _parameters(use, len(weights.heads), len(weights.keys)) if first else 0
        rows.append(
            {
                "layer": layer,
                "heads": use.heads,
                "kept": int(mask.keep[layer].sum()),
                "parameters": parameters if first else 0,
                "parameters_saved": saved,
                "flops": flops,
                "flops_saved": flops - _flops(use, len(run.heads), len(run.keys), tokens),
                "bytes_saved": saved * use.output.weight.element_size(),
            }
        )
    return pd.DataFrame(rows)


def weight_bytes(subject: Subject, dtype: str | None = None) -> int:
    """Bytes of the weights of ``subject``, each counted once: as it is in memory, or written in ``dtype``."""
    weights = subject.model.parameters()
    if dtype is None:
        return sum(weight.nbytes for weight in weights)
    size = getattr(torch, dtype).itemsize
    return sum(weight.numel() * (size if weight.is_floating_point() else weight.itemsize) for weight in weights)


def pruned_bytes(subject: Subject, mask: Mask, gqa: str = "groups", *, dtype: str | None = None) -> int:
    """Bytes of the weights of ``hv.prune(subject, mask, gqa=gqa)``, in memory or written in ``dtype``, without doing
    it. Raises as `cost` does."""
    saved = cost(subject, mask, gqa=gqa)
    if dtype is None:
        return weight_bytes(subject) - int(saved["bytes_saved"].sum())
    return weight_bytes(subject, dtype) - int(saved["parameters_saved"].sum()) * getattr(torch, dtype).itemsize


def _parameters(use: AttentionUse, heads: int, keys: int) -> int:
    """Of a layer's four projections with ``heads`` heads of query and output and ``keys`` of key and value."""
    out = use.weight("output").shape[0]
    own = out * (heads * use.head_size + int(use.bias("output") is not None))
    for part, count in zip(INPUTS, (heads, keys, keys), strict=True):
        own += count * use.head_size * (use.weight(part).shape[1] + int(use.bias(part) is not None))
    return own


def _flops(use: AttentionUse, heads: int, keys: int, tokens: int) -> int:
    """Of such a layer, per token, on texts of ``tokens`` tokens."""
    width, out = use.weight("query").shape[1], use.weight("output").shape[0]
    projections = 2 * use.head_size * ((heads + 2 * keys) * width + heads * out)
    return projections + 4 * tokens * heads * use.head_size


@torch.no_grad()
def flops(subject: Subject, *, tokens: int = 128) -> int:
    """FLOPs of the whole model, with all that is not attention, for one text of ``tokens`` tokens: every product of
    matrices in a forward pass, of any family, whole or pruned."""
    from torch.utils.flop_counter import FlopCounterMode

    # the fused kernel of the CPU, which torch 2.13 does not count by itself as it counts those of a GPU
    fused = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _fused_flops}
    with FlopCounterMode(display=False, custom_mapping=fused) as counter:
        subject.forward(made_texts(subject, 1, tokens))
    return int(counter.get_total_flops())


def made_texts(subject: Subject, count: int, tokens: int) -> dict[str, Tensor]:
    """Inputs of ``count`` texts of exactly ``tokens`` tokens, without padding, or for a model of images of ``count``
    images. Which ones does not matter to costs."""
    if subject.task == "image-classification":
        images = subject.encode(subject.task_definition.probes(subject.processor)[:1] * count)
        return images.batch(np.arange(count)).inputs
    word = next(id_ for id_ in range(len(subject.processor)) if id_ != subject.processor.pad_token_id)
    ids = torch.full((count, tokens), word, device=subject.device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return inputs | ({"token_type_ids": torch.zeros_like(ids)} if subject.segments else {})


def _fused_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Of shapes (B, H, n, d), (B, H, m, d) and (B, H, m, v): scores and weighted values."""
    batch, heads, rows, size = query
    return 2 * batch * heads * rows * key[2] * (size + value[3])

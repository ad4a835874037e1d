"""What a pruned model says of the heads that it lost: kept_heads of its configuration, as a mask of the whole model."""

from __future__ import annotations

from typing import Any

import numpy as np

from headviz.mask import Mask


def kept_heads(config: Any) -> list[list[int]] | None:
    """For each use of attention the kept heads, as the whole model counted them; None for a model that is whole."""
    kept = getattr(config, "kept_heads", None)
    return None if kept is None else [list(heads) for heads in kept]


def cut_of_config(config: Any) -> Mask | None:
    """The mask, over the heads of the whole model, that a pruned model's configuration speaks of; else None."""
    kept = kept_heads(config)
    if kept is None:
        return None
    keep = np.zeros((len(kept), config.num_attention_heads), dtype=bool)
    for layer, heads in enumerate(kept):
        keep[layer, heads] = True
    return Mask(keep)


def cut_note(cut: Mask) -> str:
    """A sentence on what a pruned model has left."""
    empty = [str(layer) for layer, row in enumerate(cut.keep) if not row.any()]
    layers = f"; layer {empty[0]} has none" if len(empty) == 1 else f"; layers {', '.join(empty)} have none"
    return f"Pruned: {cut.count} of {sum(cut.heads)} heads are left{layers if empty else ''}."

"""What the heads of a model cost, and what a mask saves once they are cut out: parameters, FLOPs per token and bytes.

Counted from shapes, not from a clock: a multiply-add is two FLOPs. For a head of size d in a model of width h, on texts
of n tokens: 8 h d for query, key, value and output, and 4 n d for the scores and the weighted values, per token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headviz.evaluation import gates_of
from headviz.families import family_of

if TYPE_CHECKING:
    import pandas as pd

    from headviz.mask import Mask
    from headviz.subject import Subject


def cost(subject: Subject, mask: Mask, *, tokens: int = 128) -> pd.DataFrame:
    """pandas, one row per layer: layer, heads, kept, parameters and flops (per token, on texts of ``tokens`` tokens) of
    its attention, and parameters_saved, flops_saved and bytes_saved under ``mask``.

    The parameters of a layer that is used several times (ALBERT) count once, in its first use, and are saved only for
    heads that are cut in every use. Raises LoadError outside the table of families, MaskError for another model's mask.
    """
    import pandas as pd

    gates_of(subject, mask)  # says where mask and model do not fit
    uses = family_of(subject.model).uses(subject.model)
    keep_of: dict[int, np.ndarray] = {}
    for layer, use in enumerate(uses):
        kept = mask.keep[layer, : use.heads]
        keep_of[id(use.output)] = keep_of.get(id(use.output), np.zeros_like(kept)) | kept
    rows, seen = [], set()
    for layer, use in enumerate(uses):
        first = id(use.output) not in seen
        seen.add(id(use.output))
        size, width = use.head_size, use.query.in_features
        own = 3 * width * size + size * use.output.out_features
        own += sum(size for part in (use.query, use.key, use.value) if part.bias is not None)
        shared = use.output.bias.numel() if use.output.bias is not None else 0
        flops = 2 * (3 * width * size + size * use.output.out_features) + 4 * tokens * size
        left, gone = int(mask.keep[layer].sum()), use.heads - int(keep_of[id(use.output)].sum())
        saved = gone * own if first else 0
        rows.append(
            {
                "layer": layer,
                "heads": use.heads,
                "kept": left,
                "parameters": use.heads * own + shared if first else 0,
                "parameters_saved": saved,
                "flops": use.heads * flops,
                "flops_saved": (use.heads - left) * flops,
                "bytes_saved": saved * use.output.weight.element_size(),
            }
        )
    return pd.DataFrame(rows)

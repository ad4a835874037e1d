"""HeadScores: one number per head from one criterion, larger = more worth keeping."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz.mask import head_name

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class HeadScores:
    """What a criterion says of each head.

    ``values`` (L, H) float64, larger = more worth keeping, NaN where a layer has no such head; ``criterion`` its name;
    ``options`` those in force; ``provenance`` with the blocks "model" and "data"; ``notes`` sentences a page shows.
    """

    values: np.ndarray
    criterion: str
    options: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def rank(self) -> np.ndarray:
        """(L, H) int: the place of each head in the order of cutting, 0 = cut first; ties go by lower layer, then lower
        head; -1 where a layer has no such head."""
        flat = self.values.ravel()
        order = np.argsort(flat, kind="stable")  # NaN sorts last
        place = np.empty(flat.size, dtype=np.int64)
        place[order] = np.arange(flat.size)
        place[np.isnan(flat)] = -1
        return place.reshape(self.values.shape)

    def frame(self) -> pd.DataFrame:
        """One row per head: head ("L3H7"), layer, index (both from 0), value, rank."""
        import pandas as pd

        rank = self.rank()
        layers, heads = np.nonzero(rank >= 0)
        return pd.DataFrame(
            {
                "head": [head_name(int(layer), int(head)) for layer, head in zip(layers, heads, strict=True)],
                "layer": layers,
                "index": heads,
                "value": self.values[layers, heads],
                "rank": rank[layers, heads],
            }
        )

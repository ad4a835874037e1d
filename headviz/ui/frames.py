"""Tables for the charts: one row per head, numbers rounded to what can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from headviz.mask import head_names

if TYPE_CHECKING:
    from headviz.mask import Mask


def heads_frame(
    heads: tuple[int, ...], mask: Mask | None = None, *, picked: str | None = None, **values: np.ndarray
) -> pd.DataFrame:
    """head ("L3H7"), layer, index, picked, each of ``values`` (arrays (L, H)), and, with a mask, state ("kept" or
    "cut") and cut."""
    layer, index = np.nonzero(np.arange(max(heads))[None, :] < np.array(heads)[:, None])
    frame = pd.DataFrame({"head": head_names(heads), "layer": layer, "index": index})
    frame["picked"] = frame["head"] == picked
    for name, array in values.items():
        column = np.asarray(array)[layer, index]
        frame[name] = _rounded(column) if column.dtype.kind == "f" else column
    if mask is not None:
        frame["cut"] = ~mask.keep[layer, index]
        frame["state"] = np.where(frame["cut"], "cut", "kept")
    return frame


def _rounded(values: np.ndarray) -> np.ndarray:
    """Four significant digits of the largest value: what is sent to the browser stays short."""
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    if not np.isfinite(largest) or largest == 0:
        return values
    return np.round(values, int(max(0, 4 - np.floor(np.log10(largest)))))

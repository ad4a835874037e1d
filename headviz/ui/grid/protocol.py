"""What the head grid and the server say to each other, without Streamlit.

Server to browser: ``{heads, mask, rev, hand, notes, shade, picked, label, hint}``. Browser to server after each edit:
``{base, n, last, mask}`` with the whole mask as rows of 0 and 1 joined by ``/``. An edit counts only if its ``base``
is the present revision: one that was painted on an older picture is refused, and the server's picture is pushed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def keep_of_edit(event: Any, rev: int, heads: Sequence[int]) -> np.ndarray | None:
    """The mask an edit asks for, bool (L, H), False beyond a layer's heads; None for an edit that does not count."""
    if not isinstance(event, Mapping) or event.get("base") != rev or isinstance(event.get("base"), bool):
        return None
    text = event.get("mask")
    if not isinstance(text, str) or len(text) > len(heads) * (max(heads) + 1):
        return None
    rows = text.split("/")
    if [len(row) for row in rows] != list(heads) or not set(text) <= {"0", "1", "/"}:
        return None
    keep = np.zeros((len(heads), max(heads)), dtype=bool)
    for layer, row in enumerate(rows):
        keep[layer, : len(row)] = [character == "1" for character in row]
    return keep


def rows_of(keep: np.ndarray, heads: Sequence[int]) -> list[list[int]]:
    """A mask as the browser wants it: one list of 0 and 1 per layer, as long as the layer has heads."""
    return [[int(kept) for kept in row[:count]] for row, count in zip(keep, heads, strict=True)]


def shades(values: np.ndarray, heads: Sequence[int]) -> list[float]:
    """Scores as darkness of the cells in reading order: 0 for the lowest, 1 for the highest, by rank."""
    flat = np.concatenate([np.asarray(row[:count], dtype=float) for row, count in zip(values, heads, strict=True)])
    order = flat.argsort(kind="stable").argsort(kind="stable")
    return [round(float(place) / max(1, len(flat) - 1), 3) for place in order]

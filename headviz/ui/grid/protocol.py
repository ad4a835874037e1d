"""What the head grid and the server say to each other, without Streamlit.

A picture is the whole state of the grid: rows of one character per head, layer by layer, joined by ``/``, where ``0``
is cut, ``1`` kept, ``2`` locked cut and ``3`` locked kept. It goes both ways. Server to browser: the picture as
``mask`` with its revision ``rev``, and beside it what is only shown: ``{heads, hand, rescued, values, places, title,
picked, whole, label, editable}``, heads in reading order. Browser to server after each edit: ``{base, n, last, mask}``.
An edit counts only if its ``base`` is the present revision: one that was painted on an older picture is refused, and
the server's picture is pushed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headviz.errors import MaskError
from headviz.mask import head_name, head_present, places
from headviz.ui import numbers

_KEPT, _LOCKED = 1, 2  # bits of a head's character


@dataclass(frozen=True, eq=False)
class Edit:
    """What a visitor made of the grid: ``keep`` (L, H) bool, False beyond a layer's heads; ``locks`` head -> kept, for
    every head that is locked; ``last`` the head touched last, None where a whole row or column was."""

    keep: np.ndarray
    locks: dict[str, bool]
    last: str | None = None


def edit_of(event: Any, rev: int, heads: Sequence[int]) -> Edit | None:
    """The edit that an event asks for; None for an event that does not count."""
    if not isinstance(event, Mapping) or type(event.get("base")) is not int or event["base"] != rev:
        return None
    text, last = event.get("mask"), event.get("last")
    if not isinstance(text, str) or len(text) != sum(heads) + len(heads) - 1 or not set(text) <= set("0123/"):
        return None
    rows = text.split("/")
    if [len(row) for row in rows] != list(heads) or not (last is None or _is_head(last, heads)):
        return None
    states = np.zeros((len(heads), max(heads)), dtype=np.uint8)
    states[head_present(heads)] = np.frombuffer("".join(rows).encode("ascii"), dtype=np.uint8) - ord("0")
    keep = (states & _KEPT).astype(bool)
    locked = np.argwhere(states & _LOCKED).tolist()
    return Edit(keep, {head_name(layer, head): bool(keep[layer, head]) for layer, head in locked}, last)


def _is_head(name: Any, heads: Sequence[int]) -> bool:
    try:
        return isinstance(name, str) and bool(places(name, heads))
    except MaskError:
        return False


def picture_of(keep: np.ndarray, heads: Sequence[int], locked: Iterable[str] = ()) -> str:
    """The picture of a mask (L, H) bool in which the heads named in ``locked`` are locked as they are."""
    states = np.asarray(keep, dtype=bool).astype(np.uint8)
    for place in places(locked, heads):
        states[place] |= _LOCKED
    return "/".join("".join(map(str, row[:count])) for row, count in zip(states.tolist(), heads, strict=True))


def numbers_of(values: np.ndarray, heads: Sequence[int]) -> tuple[list[str], list[int]]:
    """Scores (L, H), in reading order, as the grid shows them: as people read them, and each head's place in the order
    from the lowest, 0, to the highest; equals go by layer, then head."""
    flat = np.concatenate([np.asarray(row[:count], dtype=float) for row, count in zip(values, heads, strict=True)])
    order = flat.argsort(kind="stable").argsort(kind="stable")
    return [numbers.small(value) for value in flat.tolist()], order.tolist()

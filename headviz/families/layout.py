"""What a layer is left with when heads are cut out: which heads keep weights, and which key and value each one reads.

A head that has a key and value of its own goes with all its weights. Where heads share them in groups, there are three
ways: "groups" lets a key and value go with the last head of its group, and until then the group keeps the weights of
its cut heads, with zeros where they would be read; "exact" cuts every head, and repeats a key and value where groups
are left with unequal numbers of heads; "folded" keeps every shape, with zeros for all cut heads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headviz.errors import MaskError
from headviz.families.family import AttentionUse

GQA = ("groups", "exact", "folded")


@dataclass(frozen=True)
class Layout:
    """A layer after a cut, in the numbers that its heads had before it.

    ``heads``: those that keep weights, in order; ``keys``: the keys and values, in order, one standing several times
    where it is repeated, each serving equally many of ``heads``; ``zeroed``: those of ``heads`` that are cut all the
    same.
    """

    heads: list[int]
    keys: list[int]
    zeroed: list[int]


def layout_of(use: AttentionUse, keep: np.ndarray, gqa: str) -> Layout:
    """The layout of a layer of which ``keep`` (heads,) bool stays. Raises MaskError where ``gqa`` is not of `GQA`."""
    if gqa not in GQA:
        raise MaskError(f"gqa={gqa!r} is not one of {', '.join(GQA)}.")
    group, kept = use.group, [int(head) for head in np.flatnonzero(keep)]
    if group == 1:
        return Layout(kept, kept, [])
    alive = sorted({head // group for head in kept})
    if gqa == "exact":
        left = {key: sum(head // group == key for head in kept) for key in alive}
        together = math.gcd(*left.values())  # the most heads that can share a key and value, equally many everywhere
        return Layout(kept, [key for key in alive for _ in range(left[key] // together)], [])
    keys = alive if gqa == "groups" else list(range(use.kv_heads))
    heads = [head for head in range(use.heads) if head // group in keys]
    return Layout(heads, keys, [head for head in heads if not keep[head]])

"""The rules that every preset obeys, of locks and of the least heads in a layer, as ``hv.select`` takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict


def room_for(prune: int, heads: Sequence[int], locks: Mapping[str, bool], least: int) -> int:
    """The number of heads nearest to ``prune`` that can be cut under locks and ``least`` heads in each layer."""
    from headviz.mask import parse_head

    kept = [0] * len(heads)
    for head, stays in locks.items():
        kept[parse_head(head)[0]] += stays
    most = sum(there - max(min(least, there), fixed) for there, fixed in zip(heads, kept, strict=True))
    return max(min(prune, most), sum(not stays for stays in locks.values()))


class Rules(TypedDict):
    """What ``hv.select`` obeys: heads that are always cut, heads that never are, and how many each layer keeps."""

    always: list[str]
    never: list[str]
    least_per_layer: int


def rules_of(locks: Mapping[str, bool], least: int) -> Rules:
    """The rules of locks and least heads."""
    return {
        "always": [head for head, kept in locks.items() if not kept],
        "never": [head for head, kept in locks.items() if kept],
        "least_per_layer": least,
    }


def locked_too_often(locks: Mapping[str, bool], least: int, heads: Sequence[int]) -> tuple[int, int] | None:
    """The first layer that cannot keep ``least`` heads, and how many of its heads are locked as cut; None where every
    layer can."""
    from headviz.mask import parse_head

    cut = [parse_head(head)[0] for head, kept in locks.items() if not kept]
    for layer, there in enumerate(heads):
        if cut.count(layer) > there - min(least, there):
            return layer, cut.count(layer)
    return None

"""Names and places of heads: L3H7 is head 7 of layer 3, both counted from 0."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from headviz.errors import MaskError

_NAMES = re.compile(r"\bL[0-9]{1,6}H[0-9]{1,6}\b", re.ASCII)
_NAME = re.compile(r"L(0|[1-9][0-9]{0,5})H(0|[1-9][0-9]{0,5})", re.ASCII)


def head_name(layer: int, head: int) -> str:
    """
    >>> head_name(3, 7)
    'L3H7'
    """
    return f"L{layer}H{head}"


def parse_head(name: str) -> tuple[int, int]:
    """Layer and head of a name. Raises MaskError for anything that is not one.

    >>> parse_head("L3H7")
    (3, 7)
    """
    found = _NAME.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        raise MaskError(f"{_short(name)} is not the name of a head. Write layer and head, from 0, as in 'L3H7'.")
    return int(found[1]), int(found[2])


def head_names(heads: Sequence[int]) -> list[str]:
    """All names in reading order, layer by layer, for the head counts of the layers.

    >>> head_names((2, 1))
    ['L0H0', 'L0H1', 'L1H0']
    """
    return [head_name(layer, head) for layer, count in enumerate(heads) for head in range(count)]


def head_present(heads: Sequence[int]) -> np.ndarray:
    """(L, H) bool: False where a layer has no such head."""
    return np.arange(max(heads))[None, :] < np.array(heads)[:, None]


def require_head(layer: int, head: int, heads: Sequence[int]) -> None:
    """Raises MaskError, saying which heads there are, unless the head is there."""
    if layer >= len(heads):
        raise MaskError(f"There is no head {head_name(layer, head)}: the layers are L0 to L{len(heads) - 1}.")
    if head >= heads[layer]:
        there = f"H0 to H{heads[layer] - 1}" if heads[layer] else "none"
        raise MaskError(f"There is no head {head_name(layer, head)}: the heads of layer {layer} are {there}.")


def places(names: str | Iterable[str], heads: Sequence[int]) -> list[tuple[int, int]]:
    """Layer and head of each of ``names`` (one name, or several), in reading order and once each.

    Raises MaskError for a name that is none and for a head that is not there.
    """
    found = set()
    for name in [names] if isinstance(names, str) else names:
        layer, head = parse_head(name)
        require_head(layer, head, heads)
        found.add((layer, head))
    return sorted(found)


def describe_heads(heads: Sequence[int]) -> str:
    """How many heads there are, for a sentence.

    >>> describe_heads((12, 12)), describe_heads((12, 10, 12))
    ('2 layers of 12 heads', '3 layers of 12, 10, 12 heads')
    """
    layers = f"{len(heads)} layer{'' if len(heads) == 1 else 's'}"
    if len(set(heads)) == 1:
        return f"{layers} of {heads[0]} head{'' if heads[0] == 1 else 's'}"
    counts = ", ".join(str(count) for count in heads[:12])
    return f"{layers} of {counts}{', …' if len(heads) > 12 else ''} heads"


def in_whole(heads: Sequence[int], whole: Sequence[Sequence[int]] | None) -> dict[str, str]:
    """Of a pruned model the names of its heads, each with its name in the whole model; ``whole``: for each layer its
    heads as the whole model counts them, None for a model that is whole.

    >>> in_whole((2, 1), ((0, 3), (1,)))
    {'L0H0': 'L0H0', 'L0H1': 'L0H3', 'L1H0': 'L1H1'}
    """
    rows = whole or [range(count) for count in heads]
    return {head_name(layer, place): head_name(layer, head) for layer, row in enumerate(rows)
            for place, head in enumerate(row)}  # fmt: skip


def in_both(text: str, names: Mapping[str, str]) -> str:
    """``text`` with every head that the whole model names otherwise named by both; ``names`` as `in_whole` gives them.

    >>> in_both("L0H1 cut, L0H0 kept", in_whole((2, 1), ((0, 3), (1,))))
    'L0H1 (L0H3 of the whole model) cut, L0H0 kept'
    """

    def both(found: re.Match[str]) -> str:
        own, other = found[0], names.get(found[0], found[0])
        return own if other == own else f"{own} ({other} of the whole model)"

    return _NAMES.sub(both, text)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"

"""Layouts after a cut, by hand for small groups and by what each way promises for random ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.errors import MaskError
from headviz.families.layout import GQA, Layout, layout_of


def use(heads: int, keys: int) -> Any:
    """All that a layout asks of a layer."""
    return SimpleNamespace(heads=heads, kv_heads=keys, group=heads // keys)


@pytest.mark.parametrize("gqa", GQA)
def test_heads_with_keys_of_their_own_go_with_all_they_have(gqa: str) -> None:
    assert layout_of(use(4, 4), np.array([1, 0, 0, 1], dtype=bool), gqa) == Layout([0, 3], [0, 3], [])


@pytest.mark.parametrize(
    ("gqa", "expected"),
    [
        ("groups", Layout([0, 1, 4, 5], [0, 2], [1])),
        ("exact", Layout([0, 4, 5], [0, 2, 2], [])),
        ("folded", Layout([0, 1, 2, 3, 4, 5], [0, 1, 2], [1, 2, 3])),
    ],
)
def test_each_way_lays_three_groups_out_by_hand(gqa: str, expected: Layout) -> None:
    assert layout_of(use(6, 3), np.array([1, 0, 0, 0, 1, 1], dtype=bool), gqa) == expected


@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from(GQA), st.data())
def test_every_head_that_is_kept_reads_its_own_key(keys: int, group: int, gqa: str, data: st.DataObject) -> None:
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=keys * group, max_size=keys * group)))
    layout = layout_of(use(keys * group, keys), keep, gqa)
    assert set(layout.heads) - set(layout.zeroed) == set(np.flatnonzero(keep))
    assert layout.heads == sorted(layout.heads) and layout.keys == sorted(layout.keys)
    if layout.heads:
        together = len(layout.heads) // len(layout.keys)
        assert [head // group for head in layout.heads] == [key for key in layout.keys for _ in range(together)]
    else:
        assert layout.keys == []


def test_way_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(MaskError, match="'whole' is not one of groups, exact, folded"):
        layout_of(use(2, 1), np.array([True, False]), "whole")

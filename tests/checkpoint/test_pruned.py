"""What a pruned model says of its cut in its configuration. (Refusals of whole folders: test_pruned_folder.)"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from headviz.checkpoint import (
    cut_note,
    cut_notes,
    cut_of_config,
    heads_with_weights,
    is_pruned,
    kept_heads,
    zeroed_names,
)
from headviz.mask import Mask


def test_cut_of_config_keeps_what_is_listed() -> None:
    config = SimpleNamespace(kept_heads=[[0, 2], [], [1]], num_attention_heads=3)
    assert cut_of_config(config) == Mask([[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    assert kept_heads(config) == [[0, 2], [], [1]]


def test_zeroed_heads_are_run_and_named_but_no_part_of_the_cut_mask() -> None:
    config = SimpleNamespace(kept_heads=[[0, 2], [], [1]], zeroed_heads=[[1], [0], []], num_attention_heads=3)
    assert heads_with_weights(config) == [[0, 1, 2], [0], [1]]
    assert zeroed_names(config) == ("L0H1", "L1H0")
    cut = cut_of_config(config)
    assert cut == Mask([[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    assert cut_notes(cut, config)[1] == "Cut, but still there as zeros in the weights: L0H1, L1H0."
    many = SimpleNamespace(kept_heads=[[0]], zeroed_heads=[list(range(1, 12))], num_attention_heads=12)
    assert cut_notes(Mask([[1] + [0] * 11]), many)[1].endswith(
        "L0H1, L0H2, L0H3, L0H4, L0H5, L0H6, L0H7, L0H8 and 3 more."
    )
    whole = SimpleNamespace(kept_heads=None)
    assert heads_with_weights(whole) is None and zeroed_names(whole) == ()


def test_cut_of_config_of_a_whole_model_is_none() -> None:
    assert cut_of_config(SimpleNamespace(num_attention_heads=3)) is None
    assert kept_heads(SimpleNamespace(kept_heads=None)) is None


@pytest.mark.parametrize(
    ("kind", "expected"), [("headviz_bert", True), ("bert", False), (None, False), (["headviz_bert"], False)]
)
def test_is_pruned_goes_by_the_model_type(kind: object, expected: bool) -> None:
    assert is_pruned({"model_type": kind}) == expected


@pytest.mark.parametrize(
    ("empty", "says"),
    [
        ([], "Pruned: 6 of 8 heads are left."),
        ([1], "Pruned: 4 of 8 heads are left; layer 1 has none."),
        ([0, 3], "Pruned: 3 of 8 heads are left; layers 0, 3 have none."),
    ],
)
def test_cut_note_counts_and_names_empty_layers(empty: list[int], says: str) -> None:
    keep = np.array([[1, 0], [1, 1], [0, 1], [1, 1]], dtype=bool)
    keep[empty] = False
    assert cut_note(Mask(keep)) == says

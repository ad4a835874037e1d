"""What the head grid may tell the server, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.mask import head_name
from headviz.ui.grid.protocol import edit_of, numbers_of, picture_of

HEADS = (3, 2)


def event(mask: Any = "103/21", base: Any = 4, last: Any = "L0H1") -> dict[str, Any]:
    return {"base": base, "n": 1, "last": last, "mask": mask}


def test_an_edit_of_the_present_revision_gives_the_whole_mask_and_its_locks() -> None:
    edit = edit_of(event(), 4, HEADS)
    assert edit is not None
    assert edit.keep.dtype == bool
    assert edit.keep.tolist() == [[True, False, True], [False, True, False]]
    assert edit.locks == {"L0H2": True, "L1H0": False}
    assert edit.last == "L0H1"


def test_an_edit_of_a_whole_row_names_no_head() -> None:
    edit = edit_of(event(last=None), 4, HEADS)
    assert edit is not None and edit.last is None


@pytest.mark.parametrize(
    "refused",
    [
        event(base=3), event(base=5), event(base=None), event(base="4"), event(base=True), event(base=4.0),
        event(mask="111/111"), event(mask="101"), event(mask="101/0"), event(mask="101/01/"), event(mask="10/101"),
        event(mask="104/01"), event(mask="10a/01"), event(mask="10-/01"), event(mask="1 1/01"), event(mask="101101"),
        event(mask="/10101"), event(mask=""), event(mask=None), event(mask=["103", "21"]), event(mask=b"103/21"),
        event(mask="1" * 10_000), event(mask="１０１/01"), event(last="L0H3"), event(last="L2H0"), event(last="H1"),
        event(last=""), event(last=7), event(last=["L0H1"]), event(last="L0H1" * 1_000),
        None, "edit", [], {}, {"mask": "103/21"}, {"base": 4},
    ],
)  # fmt: skip
def test_whatever_is_no_edit_of_the_present_revision_is_refused(refused: Any) -> None:
    assert edit_of(refused, 4, HEADS) is None


@pytest.mark.parametrize("rev", [0, 1])
def test_revisions_0_and_1_are_not_false_and_true(rev: int) -> None:
    assert edit_of(event(base=bool(rev)), rev, HEADS) is None
    assert edit_of(event(base=rev), rev, HEADS) is not None


@st.composite
def pictures(draw: st.DrawFn) -> tuple[list[int], np.ndarray, dict[str, bool]]:
    """Head counts, a mask of them, and some of its heads locked as they are."""
    heads = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    keep, locks = np.zeros((len(heads), max(heads)), dtype=bool), {}
    for layer, count in enumerate(heads):
        for head in range(count):
            keep[layer, head] = draw(st.booleans())
            if draw(st.booleans()):
                locks[head_name(layer, head)] = bool(keep[layer, head])
    return heads, keep, locks


@given(pictures())
def test_what_the_server_shows_comes_back_as_it_was(made: tuple[list[int], np.ndarray, dict[str, bool]]) -> None:
    heads, keep, locks = made
    back = edit_of(event(mask=picture_of(keep, heads, locks), base=0, last=None), 0, heads)
    assert back is not None
    assert (back.keep == keep).all()
    assert back.locks == locks


def test_a_picture_has_one_character_per_head() -> None:
    keep = np.array([[True, False, True], [False, True, True]])  # the last is beyond layer 1
    assert picture_of(keep, HEADS) == "101/01"
    assert picture_of(keep, HEADS, ["L1H0", "L0H2"]) == "103/21"


def test_places_go_from_the_lowest_score_and_equals_by_layer_then_head() -> None:
    values = np.array([[5.0, -1.0, 7.0], [0.0, 5.0, np.nan]])
    assert numbers_of(values, HEADS) == (["5", "-1", "7", "0", "5"], [2, 0, 4, 1, 3])

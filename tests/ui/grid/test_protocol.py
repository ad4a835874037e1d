"""What the head grid may tell the server, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.ui.grid.protocol import keep_of_edit, rows_of, shades

HEADS = (3, 2)


def event(mask: Any = "101/01", base: Any = 4) -> dict[str, Any]:
    return {"base": base, "n": 1, "last": "L0H1", "mask": mask}


def test_an_edit_of_the_present_revision_gives_the_whole_mask() -> None:
    keep = keep_of_edit(event(), 4, HEADS)
    assert keep is not None and keep.tolist() == [[True, False, True], [False, True, False]]


@pytest.mark.parametrize(
    "refused",
    [
        event(base=3), event(base=None), event(base="4"), event(base=True), event(mask="111/111"), event(mask="101"),
        event(mask="101/0"), event(mask="1012/01"), event(mask="10a/01"), event(mask=None), event(mask=["101", "01"]),
        event(mask="1" * 10_000), event(mask="１０１/01"), None, "edit", [], {},
    ],
)  # fmt: skip
def test_whatever_is_no_edit_of_the_present_revision_is_refused(refused: Any) -> None:
    assert keep_of_edit(refused, 4, HEADS) is None


def test_revision_one_is_not_true() -> None:
    assert keep_of_edit(event(base=True), 1, HEADS) is None


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(0, 2**25 - 1))
def test_what_the_server_shows_comes_back_as_it_was(heads: list[int], bits: int) -> None:
    keep = np.array([[bool(bits >> (5 * layer + head) & 1) and head < count for head in range(max(heads))]
                     for layer, count in enumerate(heads)])  # fmt: skip
    text = "/".join("".join(str(value) for value in row) for row in rows_of(keep, heads))
    back = keep_of_edit(event(mask=text, base=0), 0, heads)
    assert back is not None and (back == keep).all()


def test_shades_go_by_rank_from_0_to_1() -> None:
    assert shades(np.array([[5.0, -1.0, 7.0], [0.0, 100.0, np.nan]]), (3, 2)) == [0.5, 0.0, 0.75, 0.25, 1.0]

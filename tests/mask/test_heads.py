"""Names and places of heads."""

from __future__ import annotations

import numpy as np
import pytest

from headviz.errors import MaskError
from headviz.mask import describe_heads, head_name, head_names, head_present, parse_head, places

UNEVEN = (2, 0, 3)


def test_parse_head_of_every_name_is_its_place() -> None:
    assert head_names(UNEVEN) == ["L0H0", "L0H1", "L2H0", "L2H1", "L2H2"]
    for name in [*head_names(UNEVEN), "L120H95"]:
        assert head_name(*parse_head(name)) == name


@pytest.mark.parametrize(
    "name",
    ["", "L3", "H7", "l3h7", "L3H7 ", "L03H7", "L-1H0", "L3H7\n", "L٣H7", "3.7", "L9999999H0", None, 3, ("L3H7",)],
)
def test_parse_head_of_anything_else_says_how_to_write_it(name: object) -> None:
    with pytest.raises(MaskError, match=r"is not the name of a head.*'L3H7'"):
        parse_head(name)  # type: ignore[arg-type]


def test_parse_head_of_a_very_long_text_keeps_the_message_short() -> None:
    with pytest.raises(MaskError) as caught:
        parse_head("x" * 10_000)
    assert len(str(caught.value)) < 200


def test_places_of_names_are_in_reading_order_and_once_each() -> None:
    assert places(["L2H1", "L0H1", "L2H1"], UNEVEN) == [(0, 1), (2, 1)]
    assert places("L2H1", UNEVEN) == [(2, 1)]
    assert places((), UNEVEN) == []


@pytest.mark.parametrize(
    ("name", "says"), [("L3H0", "layers are L0 to L2"), ("L0H2", "layer 0 are H0 to H1"), ("L1H0", "layer 1 are none")]
)
def test_places_of_a_head_that_is_not_there_say_which_are(name: str, says: str) -> None:
    with pytest.raises(MaskError, match=f"no head {name}.*{says}"):
        places([name], UNEVEN)


def test_head_present_is_false_beyond_each_count() -> None:
    expected = [[True, True, False], [False] * 3, [True] * 3]
    np.testing.assert_array_equal(head_present(UNEVEN), expected)


def test_describe_heads_of_many_uneven_layers_stays_short() -> None:
    assert describe_heads((1,)) == "1 layer of 1 head"
    assert len(describe_heads(tuple(range(1, 500)))) < 80

"""Selection: the lowest heads go, under the caller's rules; checked against a twin that tries every mask."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headviz.errors import MaskError, ScoreError
from headviz.mask import head_name, head_names, parse_head
from headviz.selection import count_to_prune, select

NAN = math.nan
SCORES = np.array([[5.0, 1.0, 3.0], [4.0, 2.0, 6.0]])


def brute_force(
    values: np.ndarray, count: int, least: int = 0, always: tuple[str, ...] = (), never: tuple[str, ...] = ()
) -> tuple[str, ...] | None:
    """The names that go, found by trying every set of ``count`` heads that the rules allow; None if there is none.

    Of those, the one that cutting one head after another reaches: its sorted (score, layer, head) list is the smallest.
    """
    there = [(layer, head) for layer, head in np.argwhere(~np.isnan(values)).tolist()]
    first = {parse_head(name) for name in always}
    kept = {parse_head(name) for name in never}
    layers = [sum(layer == one for layer, _ in there) for one in range(len(values))]
    best = None
    for cut in itertools.combinations(there, count):
        left = [layers[one] - sum(layer == one for layer, _ in cut) for one in range(len(values))]
        if not first <= set(cut) or kept & set(cut):
            continue
        if any(left[one] < min(least, layers[one]) for one in range(len(values))):
            continue
        order = sorted((values[place], *place) for place in cut if place not in first)
        if best is None or order < best[0]:
            best = (order, cut)
    return None if best is None else tuple(head_name(*place) for place in sorted(best[1]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, int, int, tuple[str, ...], tuple[str, ...]]:
    """Scores with many ties, of up to 9 heads in uneven layers, and rules that often stand in each other's way."""
    heads = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    values = np.full((len(heads), max(heads)), NAN)
    for layer, number in enumerate(heads):
        values[layer, :number] = draw(
            st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=number, max_size=number)
        )
    names = head_names(heads)
    some = st.sets(st.sampled_from(names), max_size=2).map(lambda found: tuple(sorted(found)))
    return values, draw(st.integers(0, sum(heads))), draw(st.integers(0, 3)), draw(some), draw(some)


@settings(max_examples=150)
@given(cases())
def test_select_under_any_rules_is_what_trying_every_mask_gives(
    case: tuple[np.ndarray, int, int, tuple[str, ...], tuple[str, ...]],
) -> None:
    values, count, least, always, never = case
    expected = brute_force(values, count, least, always, never)
    if expected is None:
        with pytest.raises(MaskError, match=r"always|never|least_per_layer"):
            select(values, count, least_per_layer=least, always=always, never=never)
    else:
        mask = select(values, count, least_per_layer=least, always=always, never=never)
        assert mask.pruned == expected


@given(cases(), st.data())
def test_select_without_rules_cuts_exactly_that_many_and_none_above_a_kept_one(
    case: tuple[np.ndarray, int, int, tuple[str, ...], tuple[str, ...]], data: st.DataObject
) -> None:
    values, count, *_ = case
    mask = select(values, count)
    there = ~np.isnan(values)
    assert (~mask.keep & there).sum() == count and not (mask.keep & ~there).any()
    if 0 < count < there.sum():
        assert values[~mask.keep & there].max() <= values[mask.keep].min()
    more = select(values, data.draw(st.integers(count, int(there.sum()))))
    assert set(mask.pruned) <= set(more.pruned)


@given(cases(), st.floats(0.1, 10), st.floats(-5, 5))
def test_select_asks_only_for_the_order_of_scores(
    case: tuple[np.ndarray, int, int, tuple[str, ...], tuple[str, ...]], factor: float, shift: float
) -> None:
    values, count, *_ = case
    assert select(values, count) == select(values * factor + shift, count)


def test_select_cuts_the_lowest_scores() -> None:
    assert select(SCORES, 2).pruned == ("L0H1", "L1H1")
    assert select(SCORES, 0).pruned == () and select(SCORES, 6).kept == ()


def test_select_of_equal_scores_goes_by_lower_layer_then_lower_head() -> None:
    assert select(np.zeros((2, 3)), 4).pruned == ("L0H0", "L0H1", "L0H2", "L1H0")
    assert select(np.array([[0.0, -0.0]]), 1).pruned == ("L0H0",)


def test_select_leaves_out_heads_that_are_not_there() -> None:
    mask = select(np.array([[1.0, NAN, NAN], [3.0, 2.0, NAN]]), 0.5)
    assert mask.heads == (1, 2) and mask.keep.shape == (2, 2)
    assert mask.pruned == ("L0H0", "L1H1")  # half of 3 is 1.5, rounded half up


def test_select_with_least_per_layer_takes_the_next_lowest_of_other_layers() -> None:
    values = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    assert select(values, 3).pruned == ("L0H0", "L0H1", "L0H2")
    assert select(values, 3, least_per_layer=1).pruned == ("L0H0", "L0H1", "L1H0")
    assert select(values, 2, least_per_layer=2).pruned == ("L0H0", "L1H0")


def test_select_with_least_per_layer_above_what_a_layer_has_keeps_all_of_it() -> None:
    assert select(np.array([[1.0, NAN], [2.0, 3.0]]), 1, least_per_layer=1).pruned == ("L1H0",)
    with pytest.raises(MaskError, match="least_per_layer=9"):
        select(SCORES, 1, least_per_layer=9)


def test_select_with_always_and_never_counts_always() -> None:
    assert select(SCORES, 2, always=["L1H2"]).pruned == ("L0H1", "L1H2")
    assert select(SCORES, 2, never=["L0H1"]).pruned == ("L0H2", "L1H1")
    assert select(SCORES, 1, always="L1H2").pruned == ("L1H2",)


@pytest.mark.parametrize(
    ("prune", "rules", "says"),
    [
        (1, {"always": ["L0H0", "L0H1"]}, "always names 2 heads, but only 1"),
        (5, {"never": ["L0H0", "L0H1"]}, "5 of 6 heads are to be cut, but never keeps 2"),
        (5, {"least_per_layer": 1}, "5 of 6 heads are to be cut, but least_per_layer=1 leaves only 4"),
        (4, {"least_per_layer": 1, "never": ["L0H0", "L0H1"]}, "least_per_layer=1 and never together leave only 3"),
        (3, {"always": ["L0H0", "L0H1"], "least_per_layer": 2}, "always cuts 2 of the 3 heads of layer 0"),
        (1, {"always": ["L0H0"], "never": ["L0H0"]}, "L0H0 stands in both always and never"),
        (1, {"always": ["L2H0"]}, "no head L2H0"),
        (1, {"never": ["head 3"]}, "'head 3' is not the name of a head"),
        (1, {"least_per_layer": -1}, "least_per_layer must be a whole number from 0; it is -1"),
        (1, {"least_per_layer": True}, "least_per_layer must be"),
        (1, {"least_per_layer": 0.5}, "least_per_layer must be"),
    ],
)
def test_select_of_an_impossible_wish_names_the_rule_in_the_way(prune: int, rules: dict[str, Any], says: str) -> None:
    with pytest.raises(MaskError, match=says):
        select(SCORES, prune, **rules)


# How many


@pytest.mark.parametrize(
    ("prune", "heads", "count"),
    [
        (0, 7, 0),
        (7, 7, 7),
        (np.int64(3), 7, 3),
        (0.0, 7, 0),
        (1.0, 7, 7),
        (0.5, 7, 4),
        (0.5, 72, 36),
        (0.07, 7, 0),
        (0.08, 7, 1),
        (np.float32(0.5), 5, 3),
        (0.145, 100, 15),  # 0.145 * 100 is 14.499999999999998
        (0.285, 100, 29),  # 0.285 * 100 is 28.499999999999996
        (0.35, 10, 4),
        (0.49999999999999994, 1, 0),  # plus 0.5 is 1.0 in floats
        (1e-300, 7, 0),
    ],
)
def test_count_to_prune_is_the_int_or_the_share_rounded_half_up(prune: float, heads: int, count: int) -> None:
    assert count_to_prune(prune, heads) == count


@given(st.integers(0, 1000), st.integers(1, 400))
def test_count_to_prune_of_shares_in_thousandths_is_whole_number_arithmetic(thousandths: int, heads: int) -> None:
    assert count_to_prune(thousandths / 1000, heads) == (2 * thousandths * heads + 1000) // 2000


@pytest.mark.parametrize(
    ("prune", "says"),
    [
        (True, "it is True"),
        (np.bool_(True), "whole number of heads or a share"),
        ("0.5", "it is '0.5'"),
        (None, "it is None"),
        (-1, "prune=-1 is not between 0 and the 6 heads"),
        (7, "prune=7 is not between 0 and the 6 heads"),
        (-0.1, "prune=-0.1 is not a share"),
        (36.0, "prune=36.0 is not a share from 0.0 to 1.0. A number of heads has no point"),
        (NAN, "prune=nan is not a share"),
        (math.inf, "prune=inf is not a share"),
    ],
)
def test_select_of_an_odd_number_says_what_it_can_be(prune: Any, says: str) -> None:
    with pytest.raises(MaskError, match=says):
        select(SCORES, prune)


# Scores


@pytest.mark.parametrize("odd", [NAN, math.inf, -math.inf])
def test_select_of_a_head_whose_score_is_not_finite_names_it(odd: float) -> None:
    values = SCORES.copy()
    values[1, 0] = odd
    with pytest.raises(ScoreError, match=r"The score of L1H0 is -?(nan|inf)"):
        select(values, 1)


def test_select_knows_from_the_model_which_heads_are_there() -> None:
    model = {"name": "m", "fingerprint": "ab", "heads": [3, 2]}
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, NAN]])
    scores = SimpleNamespace(values=values, criterion="his", options={}, provenance={"model": model})
    assert select(scores, 1).heads == (3, 2)
    values[0, 2] = NAN  # the last of its row: without the model it would pass for a head that is not there
    with pytest.raises(ScoreError, match="L0H2 is nan"):
        select(scores, 1)


@pytest.mark.parametrize("heads", [[3], [3, 4], [2, 3]])
def test_select_of_scores_that_do_not_fit_their_model_is_refused(heads: list[int]) -> None:
    scores = SimpleNamespace(values=SCORES, criterion="his", options={}, provenance={"model": {"heads": heads}})
    with pytest.raises(ScoreError, match="do not fit the head counts"):
        select(scores, 1)


@pytest.mark.parametrize(
    "values", [np.zeros(3), np.zeros((0, 3)), np.zeros((2, 0)), np.array([["a"]]), np.array([[None]]), 3, {}]
)
def test_select_of_what_is_no_array_over_heads_is_refused(values: Any) -> None:
    with pytest.raises(ScoreError, match=r"shape .layers, heads."):
        select(values, 1)


def test_select_where_no_head_has_a_score_is_refused() -> None:
    with pytest.raises(ScoreError, match="No head has a score"):
        select(np.full((2, 2), NAN), 0)


def test_mask_from_select_says_where_it_comes_from() -> None:
    model = {"name": "m", "revision": None, "fingerprint": "ab", "family": "bert", "heads": [3, 3]}
    data = {"name": "d", "fingerprint": "cd", "examples": 8}
    scores = SimpleNamespace(
        values=SCORES,
        criterion="hies",
        options={"alpha": 0.5},
        provenance={"model": model, "data": data, "versions": {"torch": "2"}},
    )
    mask = select(scores, 0.5, least_per_layer=1, never=["L0H1"])
    assert mask.provenance == {
        "model": model,
        "data": data,
        "criterion": {"name": "hies", "options": {"alpha": 0.5}},
        "selection": {"prune": 3, "least_per_layer": 1, "never": ["L0H1"]},
    }
    assert select(SCORES, 2).provenance == {"model": {"heads": [3, 3]}, "selection": {"prune": 2}}


def test_select_leaves_scores_and_their_record_as_they_were() -> None:
    values, provenance = SCORES.copy(), {"model": None, "data": None}
    select(SimpleNamespace(values=values, criterion="his", options={}, provenance=provenance), 3)
    np.testing.assert_array_equal(values, SCORES)
    assert provenance == {"model": None, "data": None}


def test_select_of_1024_heads_takes_milliseconds() -> None:
    import time

    values = np.random.default_rng(0).random((32, 32))
    best = math.inf
    for _ in range(5):
        start = time.process_time()
        select(values, 0.5, least_per_layer=1)
        best = min(best, time.process_time() - start)
    assert best < 0.05

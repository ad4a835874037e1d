"""The rule: known cases, what holds for any importances, the controls, and which frozen units save something."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headviz.errors import RunError
from headviz.recovery.freezing import (
    below,
    first_of,
    is_prefix,
    lowest,
    prefix_below,
    prefix_length,
    random_order,
    states,
)

FOUR = np.array([0.1, 0.5, 0.2, 1.0])
NONE = np.zeros(4, dtype=bool)
SCALES = ("relative", "absolute")


@st.composite
def checks(draw: Any) -> tuple[np.ndarray, np.ndarray, float, str, int]:
    """importance, frozen (with a live unit), threshold, scale, at_least."""
    units = draw(st.integers(1, 8))
    importance = draw(st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=units, max_size=units))
    frozen = draw(st.lists(st.booleans(), min_size=units, max_size=units))
    assume(not all(frozen))
    scale = draw(st.sampled_from(SCALES))
    threshold = draw(st.floats(0, 0.99 if scale == "relative" else 1))
    return np.array(importance), np.array(frozen), threshold, scale, draw(st.integers(1, units))


def units_of(frozen: np.ndarray) -> set[int]:
    return set(np.flatnonzero(frozen).tolist())


def test_units_below_the_relative_threshold_freeze() -> None:
    assert units_of(below(FOUR, NONE, 0.3)) == {0, 2}
    assert units_of(prefix_below(FOUR, NONE, 0.3)) == {0}


def test_relative_importance_does_not_depend_on_its_size() -> None:
    assert units_of(below(FOUR / 1_000, NONE, 0.3)) == {0, 2}
    assert units_of(below(FOUR / 1_000, NONE, 0.3, "absolute")) == {0, 1, 2}  # all, less the greatest


def test_relative_importance_is_of_the_greatest_live_unit() -> None:
    """With the top unit frozen 0.5 is the greatest, and 0.2 is 0.4 of it."""
    frozen = np.array([False, False, False, True])
    assert units_of(below(FOUR, frozen, 0.3)) == {0, 3}
    assert units_of(below(FOUR, frozen, 0.5)) == {0, 2, 3}


@pytest.mark.parametrize("rule", [below, prefix_below])
@pytest.mark.parametrize("scale", SCALES)
def test_threshold_0_freezes_nothing_even_at_importance_0(rule: Any, scale: str) -> None:
    assert units_of(rule(np.array([0.0, 0.0, 0.3, 1.0]), NONE, 0.0, scale)) == set()


@pytest.mark.parametrize("rule", [below, prefix_below])
@pytest.mark.parametrize("greatest", [0.0, np.nan, np.inf])
def test_nothing_freezes_where_the_greatest_importance_says_nothing(rule: Any, greatest: float) -> None:
    importance = np.array([0.0, 0.0, 0.0, greatest])
    assert units_of(rule(importance, NONE, 0.9)) == set()


def test_an_importance_at_the_threshold_stays_live() -> None:
    assert units_of(below(np.array([0.5, 0.25, 1.0]), np.zeros(3, dtype=bool), 0.5)) == {1}


def test_where_all_would_freeze_the_greatest_stays_and_of_equals_the_deepest() -> None:
    assert units_of(below(np.array([0.1, 0.3, 0.2]), np.zeros(3, dtype=bool), 0.9, "absolute")) == {0, 2}
    assert units_of(below(np.array([0.3, 0.1, 0.3]), np.zeros(3, dtype=bool), 0.9, "absolute")) == {0, 1}


def test_at_least_so_many_stay_live() -> None:
    assert units_of(below(FOUR, NONE, 0.6, at_least=2)) == {0, 2}
    assert units_of(below(FOUR, NONE, 0.6, at_least=4)) == set()
    assert units_of(prefix_below(FOUR, NONE, 0.6, at_least=2)) == {0, 1}


def test_a_frozen_unit_stays_frozen_at_importance_1() -> None:
    frozen = np.array([True, False, False, False])
    assert units_of(below(np.array([1.0, 0.2, 0.3, 0.5]), frozen, 0.3)) == {0}


def test_a_prefix_grows_over_units_that_are_frozen_already() -> None:
    frozen = np.array([True, True, False, False])
    assert units_of(prefix_below(np.array([1.0, 1.0, 0.1, 1.0]), frozen, 0.3)) == {0, 1, 2}


def test_a_prefix_leaves_the_topmost_live_units_live_where_frozen_ones_lie_above_them() -> None:
    frozen = np.array([False, False, False, True])
    assert units_of(prefix_below(np.full(4, 0.001), frozen, 1, "absolute", at_least=2)) == {0, 3}
    assert units_of(prefix_below(np.array([0.0, np.nan]), np.array([False, True]), 1, "absolute")) == {1}


@given(checks())
def test_rules_never_unfreeze_and_leave_a_unit_live(check: tuple[np.ndarray, np.ndarray, float, str, int]) -> None:
    importance, frozen, threshold, scale, at_least = check
    before = frozen.copy()
    for rule in (below, prefix_below):
        after = rule(importance, frozen, threshold, scale, at_least)
        assert (after | frozen == after).all() and after is not frozen
        assert np.count_nonzero(~after) >= min(at_least, np.count_nonzero(~frozen))
        assert np.array_equal(frozen, before)


@given(checks())
def test_rule_takes_only_units_below_the_threshold(check: tuple[np.ndarray, np.ndarray, float, str, int]) -> None:
    importance, frozen, threshold, scale, at_least = check
    after = below(importance, frozen, threshold, scale, at_least)
    unit = importance[~frozen].max() if scale == "relative" else 1.0
    new = after & ~frozen
    assert all(value / unit < threshold for value in importance[new])
    if np.count_nonzero(~after) > at_least:
        assert not any(value / unit < threshold for value in importance[~after] if unit > 0)


@given(checks(), st.integers(0, 1_000))
def test_rule_does_not_look_at_the_order_of_units(
    check: tuple[np.ndarray, np.ndarray, float, str, int], seed: int
) -> None:
    importance, frozen, threshold, scale, at_least = check
    assume(len(set(importance.tolist())) == len(importance))  # equals are told apart by depth
    order = np.random.default_rng(seed).permutation(len(importance))
    after = below(importance, frozen, threshold, scale, at_least)
    shuffled = below(importance[order], frozen[order], threshold, scale, at_least)
    assert np.array_equal(after[order], shuffled)


@given(checks())
def test_prefix_rule_freezes_a_prefix_where_none_lay_above_it(
    check: tuple[np.ndarray, np.ndarray, float, str, int],
) -> None:
    importance, frozen, threshold, scale, at_least = check
    frozen = np.arange(len(frozen)) < prefix_length(frozen)
    after = prefix_below(importance, frozen, threshold, scale, at_least)
    assert is_prefix(after)
    if scale == "relative" and at_least == 1:
        assert prefix_length(after) == prefix_length(below(importance, frozen, threshold, scale))


@pytest.mark.parametrize("count", range(4))
def test_lowest_freezes_the_lowest_units(count: int) -> None:
    assert units_of(lowest(count, NONE)) == set(range(count))


def test_lowest_never_unfreezes() -> None:
    assert units_of(lowest(1, np.array([True, True, False, False]))) == {0, 1}


@pytest.mark.parametrize("count", [4, 5, -1, 1.0, True])
def test_a_count_that_leaves_none_live_is_refused(count: Any) -> None:
    with pytest.raises(RunError, match="whole number from 0 to 3"):
        lowest(count, NONE)


def test_random_sets_are_nested_seeded_and_of_the_asked_size() -> None:
    order = random_order(9, seed=3)
    assert sorted(order) == list(range(9)) and np.array_equal(order, random_order(9, seed=3))
    assert not np.array_equal(order, random_order(9, seed=4))
    sets = [units_of(first_of(order, count, np.zeros(9, dtype=bool))) for count in range(9)]
    assert [len(each) for each in sets] == list(range(9))
    assert all(smaller < larger for smaller, larger in pairwise(sets))


def test_random_sets_have_the_expected_prefix_of_a_random_set() -> None:
    """k of L units leave a prefix of k / (L - k + 1) on average: 0.75 for 3 of 6, with a deviation of about 0.87."""
    frozen = np.zeros(6, dtype=bool)
    lengths = [prefix_length(first_of(random_order(6, seed), 3, frozen)) for seed in range(4_000)]
    assert np.mean(lengths) == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize(
    ("frozen", "length", "prefix", "names"),
    [
        ((0, 0, 0), 0, True, ("live", "live", "live")),
        ((1, 1, 0), 2, True, ("free", "free", "live")),
        ((1, 0, 1), 1, False, ("free", "live", "carrying")),
        ((0, 1, 1), 0, False, ("live", "carrying", "carrying")),
        ((1, 1, 1), 3, True, ("free", "free", "free")),
    ],
)
def test_only_units_below_the_lowest_live_one_are_free(
    frozen: tuple[int, ...], length: int, prefix: bool, names: tuple[str, ...]
) -> None:
    array = np.array(frozen, dtype=bool)
    assert (prefix_length(array), is_prefix(array), states(array)) == (length, prefix, names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((FOUR[:3], NONE, 0.3), "3 importances do not belong to 4 blocks"),
        ((FOUR, NONE, 0.3, "log"), "scale must be one of"),
        ((FOUR, NONE, 0.3, "relative", 5), "at_least must be a whole number from 1 to 4"),
        ((FOUR, NONE, 0.3, "relative", 0), "at_least must be a whole number from 1 to 4"),
    ],
)
def test_settings_that_do_not_fit_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    for rule in (below, prefix_below):
        with pytest.raises(RunError, match=message):
            rule(*arguments)

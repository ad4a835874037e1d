"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from headviz.stats import Estimate
from headviz.ui import numbers


def test_shares_are_in_percent_and_matthews_is_not() -> None:
    estimate = Estimate(0.5009, 0.4801, 0.5217)
    assert numbers.quantity(0.5009, "accuracy") == "50.1 %"
    assert numbers.interval(estimate, "accuracy") == "48.0 to 52.2 %"
    assert numbers.quantity(0.36, "matthews") == "0.360"
    assert numbers.interval(estimate, "matthews") == "0.480 to 0.522"


def test_differences_carry_their_sign_and_zero_has_none() -> None:
    assert numbers.change(Estimate(-0.0123, 0, 0), "accuracy") == "\u22121.2 pts"
    assert numbers.change(Estimate(0.0123, 0, 0), "macro_f1") == "+1.2 pts"
    assert numbers.change(Estimate(-0.0001, 0, 0), "accuracy") == "0.0 pts"
    assert numbers.change_interval(Estimate(0, -0.05, 0.01), "accuracy") == "\u22125.0 to +1.0 points"
    assert numbers.change(Estimate(-0.0123, 0, 0), "matthews") == "\u22120.012"
    assert numbers.change_interval(Estimate(0, -0.05, 0.01), "matthews") == "\u22120.050 to +0.010"


def test_nothing_that_rounds_to_zero_has_a_sign() -> None:
    almost = Estimate(-1e-5, -2e-5, -1e-6)
    told = [
        numbers.quantity(-1e-5, "matthews"),
        numbers.quantity(-1e-5, "macro_f1"),
        *(numbers.interval(almost, name) for name in ("accuracy", "matthews")),
        *(numbers.change(almost, name) for name in ("accuracy", "matthews")),
        *(numbers.change_interval(almost, name) for name in ("accuracy", "matthews")),
        numbers.signed(-1e-5, 3),
    ]
    assert not [one for one in told if "-0" in one or "\u22120" in one or "+0" in one]


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.123456, "0.123"), (0.0001234, "1.23e-04"), (12345.6, "1.23e+04"), (1.0, "1")]
)
def test_scores_of_any_size_have_three_digits(value: float, text: str) -> None:
    assert numbers.small(value) == text


@pytest.mark.parametrize(
    ("number", "text"), [(22_713_216, "22.7 M"), (569_000, "569 k"), (12, "12"), (7 * 10**9, "7 B")]
)
def test_large_counts_are_shortened(number: int, text: str) -> None:
    assert numbers.count(number) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 heads"), (1, "1 head"), (2, "2 heads"), (1200, "1,200 heads")])
def test_one_of_a_kind_stands_in_the_singular(number: int, text: str) -> None:
    assert numbers.many(number, "head") == text


def test_what_is_not_known_is_said() -> None:
    nothing = Estimate(math.nan, math.nan, math.nan)
    assert numbers.quantity(math.nan, "accuracy") == numbers.quantity(math.nan, "matthews") == "unknown"
    assert numbers.interval(nothing, "accuracy") == "no interval"
    assert numbers.small(math.nan) == "unknown"


def test_change_of_one_examples_loss_has_no_interval() -> None:
    assert numbers.nats_interval(Estimate(0.1, float("nan"), float("nan"), 1)) == "no interval"
    assert numbers.nats_interval(Estimate(0.1, -0.05, 0.2, 9)) == "\u22120.050 to +0.200"

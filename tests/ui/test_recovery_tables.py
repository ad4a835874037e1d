"""What tables of recoveries say, worked out by hand."""

from __future__ import annotations

import math

import pytest

from headviz.recovery import Check, History
from headviz.ui.recovery_tables import from_the_bottom, mean_prefix


def history(*frozen: tuple[int, str], step: int = 10, units: int = 4) -> History:
    """A history of ``units`` blocks whose checks froze the blocks marked x, lowest first."""
    checks = [Check(at, 0.5, (math.nan,) * units, tuple(mark == "x" for mark in marks)) for at, marks in frozen]
    return History(total=10, metric="accuracy", layers=tuple(range(units)), step=step, checks=checks)


def test_gap_below_a_frozen_block_is_not_from_the_bottom() -> None:
    assert from_the_bottom(history((2, "...."), (4, "x..."), (6, "x.x."), (8, "xxx."))) == 3


def test_mean_prefix_counts_each_step_with_what_was_frozen_before_it() -> None:
    # 2 steps with none, 3 with one of four, 5 with three of four
    assert mean_prefix(history((2, "x.x."), (5, "xxx."))) == pytest.approx((3 * 1 + 5 * 3) / 40)


def test_run_that_froze_nothing_has_no_prefix() -> None:
    assert mean_prefix(history()) == 0
    assert mean_prefix(history((2, ".x.."))) == 0


def test_run_that_ended_early_counts_the_steps_that_were_made() -> None:
    assert mean_prefix(history((2, "xx.."), step=4)) == pytest.approx(2 * 2 / 16)

"""The figures about predictions say what the numbers say."""

from __future__ import annotations

import numpy as np
import pytest
from prediction import Figures


def figures(predicted: list[float], measured: list[float], half: float = 0.0) -> Figures:
    return Figures(predicted, [[value, value - half, value + half] for value in measured])


def test_correlations_of_a_list_worked_by_hand() -> None:
    """Ranks 1 2 3 4 against 1 2 4 3: Spearman 1 - 6 x 2 / (4 x 15), Kendall (5 - 1) / 6."""
    found = figures([-1, 0, 2, 30], [0.1, 0.2, 0.9, 0.8])
    assert found.spearman().value == pytest.approx(0.8)
    assert found.kendall().value == pytest.approx(2 / 3)
    assert found.spearman().low <= 0.8 <= found.spearman().high


def test_equal_values_share_their_mean_place() -> None:
    """Ranks 1.5 1.5 3 against 1 2 3: covariance 1.5, variances 1.5 and 2."""
    assert figures([0, 0, 5], [1, 2, 3]).spearman().value == pytest.approx(1.5 / np.sqrt(1.5 * 2))


def test_error_is_predicted_less_measured_and_keeps_its_sign() -> None:
    found = figures([1, 2, 3], [2, 4, 3])
    assert (found.error, found.absolute_error) == (-1, 1)
    assert figures([3, 2, 3], [2, 4, 3]).error == pytest.approx(-1 / 3)


def test_shared_heads_are_those_among_the_ten_lowest_of_both() -> None:
    falling = list(range(25, 0, -1))
    assert figures(list(range(25)), list(range(25))).shared == 10
    assert figures(list(range(25)), falling).shared == 0
    assert figures(list(range(15)), list(range(15, 0, -1))).shared == 5


def test_clear_changes_are_those_whose_interval_leaves_nothing_out() -> None:
    assert figures([0, 0, 0], [-0.2, 0.05, 0.2], half=0.1).clear == 2

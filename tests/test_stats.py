"""Estimates against arithmetic on paper, scikit-learn and scipy, and slow twins that draw examples one by one."""

from __future__ import annotations

import math
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz import resamples, stats
from headviz.errors import ScoreError
from headviz.stats import Estimate

NAN = math.nan


def labels_and_predictions(n: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """About 60 % right, classes of very different frequency."""
    rng = np.random.default_rng(seed)
    labels = np.minimum(rng.geometric(0.4, n) - 1, classes - 1)
    return labels, np.where(rng.random(n) < 0.5, labels, rng.integers(0, classes, n))


# Wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # With z² = 3.841459: no success gives 0 to z² / (n + z²), and the mirror image for all of them.
        (0, 10, 0.0, 0.277533),
        (10, 10, 0.722467, 1.0),
        # centre 1/2, half-width 1.959964 * sqrt(0.025 + 3.841459 / 400) / 1.3841459
        (5, 10, 0.236593, 0.763407),
        # centre (0.9 + 0.01920730) / 1.03841459 = 0.885203, half 1.959964 * sqrt(0.0009 + 0.0000960365) / 1.03841459
        (90, 100, 0.825634, 0.944771),
        (1, 1, 0.206549, 1.0),
    ],
)
def test_wilson_of_known_shares_is_what_paper_says(successes: int, n: int, low: float, high: float) -> None:
    estimate = stats.wilson(successes, n)
    assert estimate.value == successes / n and estimate.n == n
    assert estimate.low == pytest.approx(low, abs=1e-6)
    assert estimate.high == pytest.approx(high, abs=1e-6)


def test_wilson_level_when_lower_is_narrower() -> None:
    wide, narrow = stats.wilson(30, 100), stats.wilson(30, 100, level=0.68)
    assert wide.low < narrow.low < 0.3 < narrow.high < wide.high


def test_wilson_of_no_examples_knows_nothing() -> None:
    estimate = stats.wilson(0, 0)
    assert math.isnan(estimate.value) and (estimate.low, estimate.high, estimate.n) == (0.0, 1.0, 0)


@pytest.mark.parametrize(("successes", "n"), [(3, 2), (-1, 5)])
def test_wilson_of_impossible_counts_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ScoreError, match=f"{successes} of {n}"):
        stats.wilson(successes, n)


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_always_holds_the_share_within_0_and_1(counts: tuple[int, int]) -> None:
    estimate = stats.wilson(*counts)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high


# Metrics


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_macro_f1_and_matthews_agree_with_scikit_learn(classes: int) -> None:
    from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score, matthews_corrcoef

    labels, predictions = labels_and_predictions(400, classes)
    assert stats.macro_f1(labels, predictions, classes) == pytest.approx(f1_score(labels, predictions, average="macro"))
    assert stats.matthews(labels, predictions, classes) == pytest.approx(matthews_corrcoef(labels, predictions))
    assert stats.cohen_kappa(labels, predictions, classes) == pytest.approx(cohen_kappa_score(labels, predictions))
    expected = confusion_matrix(labels, predictions, labels=range(classes))
    np.testing.assert_array_equal(stats.confusion(labels, predictions, classes), expected)


@given(
    st.integers(2, 4).flatmap(
        lambda c: st.tuples(
            st.just(c), st.lists(st.tuples(st.integers(0, c - 1), st.integers(0, c - 1)), min_size=1, max_size=12)
        )
    )
)
def test_metrics_of_few_examples_agree_with_scikit_learn(case: tuple[int, list[tuple[int, int]]]) -> None:
    from sklearn.metrics import f1_score, matthews_corrcoef

    classes, pairs = case
    labels, predictions = np.array(pairs).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f1 = f1_score(labels, predictions, average="macro", zero_division=0)
        correlation = matthews_corrcoef(labels, predictions)
    assert stats.macro_f1(labels, predictions, classes) == pytest.approx(f1)
    assert stats.matthews(labels, predictions, classes) == pytest.approx(correlation)


def test_confusion_has_labels_in_rows_and_predictions_in_columns() -> None:
    table = stats.confusion(np.array([0, 0, 2]), np.array([1, 1, 2]), 3)
    assert table.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(("labels", "predictions"), [([0, 3], [0, 0]), ([0, 1], [0, -1])])
def test_confusion_of_classes_that_are_not_there_is_refused(labels: list[int], predictions: list[int]) -> None:
    with pytest.raises(ScoreError, match="0 to 2"):
        stats.confusion(np.array(labels), np.array(predictions), 3)


def test_confusion_of_unequal_lengths_is_refused() -> None:
    with pytest.raises(ScoreError, match="2 labels and 1 predictions"):
        stats.confusion(np.array([0, 1]), np.array([0]), 2)


def test_metrics_of_one_class_are_0_where_nothing_can_be_told_from_chance() -> None:
    constant = np.ones(8, dtype=int)
    assert stats.matthews(constant, constant, 2) == 0.0
    assert stats.cohen_kappa(constant, constant, 2) == 0.0
    assert stats.macro_f1(constant, constant, 2) == 1.0  # class 0 occurs nowhere and does not count
    assert stats.accuracy(constant, constant, 2).value == 1.0


def test_metrics_of_no_examples_are_nan_with_the_widest_interval() -> None:
    none = np.array([], dtype=int)
    assert math.isnan(stats.macro_f1(none, none, 2)) and math.isnan(stats.cohen_kappa(none, none, 2))
    for estimate, low in ((stats.macro_f1_estimate(none, none, 2), 0), (stats.matthews_estimate(none, none, 2), -1)):
        assert math.isnan(estimate.value) and (estimate.low, estimate.high, estimate.n) == (low, 1, 0)
    assert stats.accuracy(none, none, 2).n == 0


def test_cohen_kappa_of_chance_agreement_is_0_and_of_the_opposite_is_minus_1() -> None:
    labels = np.array([0, 0, 1, 1])
    assert stats.cohen_kappa(labels, np.array([0, 1, 0, 1]), 2) == pytest.approx(0.0)
    assert stats.cohen_kappa(labels, 1 - labels, 2) == pytest.approx(-1.0)


# Bootstraps


@pytest.mark.parametrize("name", ["macro_f1", "matthews"])
def test_bootstrap_of_a_table_agrees_with_drawing_examples_one_by_one(name: str) -> None:
    labels, predictions = labels_and_predictions(300, 3)
    metric = getattr(stats, name)
    slow = stats.bootstrap(lambda i: metric(labels[i], predictions[i], 3), 300, draws=4000, seed=1)
    fast = getattr(stats, f"{name}_estimate")(labels, predictions, 3)
    assert fast.value == slow.value == metric(labels, predictions, 3)
    # The ends of 1,000 draws scatter by about a tenth of the width.
    width = slow.high - slow.low
    assert abs(fast.low - slow.low) < 0.12 * width and abs(fast.high - slow.high) < 0.12 * width
    assert fast.n == 300


def test_bootstrap_with_the_same_seed_is_the_same_and_with_another_is_not() -> None:
    values = np.random.default_rng(0).normal(size=50)
    first, again, other = (stats.bootstrap(lambda i: values[i].mean(), 50, seed=s) for s in (3, 3, 4))
    assert first == again != other


CLASSES = 3


@pytest.mark.parametrize("n", [1, 2, 3, 20, 500])
@pytest.mark.parametrize("kind", ["right", "wrong", "one class", "one class, wrong", "one answer"])
@pytest.mark.parametrize("name", ["macro_f1", "matthews"])
def test_interval_of_examples_that_are_all_alike_has_width_and_narrows_with_more(name: str, kind: str, n: int) -> None:
    every, one = np.arange(n) % CLASSES, np.ones(n, dtype=int)
    labels, predictions = {
        "right": (every, every), "wrong": (every, (every + 1) % CLASSES), "one class": (one, one),
        "one class, wrong": (one, one + 1), "one answer": (every, one),
    }[kind]  # fmt: skip
    found = getattr(stats, f"{name}_estimate")(labels, predictions, CLASSES)
    assert found.value == getattr(stats, name)(labels, predictions, CLASSES)
    assert found.low <= found.value <= found.high and found.high - found.low > 1 / (3 * n)
    if len(set(labels)) == 1 and name == "matthews":
        assert (found.low, found.high) == (-1, 1)  # nothing can be told from one class
    elif n == 500 and not kind.startswith("one class"):
        assert found.high - found.low < 0.15
    paired = stats.paired_metric(name, labels, predictions, predictions, CLASSES)
    assert paired.low <= paired.value == 0 <= paired.high and paired.high > paired.low


def test_interval_of_all_right_answers_covers_a_model_that_errs_now_and_then() -> None:
    """Of a model that is right in 9 of 10 answers, whole samples of 15 are right one time in five: those intervals must
    hold its macro-F1, which is 0.9 too, as a rule of 95 % asks of them."""
    rng, held = np.random.default_rng(0), []
    for _ in range(60):
        labels = rng.integers(0, 2, 15)
        predictions = np.where(rng.random(15) < 0.9, labels, 1 - labels)
        found = stats.macro_f1_estimate(labels, predictions, 2)
        if (labels == predictions).all() and len(set(labels)) == 2:
            held.append(found.low < 0.9 <= found.high)
    assert len(held) > 5 and all(held)


def test_bootstrap_of_equal_examples_has_no_width() -> None:
    assert stats.bootstrap(lambda i: 2.0, 9) == Estimate(2.0, 2.0, 2.0, 9)


def test_bootstrap_of_no_examples_is_nan() -> None:
    assert math.isnan(stats.bootstrap(lambda i: 1.0, 0).value)


def test_estimates_of_2210_examples_take_under_50_ms() -> None:
    labels, predictions = labels_and_predictions(2210, 5)
    best = math.inf
    for _ in range(5):
        start = time.process_time()
        stats.macro_f1_estimate(labels, predictions, 5)
        best = min(best, time.process_time() - start)
    assert best < 0.05


def test_mean_interval_agrees_with_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(loc=3.0, scale=2.0, size=(400, 2, 3))
    low, high = stats.mean_interval(values)
    error = 1.96 * values.std(axis=0) / math.sqrt(400)
    np.testing.assert_allclose(low, values.mean(axis=0) - error, atol=0.15 * error.max())
    np.testing.assert_allclose(high, values.mean(axis=0) + error, atol=0.15 * error.max())
    assert low.shape == high.shape == (2, 3) and low.dtype == np.float64


def test_mean_interval_in_parts_is_that_of_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(40, 3))
    low, high = stats.mean_interval(values)
    monkeypatch.setattr(resamples, "CELLS_AT_ONCE", 7 * 40)
    np.testing.assert_allclose(stats.mean_interval(values), (low, high), rtol=1e-12)


def test_mean_interval_leaves_out_what_an_example_has_not() -> None:
    values = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    values[::2, 0] = NAN
    values[:, 1] = NAN
    low, high = stats.mean_interval(values)
    assert low[0] < values[1::2, 0].mean() < high[0]
    assert np.isnan([low[1], high[1]]).all()
    assert not np.isnan([low[2], high[2]]).any()
    # half of the examples: about sqrt(2) times as wide as a column of the whole of them
    assert 1.1 < (high[0] - low[0]) / (high[2] - low[2]) * values[:, 2].std() / values[1::2, 0].std() < 1.8


def test_mean_interval_of_one_value_or_equal_ones_has_width_within_bounds_or_is_unknown() -> None:
    for values in (np.array([[5.0], [NAN], [NAN]]), np.full((3, 1), 5.0), np.zeros((1, 1))):
        assert np.isnan(stats.mean_interval(values)).all()
    assert stats.mean_interval(np.zeros((3, 1))) == (0.0, 0.0)  # a head that nothing flows through
    unseen = 1 - 0.025 ** (1 / 3)
    low, high = stats.mean_interval(np.full((3, 1), 0.5), bounds=(0, 1))
    assert (low[0], high[0]) == pytest.approx((0.5 - unseen / 2, 0.5 + unseen / 2))


def test_mean_interval_of_no_examples_is_nan() -> None:
    low, high = stats.mean_interval(np.empty((0, 2)))
    assert np.isnan(low).all() and np.isnan(high).all() and low.shape == (2,)


def test_paired_difference_is_narrower_than_two_samples() -> None:
    rng = np.random.default_rng(0)
    right = rng.random(500) < 0.7
    other = np.where(rng.random(500) < 0.05, ~right, right)
    estimate = stats.paired(right, other)
    assert estimate.value == pytest.approx(right.mean() - other.mean())
    apart = stats.wilson(int(right.sum()), 500)
    assert estimate.high - estimate.low < 0.7 * (apart.high - apart.low)
    # standard error of a mean of -1, 0, 1, by hand
    error = (right.astype(float) - other).std() / math.sqrt(500)
    assert estimate.low == pytest.approx(estimate.value - 1.96 * error, abs=0.3 * error)
    assert estimate.high == pytest.approx(estimate.value + 1.96 * error, abs=0.3 * error)


def test_paired_difference_of_losses_agrees_with_the_slow_bootstrap() -> None:
    a, b = np.random.default_rng(0).gamma(2.0, size=(2, 200))
    fast = stats.paired(a, b)
    slow = stats.bootstrap(lambda i: (a[i] - b[i]).mean(), 200, draws=4000, seed=1)
    width = slow.high - slow.low
    assert fast.value == pytest.approx(slow.value)
    assert abs(fast.low - slow.low) < 0.12 * width and abs(fast.high - slow.high) < 0.12 * width


@pytest.mark.parametrize("n", [1, 3, 2000])
def test_paired_difference_of_equal_results_is_as_wide_as_so_many_leave_possible(n: int) -> None:
    right = np.arange(n) % 2 == 0
    found, unseen = stats.paired(right, right), 1 - 0.025 ** (1 / n)
    assert (found.value, found.low, found.high) == pytest.approx((0, -unseen, unseen))
    # all differ, as where a mask breaks every answer
    found = stats.paired(np.zeros(n), np.ones(n))
    assert (found.value, found.low, found.high) == pytest.approx((-1, -1, -1 + 2 * unseen))


def test_paired_difference_of_other_values_that_are_equal_is_unknown_or_0() -> None:
    assert stats.paired(np.full(3, 1.5), np.full(3, 1.5)) == Estimate(0.0, 0.0, 0.0, 3)
    one = stats.paired(np.array([1.5]), np.array([0.25]))
    assert one.value == 1.25 and math.isnan(one.low) and math.isnan(one.high)


def test_paired_difference_changes_sign_with_its_sides() -> None:
    a, b = np.array([1, 1, 1, 0]), np.array([0, 0, 1, 0])
    assert stats.paired(a, b).value == 0.5
    assert stats.paired(b, a).value == -0.5


def test_paired_difference_of_no_examples_is_nan() -> None:
    assert math.isnan(stats.paired(np.array([]), np.array([])).value)


def test_paired_difference_of_unequal_lengths_is_refused() -> None:
    with pytest.raises(ScoreError, match="10 and 12 examples"):
        stats.paired(np.zeros(10), np.zeros(12))


# Kendall


@pytest.mark.parametrize("name", ["macro_f1", "matthews"])
def test_paired_metric_agrees_with_drawing_examples_one_by_one(name: str) -> None:
    labels, a = labels_and_predictions(300, 4)
    b = np.where(np.arange(300) % 5 == 0, (a + 1) % 4, a)
    metric = getattr(stats, name)
    slow = stats.bootstrap(lambda index: metric(labels[index], a[index], 4) - metric(labels[index], b[index], 4), 300)
    found = stats.paired_metric(name, labels, a, b, 4)
    assert found.value == pytest.approx(metric(labels, a, 4) - metric(labels, b, 4)) and found.n == 300
    assert (found.low, found.high) == pytest.approx((slow.low, slow.high), abs=0.012)
    back = stats.paired_metric(name, labels, b, a, 4)
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low), abs=0.012)
    still = stats.paired_metric(name, labels, a, a, 4)
    assert still.value == 0 and -0.03 < still.low < 0 < still.high < 0.03  # 300 examples leave little


def test_paired_metric_is_narrower_than_two_samples() -> None:
    labels, a = labels_and_predictions(500, 3)
    b = np.where(np.arange(500) % 25 == 0, (a + 1) % 3, a)
    paired, alone = stats.paired_metric("macro_f1", labels, a, b, 3), stats.macro_f1_estimate(labels, a, 3)
    assert paired.high - paired.low < (alone.high - alone.low) / 2


def test_paired_metric_of_no_examples_or_no_such_metric() -> None:
    nothing = np.zeros(0, dtype=int)
    assert math.isnan(stats.paired_metric("matthews", nothing, nothing, nothing, 3).value)
    with pytest.raises(ScoreError, match="no metric 'luck' of classes; choose from accuracy, macro_f1, matthews"):
        stats.value_of("luck", nothing, nothing, 3)


def test_kendall_tau_of_one_swap_in_four_is_two_thirds() -> None:
    assert stats.kendall_tau(np.array([1, 2, 3, 4]), np.array([1, 3, 2, 4])) == pytest.approx(4 / 6)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=30))
def test_kendall_tau_with_ties_agrees_with_scipy(pairs: list[tuple[int, int]]) -> None:
    from scipy.stats import kendalltau

    a, b = np.array(pairs).T
    expected = kendalltau(a, b).statistic
    assert stats.kendall_tau(a, b) == pytest.approx(0.0 if math.isnan(expected) else expected)


def test_kendall_tau_leaves_out_heads_that_are_not_there() -> None:
    a = np.array([[1.0, 2.0, 3.0], [4.0, NAN, NAN]])
    b = np.array([[1.0, 2.0, 3.0], [4.0, 9.0, NAN]])
    assert stats.kendall_tau(a, b) == 1.0
    assert stats.kendall_tau(a, -b) == -1.0


def test_kendall_tau_of_infinite_scores_has_an_order() -> None:
    a = np.array([-math.inf, 0.0, math.inf, math.inf])
    assert stats.kendall_tau(a, a) == 1.0


def test_kendall_tau_without_an_order_is_0() -> None:
    assert stats.kendall_tau(np.ones(4), np.arange(4)) == 0.0
    assert stats.kendall_tau(np.array([1.0]), np.array([2.0])) == 0.0


def test_kendall_tau_of_other_lengths_is_refused() -> None:
    with pytest.raises(ScoreError, match="3 and 4 heads"):
        stats.kendall_tau(np.ones(3), np.ones(4))


# Records


def test_record_of_an_estimate_is_fit_for_json() -> None:
    assert Estimate(0.5, 0.25, 0.75, 8).record() == {"value": 0.5, "low": 0.25, "high": 0.75, "examples": 8}
    assert Estimate(NAN, 0.0, 1.0).record() == {"value": None, "low": 0.0, "high": 1.0}


def test_module_when_imported_brings_no_heavy_package() -> None:
    code = "import sys, headviz.stats; print([m for m in ('torch', 'pandas', 'scipy', 'sklearn') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

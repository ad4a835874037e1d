"""CKA: hand-computed values, what it must ignore, a slow reference in example space, and few rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headviz.errors import RunError
from headviz.recovery.cka import change, is_constant, linear_cka, rows_are_few

CROSS = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], dtype=float)
D = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [2, 0]], dtype=float)
E = np.array([[0, 1], [1, 0], [1, 1], [2, 1], [2, 0]], dtype=float)


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def drawn(seed: int, rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def rotation(seed: int, size: int) -> np.ndarray:
    return np.linalg.qr(drawn(seed, size, size))[0]


def slow_cka(x: np.ndarray, y: np.ndarray, debiased: bool) -> float:
    """In example space, by the definitions: Gram matrices of plain activations, centred or with an empty diagonal."""
    n = len(x)
    ones, centring = np.ones(n), np.eye(n) - 1 / n

    def product(k: np.ndarray, l: np.ndarray) -> float:
        if not debiased:
            return np.trace(k @ centring @ l @ centring)
        k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
        mixed = ones @ k @ ones * (ones @ l @ ones) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (ones @ k @ l @ ones)
        return (np.trace(k @ l) + mixed) / (n * (n - 3))

    k, l = x @ x.T, y @ y.T
    return product(k, l) / np.sqrt(product(k, k) * product(l, l))


@pytest.mark.parametrize(
    ("other", "likeness"),
    [((-1, 0, 1), 1), ((-4, 3, 10), 1), ((1, -2, 1), 0), ((-1, -1, 2), 0.75)],
)
def test_cka_of_one_column_is_the_squared_correlation(other: tuple[float, ...], likeness: float) -> None:
    assert linear_cka(column(-1, 0, 1), column(*other)) == pytest.approx(likeness, abs=1e-15)


def test_cka_of_a_cross_with_one_axis_doubled_is_the_known_one() -> None:
    assert linear_cka(CROSS, CROSS * [1, 2]) == pytest.approx(20 / np.sqrt(544), abs=1e-15)


def test_cka_of_five_points_is_the_known_one_plain_and_debiased() -> None:
    assert linear_cka(D, E) == pytest.approx(0.7800, abs=5e-5)
    assert linear_cka(D, E, debiased=True) == pytest.approx(0.8333, abs=5e-5)


@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize(("rows", "columns", "others"), [(4, 3, 5), (9, 12, 2), (60, 5, 7)])
def test_cka_in_feature_space_is_that_in_example_space(rows: int, columns: int, others: int, debiased: bool) -> None:
    x, y = drawn(1, rows, columns), drawn(2, rows, others)
    assert linear_cka(x, y, debiased=debiased) == pytest.approx(slow_cka(x, y, debiased), abs=1e-12)


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-100, 100))
def test_cka_ignores_rotation_scale_and_shift(seed: int, scale: float, shift: float) -> None:
    x, y = drawn(seed, 12, 4), drawn(seed + 1, 12, 4)
    moved = scale * y @ rotation(seed + 2, 4) + shift
    assert linear_cka(x, moved) == pytest.approx(linear_cka(x, y), abs=1e-10)
    assert change(moved, y) == pytest.approx(0, abs=1e-10)


@given(st.integers(0, 10_000))
def test_plain_cka_lies_between_0_and_1_and_has_no_direction(seed: int) -> None:
    x, y = drawn(seed, 7, 3), drawn(seed + 1, 7, 5)
    assert 0 <= linear_cka(x, y) <= 1
    assert linear_cka(x, y) == pytest.approx(linear_cka(y, x), abs=1e-14)


def test_cka_where_one_side_is_constant_is_not_a_number() -> None:
    rows = 10  # of which the mean is not 0.1 in floating point
    assert np.isnan(linear_cka(np.full((rows, 2), 0.1), drawn(1, rows, 2)))


def test_cka_of_different_rows_is_refused() -> None:
    with pytest.raises(RunError, match="5 and 4 rows"):
        linear_cka(D, CROSS)


@pytest.mark.parametrize("shape", [(5,), (0, 3), (2, 3, 4)])
def test_cka_of_what_is_not_rows_and_columns_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(RunError, match="rows and columns"):
        linear_cka(np.zeros(shape), np.zeros(shape))


def test_change_of_nothing_is_exactly_0() -> None:
    x = drawn(3, 40, 8)
    assert change(x, x) == 0


def test_change_of_enough_rows_is_one_less_plain_cka() -> None:
    x = np.tile(CROSS, (2, 1))
    assert change(x, x * [1, 2]) == pytest.approx(1 - 20 / np.sqrt(544), abs=1e-15)


def test_change_of_few_rows_is_debiased() -> None:
    assert rows_are_few(5, 2) and not rows_are_few(8, 2)
    assert change(D, E) == pytest.approx(1 / 6, abs=5e-5)


def test_change_of_unrelated_few_rows_stays_within_0_and_1() -> None:
    """The debiased CKA of noise scatters around 0, on both sides."""
    found = [change(drawn(seed, 8, 30), drawn(seed + 100, 8, 30)) for seed in range(20)]
    assert max(found) == 1 and min(found) < 1


def test_change_of_small_noise_is_about_the_same_on_few_rows_as_on_many() -> None:
    """Noise of size 0.1 is a change of about 0.01 on 1,024 rows; plain CKA sees a fifth of that on 16 rows of 64
    columns. One draw scatters by 0.002."""
    pairs = [(x := drawn(seed, 16, 64), x + 0.1 * drawn(seed + 50, 16, 64)) for seed in range(40)]
    assert np.mean([change(*pair) for pair in pairs]) == pytest.approx(0.01, abs=0.0015)
    assert np.mean([1 - linear_cka(*pair) for pair in pairs]) == pytest.approx(0.0019, abs=0.0003)
    many = drawn(1, 1_024, 64)
    assert change(many, many + 0.1 * drawn(2, 1_024, 64)) == pytest.approx(0.01, abs=0.0015)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6])
def test_change_of_constant_activations_is_0(value: float) -> None:
    constant = np.full((9, 2), value)
    assert is_constant(constant) and not is_constant(D)
    assert change(constant, constant) == change(constant, drawn(1, 9, 2)) == change(drawn(1, 9, 2), constant) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_change_of_what_is_not_finite_is_not_a_number(bad: float) -> None:
    broken = drawn(1, 9, 2)
    broken[3, 1] = bad
    assert np.isnan(change(drawn(2, 9, 2), broken))


def test_change_of_three_rows_is_refused() -> None:
    with pytest.raises(RunError, match="at least 4 tokens"):
        change(D[:3], E[:3])


def test_change_of_other_shapes_is_refused() -> None:
    with pytest.raises(RunError, match="same texts"):
        change(D, drawn(1, 5, 3))


def test_change_takes_tensors_and_computes_in_float64() -> None:
    x: Any = torch.randn(64, 4)
    moved = x + 1e-4 * torch.randn(64, 4)
    found = change(x, moved)
    assert found == change(x.double().numpy(), moved.double().numpy())
    assert 1e-9 < found < 3e-8  # float32 gives multiples of 6e-8

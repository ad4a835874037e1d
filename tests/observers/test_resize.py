"""Maps of any length on a grid: worked examples, and the rule that rows add up to one for every length, grid and
padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headviz.observers.resize import resized, resizers, visible


def brought_to(grid: int, attention: torch.Tensor, valid: torch.Tensor, rule: str = "mass") -> torch.Tensor:
    query, key = resizers(valid[None], grid, rule)
    return resized(visible(attention[None, None], valid[None], renormalise=False), query, key)[0, 0]


def whole(n: int) -> torch.Tensor:
    return torch.ones(n, dtype=torch.bool)


def test_two_tokens_on_four_cells_as_worked_out_by_hand() -> None:
    found = brought_to(4, torch.tensor([[1.0, 0.0], [0.5, 0.5]]), whole(2))
    expected = torch.tensor([[0.5, 0.5, 0, 0]] * 2 + [[0.25] * 4] * 2)
    torch.testing.assert_close(found, expected)


def test_diagonal_of_four_tokens_on_two_cells_stays_a_diagonal() -> None:
    torch.testing.assert_close(brought_to(2, torch.eye(4), whole(4)), torch.eye(2))


@given(st.integers(1, 40), st.integers(2, 24), st.integers(0, 5), st.integers(0, 5), st.integers(0, 2**31))
def test_rows_add_up_to_one_and_padding_on_either_side_changes_nothing(
    n: int, grid: int, left: int, right: int, seed: int
) -> None:
    attention = torch.rand(n, n, generator=torch.Generator().manual_seed(seed)) + 1e-3
    attention /= attention.sum(-1, keepdim=True)
    alone = brought_to(grid, attention, whole(n))
    torch.testing.assert_close(alone.sum(-1), torch.ones(grid), atol=1e-5, rtol=0)
    size = left + n + right
    padded = torch.full((size, size), torch.nan)
    padded[left : left + n] = 0
    padded[left : left + n, left : left + n] = attention
    valid = torch.zeros(size, dtype=torch.bool)
    valid[left : left + n] = True
    torch.testing.assert_close(brought_to(grid, padded, valid), alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("n", "grid"), [(3, 8), (8, 3), (7, 7), (128, 32)])
def test_bilinear_is_torch_interpolation_of_the_valid_block(n: int, grid: int) -> None:
    attention = torch.rand(n, n, generator=torch.Generator().manual_seed(n))
    expected = torch.nn.functional.interpolate(
        attention[None, None], size=(grid, grid), mode="bilinear", align_corners=False
    )[0, 0]
    torch.testing.assert_close(brought_to(grid, attention, whole(n), "bilinear"), expected, atol=1e-5, rtol=0)


def test_mass_of_uniform_attention_does_not_depend_on_length_and_bilinear_does() -> None:
    def cell(n: int, rule: str) -> float:
        return float(brought_to(24, torch.full((n, n), 1 / n), whole(n), rule)[0, 0])

    assert [round(cell(n, "mass"), 4) for n in (10, 20, 40)] == [0.0417] * 3
    assert [round(cell(n, "bilinear"), 4) for n in (10, 20, 40)] == [0.1, 0.05, 0.025]


def test_row_that_only_looks_at_what_does_not_count_becomes_uniform() -> None:
    attention = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    counts = torch.tensor([False, True, True])
    found = visible(attention[None, None], counts[None], renormalise=True)[0, 0]
    np.testing.assert_allclose(found[counts], [[0, 0.5, 0.5], [0, 0.5, 0.5]])

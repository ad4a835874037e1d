"""One map on the grid, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from headviz.complementarity.picture import on_grid


def test_map_of_two_tokens_on_four_cells_is_the_one_by_hand() -> None:
    found = on_grid(np.array([[1, 0], [0.5, 0.5]]), 4)
    assert found == pytest.approx(np.array([[0.5, 0.5, 0, 0]] * 2 + [[0.25] * 4] * 2), abs=1e-6)


def test_map_of_as_many_tokens_as_cells_is_itself_by_either_rule() -> None:
    weights = np.random.default_rng(0).dirichlet(np.ones(5), 5)
    for rule in ("mass", "bilinear"):
        assert on_grid(weights, 5, rule) == pytest.approx(weights, abs=1e-6)

"""The sentences of the tables of CAHP say what the numbers say."""

from __future__ import annotations

import pytest
from cahp_tables import KneeRow, OverlapRow


@pytest.mark.parametrize(
    ("k", "columns", "labels", "said"),
    [
        (14, [13, 15], [14, 16], "inside both"),
        (13, [13, 15], [14, 16], "inside columns only"),
        (16, [13, None], [14, 16], "inside labels only"),
        (18, [13, 15], [14, 16], "2 heads above both"),
        (12, [13, 15], [14, 16], "1 head below both"),
        (15, [12, 14], [16, 18], "between them"),
        (None, [13, 15], [14, 16], ""),
        (14, [None, None], [14, 16], ""),
    ],
)
def test_knee_stands_beside_both_kinds_of_noise(
    k: int | None, columns: list[int | None], labels: list[int | None], said: str
) -> None:
    assert KneeRow(6, k, {"columns": columns, "labels": labels}).place == said


@pytest.mark.parametrize(("shared", "side"), [(0, -1), (1, 0), (3, 0), (6, 0), (7, 1)])
def test_overlap_is_below_in_or_above_the_band_of_chance(shared: int, side: int) -> None:
    assert OverlapRow("headviz", 6, (15, 15), shared, (3.1, 1, 6)).side == side

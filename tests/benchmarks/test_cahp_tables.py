"""What `cahp_results.py` writes goes in its own place, and its figures say what the numbers say."""

from __future__ import annotations

import pytest
from cahp_tables import TITLE, KneeRow, OverlapRow, with_section


def test_section_goes_to_the_end_of_a_page_without_it() -> None:
    assert with_section("# Results\n\nWords.\n\n## Other\n\nMore.\n", f"## {TITLE}\n\nNew.\n") == (
        f"# Results\n\nWords.\n\n## Other\n\nMore.\n\n## {TITLE}\n\nNew.\n"
    )


def test_section_replaces_itself_and_nothing_else() -> None:
    before = f"# Results\n\n## One\n\nA.\n\n## {TITLE}\n\nOld.\n\n### Part\n\nOld.\n\n## Two\n\nB.\n"
    after = with_section(before, f"## {TITLE}\n\nNew.\n")
    assert after == f"# Results\n\n## One\n\nA.\n\n## {TITLE}\n\nNew.\n\n## Two\n\nB.\n"
    assert with_section(after, f"## {TITLE}\n\nNew.\n") == after


def test_page_that_is_not_there_begins_with_its_heading() -> None:
    assert with_section("", f"## {TITLE}\n").startswith("# Results\n")


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

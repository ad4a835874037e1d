"""Places and words of a report's pictures."""

from __future__ import annotations

import numpy as np
import pytest

import headviz as hv
from headviz.stats import Estimate
from headviz.ui.report import pictures
from headviz.ui.report.pictures import CELL, SMALL_CELL, head_map, intervals, mask_grid

HEADS = [[1, 0, 1], [1, 1, 1]]


def mask_of(keep: object, heads: list[int]) -> hv.Mask:
    return hv.Mask(np.array(keep, dtype=bool), provenance={"model": {"heads": heads}})


def test_every_head_has_its_square_in_the_row_of_its_layer() -> None:
    grid = mask_grid(mask_of([[1, 0, 1], [1, 1, 0]], [3, 2]))
    assert [cell.told for cell in grid.cells] == ["L0H0: kept", "L0H1: cut", "L0H2: kept", "L1H0: kept", "L1H1: kept"]
    assert grid.cells[4].x - grid.cells[3].x == grid.cells[3].y - grid.cells[0].y == CELL == grid.side
    assert [name for _, name in grid.columns] == ["H0", "H1", "H2"] and [name for _, name in grid.rows] == ["L0", "L1"]


def test_colours_run_from_the_lowest_to_the_highest_value() -> None:
    grid, says = head_map(mask_of(HEADS, [3, 3]), np.array([[0.0, 1, 2], [3, 4, np.nan]]), "")
    fills = [cell.fill for cell in grid.cells]
    assert fills[0] == "#440154" and fills[2] == "#21918c" and fills[4] == "#fde725" and fills[5] == ""
    assert (grid.cells[0].ink, grid.cells[4].ink, grid.cells[5].text) == ("#fff", "#000", "?")
    assert says.startswith("Dark is low (0), light is high (4); × is cut.")


def test_letters_can_be_read_on_every_colour_of_the_scale() -> None:
    """Contrast by WCAG's formula: at least 4.5 to 1."""

    def luminance(colour: str) -> float:
        full = colour[1:] if len(colour) == 7 else "".join(2 * letter for letter in colour[1:])
        parts = [int(full[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for share in np.linspace(0, 1, 101):
        pair = sorted(map(luminance, pictures._colour(float(share))))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, share


@pytest.mark.parametrize(
    ("largest", "unit", "text", "says"),
    [
        (0.0123, "nats", "12.3", "nats times 1,000"),
        (4.0, "", "4.00", "the values as they are"),
        (0.8812, "", "0.88", "the values as they are"),
        (2e-7, "", "0.20", "times 1,000,000"),
    ],
)
def test_cells_say_small_numbers_in_full(largest: float, unit: str, text: str, says: str) -> None:
    grid, told = head_map(mask_of(HEADS, [3, 3]), np.full((2, 3), largest), unit)
    assert {cell.text for cell in grid.cells} == {text} and told.endswith(f"Numbers in the cells: {says}.")


def test_wide_model_gets_small_squares_without_numbers() -> None:
    grid, says = head_map(mask_of(np.ones((2, 64)), [64, 64]), np.ones((2, 64)), "")
    assert grid.side == SMALL_CELL and {cell.text for cell in grid.cells} == {""} and "Numbers" not in says
    assert [name for _, name in grid.columns][:3] == ["H0", "H4", "H8"]


def test_interval_stands_to_scale_between_round_ticks() -> None:
    bars = intervals([("whole", Estimate(0.5, 0.45, 0.55, 100)), ("mask", Estimate(0.4, 0.35, 0.45, 100))], "accuracy")
    assert [name for _, name in bars.ticks] == ["35 %", "40 %", "45 %", "50 %", "55 %"]
    at = {name: x for x, name in bars.ticks}
    whole, mask = bars.bars
    assert (whole.low, whole.x, whole.high) == (at["45 %"], at["50 %"], at["55 %"]) and mask.high == whole.low
    assert whole.told == "whole: 50.0 %, 95 % from 45.0 to 55.0 %" and bars.line is None


def test_level_widens_the_axis_and_unknown_ends_do_not() -> None:
    bars = intervals([("one", Estimate(0.5, float("nan"), float("nan"), 1))], "matthews", 0.1)
    at = {name: x for x, name in bars.ticks}
    assert bars.line == at["0.1"] and bars.bars[0].x == at["0.5"]

"""Pictures of a report: places and words of every mark, which the template writes as SVG.

Nothing is told by colour alone: cut heads are crossed out, cells of a map say their number wherever it fits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headviz.mask import Mask, head_name
from headviz.mask.heads import in_both
from headviz.stats import Estimate
from headviz.ui import numbers

CELL = 34  # pixels, of a cell that says its number
SMALL_CELL = 12  # of one of a wide model, which has no room for it
_WIDEST_WITH_NUMBERS = 16  # heads in a layer
_MARGIN = 34  # for the names of layers and heads
_VIRIDIS = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725")


@dataclass(frozen=True)
class Cell:
    """A head in a picture: its square, what stands in it and what it says when pointed at. ``fill``: a colour, or ""
    where the style sheet has one for its ``state`` ("kept" or "cut"); ``ink``: the colour of letters on it."""

    x: int
    y: int
    state: str
    told: str
    text: str = ""
    fill: str = ""
    ink: str = ""


@dataclass(frozen=True)
class Grid:
    """A square per head, a row per layer. ``side`` of a square; ``columns``, ``rows``: names with their places."""

    width: int
    height: int
    side: int
    columns: list[tuple[int, str]]
    rows: list[tuple[int, str]]
    cells: list[Cell]


def mask_grid(mask: Mask, whole: Mapping[str, str] | None = None) -> Grid:
    """The heads that a mask keeps and cuts; ``whole``: of a pruned model the name of each in the whole one."""
    by_hand = set((mask.provenance.get("criterion") or {}).get("by_hand") or ())
    side = _side(mask)
    cells = []
    for layer, head, x, y in _squares(mask, side):
        name, state = head_name(layer, head), "kept" if mask.keep[layer, head] else "cut"
        hand = ", by hand" if name in by_hand else ""
        cells.append(Cell(x, y, state, f"{in_both(name, whole or {})}: {state}{hand}", "•" if hand else ""))
    return _grid(mask, side, cells)


def head_map(mask: Mask, values: np.ndarray, unit: str, whole: Mapping[str, str] | None = None) -> tuple[Grid, str]:
    """The value of every head as a colour and a number, and a sentence on what the numbers in the cells are."""
    side, power = _side(mask), _power(values)
    known = values[np.isfinite(values)]
    low, spread = (float(known.min()), float(np.ptp(known))) if known.size else (0.0, 0.0)
    cells = []
    for layer, head, x, y in _squares(mask, side):
        value, state = float(values[layer, head]), "kept" if mask.keep[layer, head] else "cut"
        fill, ink = _colour((value - low) / spread if spread else 0.0) if math.isfinite(value) else ("", "")
        text = _brief(value * 10**power) if side == CELL else ""
        measure, name = f" {unit}" if unit else "", in_both(head_name(layer, head), whole or {})
        told = f"{name}: {numbers.small(value)}{measure}, {state}"
        cells.append(Cell(x, y, state, told, text, fill, ink))
    says = ""
    if side == CELL:
        measure = unit or "the values as they are" if not power else f"{f'{unit} ' if unit else ''}times {10**power:,}"
        says = f"Numbers in the cells: {measure}."
    ends = f"Dark is low ({numbers.small(low)}), light is high ({numbers.small(low + spread)}); × is cut."
    return _grid(mask, side, cells), f"{ends} {says}".strip()


def _side(mask: Mask) -> int:
    return CELL if max(mask.heads) <= _WIDEST_WITH_NUMBERS else SMALL_CELL


def _squares(mask: Mask, side: int) -> list[tuple[int, int, int, int]]:
    """Layer, head, x and y of every head that is there."""
    return [
        (layer, head, _MARGIN + head * side, _MARGIN + layer * side)
        for layer, count in enumerate(mask.heads)
        for head in range(count)
    ]


def _grid(mask: Mask, side: int, cells: list[Cell]) -> Grid:
    widest, every = max(mask.heads), 1 if side == CELL else 4
    columns = [(_MARGIN + head * side + side // 2, f"H{head}") for head in range(0, widest, every)]
    rows = [(_MARGIN + layer * side + side // 2, f"L{layer}") for layer in range(0, len(mask.heads), every)]
    return Grid(_MARGIN + widest * side + 2, _MARGIN + len(mask.heads) * side + 2, side, columns, rows, cells)


def _power(values: np.ndarray) -> int:
    """The power of ten, in threes, that brings the largest value to at least 0.1."""
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    if not math.isfinite(largest) or largest == 0:
        return 0
    return max(0, 3 * math.ceil(-math.log10(10 * largest) / 3))


def _brief(value: float) -> str:
    """At most four characters, and the sign."""
    if math.isnan(value):
        return "?"
    places = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:z.{places}f}" if abs(value) < 1e4 else f"{value:.0e}"


def _colour(share: float) -> tuple[str, str]:
    """The colour at ``share``, 0 to 1, of the scale, and one of black and white that can be read on it."""
    place = min(1.0, max(0.0, share)) * (len(_VIRIDIS) - 1)
    left = min(int(place), len(_VIRIDIS) - 2)
    ends = [[int(_VIRIDIS[i][j : j + 2], 16) for j in (0, 2, 4)] for i in (left, left + 1)]
    mixed = [round(a + (b - a) * (place - left)) for a, b in zip(*ends, strict=True)]
    linear = [(part / 255) ** 2.2 for part in mixed]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#" + "".join(f"{part:02x}" for part in mixed), "#000" if luminance > 0.18 else "#fff"


# -- intervals ---------------------------------------------------------------------------------------------------------

_LEFT, _RIGHT, _ROW = 110, 24, 34  # pixels: for the names, for the last tick, of a row


@dataclass(frozen=True)
class Bar:
    """An estimate: its dot at ``x``, its interval from ``low`` to ``high``, its name and its figures in words."""

    y: int
    low: float
    x: float
    high: float
    name: str
    told: str


@dataclass(frozen=True)
class Bars:
    """Estimates under each other on one axis. ``line``: where a level is drawn, None for nowhere."""

    width: int
    height: int
    bars: list[Bar]
    ticks: list[tuple[float, str]]
    line: float | None


def intervals(rows: Sequence[tuple[str, Estimate]], metric: str, level: float | None = None) -> Bars:
    """``rows``: names and what is known of them; ``level``: of what needs no model, drawn as a line."""
    width = 560
    ends = [end for _, estimate in rows for end in (estimate.low, estimate.value, estimate.high)]
    ends = [end for end in [*ends, *([] if level is None else [level])] if math.isfinite(end)] or [0.0, 1.0]
    ticks = _ticks(min(ends), max(ends))
    first, span = ticks[0], ticks[-1] - ticks[0]

    def place(value: float) -> float:
        return round(_LEFT + (width - _LEFT - _RIGHT) * (value - first) / span, 1) if math.isfinite(value) else _LEFT

    bars = []
    for number, (name, estimate) in enumerate(rows):
        told = f"{name}: {numbers.quantity(estimate.value, metric)}, 95 % from {numbers.interval(estimate, metric)}"
        spots = (place(estimate.low), place(estimate.value), place(estimate.high))
        bars.append(Bar(_ROW * number + _ROW // 2 + 12, *spots, name, told))
    marks = [(place(tick), f"{100 * tick:g} %" if metric in numbers.SHARES else f"{tick:g}") for tick in ticks]
    return Bars(width, _ROW * len(rows) + 44, bars, marks, None if level is None else place(level))


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers around both ends."""
    spread = max(high - low, 1e-3)
    power = 10.0 ** math.floor(math.log10(spread))
    step = next(power * part for part in (0.2, 0.5, 1.0, 2.0) if spread / (power * part) <= 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]

"""The two sides that a mask is compared on, all heads and with the mask, over classes by name."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from headviz.ui.charts.palette import KEPT, LINE

SIDES = ("all heads", "with this mask")
COLOURS = alt.Scale(domain=list(SIDES), range=[LINE, KEPT])
FILLED = alt.Scale(domain=list(SIDES), range=[0.25, 1.0])  # so that bars differ by more than their colour
AROUND = 125  # pixels that axis and legend take of a chart's height
_LONGEST = 60  # letters of a name that are sent; fewer are seen


def places(classes: Sequence[str]) -> list[str]:
    """Each name with its place in front, so that alike names stay apart and all stay in order."""
    return [f"{place:04d} {name[:_LONGEST]}" for place, name in enumerate(classes)]


def name_of(place: str) -> str:
    """The expression that takes the place off again. Names are data and never part of an expression, which would
    run."""
    return f"slice({place}, 5)"


def classes_axis(**more: object) -> alt.Axis:
    settings = {"title": None, "labelLimit": 150, "labelFlush": False, "labelOverlap": False} | more
    return alt.Axis(labelExpr=name_of("datum.label"), ticks=False, domain=False, **settings)


def legend() -> alt.Legend:
    return alt.Legend(title=None, orient="top", direction="horizontal")

"""A grid x grid picture of one head: its mean map on a class, or how far two classes lie apart in each cell."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import SCHEME


def cells(values: np.ndarray, *, title: str, number: str, top: float) -> Drawing:
    """``values`` (g, g): rows are parts of the text that look, columns parts looked at; ``top``: end of the colours,
    which go by the square root."""
    rows, columns = np.indices(values.shape).reshape(2, -1)
    table = pd.DataFrame({"row": rows, "column": columns, "value": np.round(values.ravel().astype(float), 5)})
    return Drawing(_spec(len(values), title, number), {"cells": table, "top": pd.DataFrame({"value": [0.0, top]})})


@specification
def _spec(grid: int, title: str, number: str) -> alt.LayerChart:
    step = max(1, round(grid / 4))
    places = {"ticks": False, "domain": False, "labelFlush": False, "labelAngle": 0}
    labels = f"datum.value % {step} == 0 ? round(100 * datum.value / {grid}) + ' %' : ''"
    axis = {"labelExpr": labels, "labelOverlap": False, **places}
    scale = alt.Scale(paddingInner=0.04, paddingOuter=0)
    colour = alt.Color(
        "value:Q", scale=alt.Scale(scheme=SCHEME, type="sqrt", zero=True),
        legend=alt.Legend(title=None, gradientThickness=10, tickCount=3, format=".2~g"),
    )  # fmt: skip
    drawn = named("cells").mark_rect().encode(
        x=alt.X("column:O", title="looked at, through the text", axis=alt.Axis(**axis), scale=scale),
        y=alt.Y("row:O", title="looks", axis=alt.Axis(**axis), scale=scale),
        color=colour,
        tooltip=[
            alt.Tooltip("row:Q", title="Row"),
            alt.Tooltip("column:Q", title="Column"),
            alt.Tooltip("value:Q", title=title, format=number),
        ],
    )  # fmt: skip
    ends = named("top").mark_point(opacity=0, size=0, tooltip=None).encode(color=colour)  # only widens the colours
    return alt.layer(drawn, ends).properties(title=title, height=330)

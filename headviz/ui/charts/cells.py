"""A grid x grid picture of one head: its map on one text, its mean map on a class, or how far two classes lie apart in
each cell."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import SCHEME


def cells(values: np.ndarray, *, title: str, number: str, top: float) -> Drawing:
    """``values`` (g, g): rows are parts of the text that look, columns parts looked at; ``top``: end of the colours,
    which go by the square root. ``title``: of one or more lines."""
    rows, columns = np.indices(values.shape).reshape(2, -1)
    table = pd.DataFrame({"row": rows, "column": columns, "value": np.round(values.ravel().astype(float), 5)})
    return Drawing(_spec(len(values), title, number, float(f"{top:.2g}")), {"cells": table})


@specification
def _spec(grid: int, title: str, number: str, top: float) -> alt.Chart:
    names = f"datum.value == 0 ? 'start' : datum.value == {grid - 1} ? 'end' : ''"
    axis = {"labelExpr": names, "labelOverlap": False, "ticks": False, "domain": False, "labelAngle": 0}
    scale = alt.Scale(paddingInner=0.04, paddingOuter=0)
    return (
        named("cells")
        .mark_rect()
        .encode(
            x=alt.X("column:O", title="looked at", axis=alt.Axis(**axis, labelFlush=True), scale=scale),
            y=alt.Y("row:O", title="looks", axis=alt.Axis(**axis, labelFlush=False), scale=scale),
            color=alt.Color(
                "value:Q",
                scale=alt.Scale(scheme=SCHEME, type="sqrt", domain=[0, top]),
                legend=alt.Legend(title=None, gradientThickness=10, tickCount=4, format=".2~g"),
            ),
            tooltip=[
                alt.Tooltip("row:Q", title="Row"),
                alt.Tooltip("column:Q", title="Column"),
                alt.Tooltip("value:Q", title="Value", format=number),
            ],
        )
        .properties(title=title.split("\n"), height=330)
    )

"""Recall of each class, with all heads and with a mask, each with its interval."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.sides import AROUND, COLOURS, SIDES, classes_axis, legend, name_of, places

_STEP = 36  # pixels that a class gets


def recall(rows: pd.DataFrame) -> Drawing:
    """``rows``: two per class, one after the other, with class (its name), side ("all heads", "with this mask"), value,
    low, high; NaN where a class has no examples, which leaves its place empty."""
    names = places(rows["class"].tolist()[:: len(SIDES)])
    table = rows.assign(**{"class": [name for name in names for _ in SIDES]})
    return Drawing(_spec(len(names)), {"rows": table.dropna(subset="value")})


@specification
def _spec(size: int) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, 1], nice=False)
    base = (
        named("rows")
        .transform_calculate(name=name_of("datum.class"))
        .encode(
            y=alt.Y("class:O", axis=classes_axis(grid=True, tickBand="extent", gridOpacity=0.5)),
            yOffset=alt.YOffset("side:N", sort=list(SIDES), scale=alt.Scale(padding=0.5)),
            color=alt.Color("side:N", scale=COLOURS, legend=legend()),
        )
    )
    x = alt.X("low:Q", title="Recall", scale=scale, axis=alt.Axis(format="%", tickCount=6))
    shape = alt.Scale(domain=list(SIDES), range=["circle", "diamond"])
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        x="value:Q",
        shape=alt.Shape("side:N", scale=shape, legend=legend()),
        tooltip=[
            alt.Tooltip("name:N", title="True label"),
            alt.Tooltip("side:N", title=" "),
            alt.Tooltip("value:Q", title="Recall", format=".1%"),
            alt.Tooltip("low:Q", title="95 % from", format=".1%"),
            alt.Tooltip("high:Q", title="to", format=".1%"),
        ],
    )
    return alt.layer(base.mark_rule(strokeWidth=2.5, tooltip=None).encode(x=x, x2="high:Q"), dots).properties(
        height=_STEP * size + AROUND
    )

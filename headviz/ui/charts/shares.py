"""The pruned share of each layer under a plan, beside the same number of heads by salience and at random."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, LINE


def shares(layers: pd.DataFrame) -> Drawing:
    """``layers``: name ("L0"), cahp, salience (NaN without any), low, high (of random draws): pruned shares, 0 to 1."""
    return Drawing(_spec(tuple(layers["name"])), {"layers": layers})


@specification
def _spec(names: tuple[str, ...]) -> alt.LayerChart:
    y = alt.Y("name:N", sort=list(names), title=None, axis=alt.Axis(ticks=False, domain=False, labelFlush=False))
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("cahp:Q", title="Pruned share of the layer", scale=scale, axis=alt.Axis(format="%"))
    base = named("layers").encode(y=y)
    tooltip = [
        alt.Tooltip("name:N", title="Layer"),
        alt.Tooltip("cahp:Q", title="CAHP", format=".0%"),
        alt.Tooltip("salience:Q", title="Top salience", format=".0%"),
        alt.Tooltip("low:Q", title="Random from", format=".0%"),
        alt.Tooltip("high:Q", title="to", format=".0%"),
    ]
    return alt.layer(
        base.mark_bar(color=CUT, height={"band": 0.7}).encode(x=x, tooltip=tooltip),
        base.mark_rule(color=LINE, strokeWidth=3, opacity=0.9, tooltip=None).encode(
            x=alt.X("low:Q", scale=scale), x2="high:Q"
        ),
        base.transform_filter("isValid(datum.salience)")
        .mark_point(shape="diamond", filled=True, size=90, color=KEPT, opacity=1)
        .encode(x=alt.X("salience:Q", scale=scale), tooltip=tooltip),
    ).properties(height={"step": 24 if len(names) <= 16 else 15})

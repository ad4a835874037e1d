"""Measured quality over the number of heads kept: intervals, fit, the knees, the whole model and a constant
classifier."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import KEPT, LINE, RESCUED


def quality_curve(
    points: pd.DataFrame, levels: pd.DataFrame, knees: pd.DataFrame, *, title: str, percent: bool = True
) -> Drawing:
    """``points``: kept, value, low, high, fit; ``levels``: value, name (whole model, constant classifier); ``knees``:
    kept, name, kind ("curve" or "quality")."""
    return Drawing(_spec(title, percent), {"points": points, "levels": levels, "knees": knees})


@specification
def _spec(title: str, percent: bool) -> alt.LayerChart:
    number = ".1%" if percent else ".3f"
    x = alt.X("kept:Q", title="Heads kept", axis=alt.Axis(tickMinStep=1, format="d"), scale=alt.Scale(nice=False))
    y = alt.Y(
        "value:Q", title=title, scale=alt.Scale(zero=False, padding=14),
        axis=alt.Axis(format="%" if percent else "~g", tickCount=6),
    )  # fmt: skip
    base = named("points").encode(x=x)
    tooltip = [
        alt.Tooltip("kept:Q", title="Heads kept"),
        alt.Tooltip("value:Q", title=title, format=number),
        alt.Tooltip("low:Q", title="95 % from", format=number),
        alt.Tooltip("high:Q", title="to", format=number),
    ]
    level, knee = named("levels"), named("knees").encode(x=x)
    colour = alt.Color("kind:N", scale=alt.Scale(domain=["curve", "quality"], range=[KEPT, RESCUED]), legend=None)
    return alt.layer(
        level.mark_rule(color=LINE, strokeDash=[5, 4], tooltip=None).encode(y=alt.Y("value:Q")),
        level.mark_text(x=6, align="left", dy=-7, color=LINE, tooltip=None).encode(y=alt.Y("value:Q"), text="name:N"),
        knee.mark_rule(strokeWidth=2, strokeDash=[2, 3], tooltip=None).encode(color=colour),
        base.mark_line(color=KEPT, strokeWidth=1.5, opacity=0.8, tooltip=None).encode(y=alt.Y("fit:Q")),
        base.mark_rule(color=KEPT, strokeWidth=2, tooltip=None).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_point(filled=True, size=70, color=KEPT, opacity=1).encode(y=y, tooltip=tooltip),
    ).properties(height=300)

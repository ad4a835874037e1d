"""How many heads a plan shares with another criterion, over the number of heads, above what chance would share."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import KEPT, LINE


def shared(curve: pd.DataFrame, here: int | None) -> Drawing:
    """``curve``: kept, shared, mean, low, high. ``here``: the number of heads kept now, drawn as a rule."""
    rule = pd.DataFrame({"kept": [] if here is None else [here]}, dtype=float)
    return Drawing(_spec(), {"curve": curve, "here": rule})


@specification
def _spec() -> alt.LayerChart:
    x = alt.X("kept:Q", title="Heads kept", axis=alt.Axis(tickMinStep=1, format="d"))
    y = alt.Y("shared:Q", title="Heads shared", axis=alt.Axis(tickMinStep=1, format="d"))
    base = named("curve").encode(x=x)
    tooltip = [
        alt.Tooltip("kept:Q", title="Heads kept"),
        alt.Tooltip("shared:Q", title="Shared"),
        alt.Tooltip("mean:Q", title="By chance", format=".1f"),
        alt.Tooltip("low:Q", title="95 % from", format=".0f"),
        alt.Tooltip("high:Q", title="to", format=".0f"),
    ]
    return alt.layer(
        base.mark_area(color=LINE, opacity=0.3, tooltip=None).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(color=LINE, strokeDash=[5, 4], tooltip=None).encode(y="mean:Q"),
        base.mark_line(color=KEPT, strokeWidth=2, tooltip=None).encode(y=y),
        base.mark_point(color=KEPT, filled=True, size=60, opacity=1).encode(y=y, tooltip=tooltip),
        named("here").mark_rule(color=KEPT, strokeDash=[2, 3], tooltip=None).encode(x=x),
    ).properties(height=260)

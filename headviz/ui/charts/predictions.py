"""Predicted against measured change of the loss, a mark per edit, with the line on which both are the same."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, LINE

_NUMBER = "+.4f"


def predictions(edits: pd.DataFrame) -> Drawing:
    """``edits``: what, predicted, measured, low, high (nats), newest (bool: the edit that was made last)."""
    ends = [float(edits[["predicted", "low"]].min().min()), float(edits[["predicted", "high"]].max().max())]
    same = pd.DataFrame({"predicted": ends, "measured": ends})
    amounts = ["predicted", "measured", "low", "high"]
    told = edits.assign(**{name: edits[name].round(4) + 0.0 for name in amounts})  # + 0.0: no "-0.0000" in a tooltip
    return Drawing(_spec(), {"edits": told, "same": same})


@specification
def _spec() -> alt.LayerChart:
    x = alt.X("predicted:Q", title="Predicted change of the loss (nats)", scale=alt.Scale(zero=False, nice=True))
    y = alt.Y("measured:Q", title="Measured change (nats)", scale=alt.Scale(zero=False, nice=True))
    tooltip = [
        alt.Tooltip("what:N", title="Edit"),
        alt.Tooltip("predicted:Q", title="Predicted", format=_NUMBER),
        alt.Tooltip("measured:Q", title="Measured", format=_NUMBER),
        alt.Tooltip("low:Q", title="95 % from", format=_NUMBER),
        alt.Tooltip("high:Q", title="to", format=_NUMBER),
    ]
    edits = named("edits").encode(x=x)
    shape = alt.Shape("newest:N", scale=alt.Scale(domain=[False, True], range=["circle", "diamond"]), legend=None)
    colour = alt.Color("newest:N", scale=alt.Scale(domain=[False, True], range=[KEPT, CUT]), legend=None)
    return alt.layer(
        named("same").mark_line(color=LINE, strokeDash=[5, 4], tooltip=None).encode(x=x, y=y),
        edits.mark_rule(color=LINE, strokeWidth=1.5, tooltip=None).encode(y=alt.Y("low:Q"), y2="high:Q"),
        edits.mark_point(filled=True, size=90, opacity=1).encode(y=y, shape=shape, color=colour, tooltip=tooltip),
    ).properties(height=320)

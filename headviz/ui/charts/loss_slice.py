"""The loss along random directions through the weights of recovered models: a line per direction, and their mean."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, RESCUED


def loss_slice(frame: pd.DataFrame) -> Drawing:
    """``frame``, of `headviz.recovery.loss_slice.LossSlice`: name (of the run), direction, alpha, loss (nats)."""
    return Drawing(_spec(tuple(frame["name"].unique())), {"slice": frame})


@specification
def _spec(names: tuple[str, ...]) -> alt.LayerChart:
    x = alt.X("alpha:Q", title="Distance, in norms of each row of weights")
    scale = alt.Scale(domain=list(names), range=[KEPT, CUT, RESCUED][: max(1, len(names))])
    colour = alt.Color("name:N", scale=scale, legend=alt.Legend(title=None, orient="top"))
    dash = alt.StrokeDash("name:N", legend=None)
    base = named("slice").encode(x=x, color=colour, strokeDash=dash)
    tooltip = [
        alt.Tooltip("name:N", title="Run"),
        alt.Tooltip("alpha:Q", title="Distance", format=".2f"),
        alt.Tooltip("mean:Q", title="Mean loss", format=".3f"),
    ]
    mean = base.transform_aggregate(mean="mean(loss)", groupby=["name", "alpha"])
    y = alt.Y("loss:Q", title="Loss, nats", scale=alt.Scale(zero=False))
    return alt.layer(
        base.mark_line(strokeWidth=1, opacity=0.5, tooltip=None).encode(y=y, detail="direction:N"),
        mean.mark_line(strokeWidth=3, tooltip=None).encode(y=alt.Y("mean:Q")),
        mean.mark_point(filled=True, size=40, opacity=1).encode(y=alt.Y("mean:Q"), tooltip=tooltip),
    ).properties(height=260)

"""The loss along random directions through the weights of recovered models: a line per direction, and their mean."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, LINE, RESCUED

_COLOURS = (KEPT, CUT, RESCUED, LINE, "#1b9e77")  # the last one: 3.4 : 1 on white, 5.3 : 1 on the dark ground
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross")


def loss_slice(frame: pd.DataFrame) -> Drawing:
    """``frame``, of `headviz.recovery.loss_slice.LossSlice`: name (of the run), direction, alpha, loss (nats)."""
    mean = frame.groupby(["name", "alpha"], sort=False)["loss"].mean().reset_index()
    return Drawing(_spec(tuple(frame["name"].unique())), {"slice": frame, "mean": mean})


@specification
def _spec(names: tuple[str, ...]) -> alt.LayerChart:
    title = "Distance, in norms of the rows of weights"
    x = alt.X("alpha:Q", title=title, scale=alt.Scale(nice=False), axis=alt.Axis(tickCount=5))
    y = alt.Y("loss:Q", title="Loss, nats", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=6))
    legend = alt.Legend(title=None, orient="top", columns=3, symbolOpacity=1)
    colour = alt.Color("name:N", scale=alt.Scale(domain=list(names), range=list(_COLOURS)), legend=legend)
    shape = alt.Shape("name:N", scale=alt.Scale(domain=list(names), range=list(_SHAPES)), legend=legend)
    tooltip = [
        alt.Tooltip("name:N", title="Run"),
        alt.Tooltip("alpha:Q", title="Distance", format=".2f"),
        alt.Tooltip("loss:Q", title="Mean loss, nats", format=".3f"),
    ]
    mean = named("mean").encode(x=x, y=y, color=colour)
    return alt.layer(
        named("slice").mark_line(strokeWidth=1, opacity=0.45, tooltip=None)
        .encode(x=x, y=y, color=colour, detail="direction:N"),
        mean.mark_line(strokeWidth=3, tooltip=None),
        mean.mark_point(filled=True, size=60, opacity=1).encode(shape=shape, tooltip=tooltip),
    ).properties(height=320)  # fmt: skip

"""The silhouette curve over the number of heads with its fit and knee, over the band of matched noise; and below it how
far the scaled fit rises above the diagonal, whose top is the knee."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, LINE, NOISE

_NUMBER = ".3f"


def silhouettes(curve: pd.DataFrame, knees: pd.DataFrame, noise: pd.DataFrame, noise_knees: pd.DataFrame) -> Drawing:
    """``curve``: k, mss, nearest, fit; ``knees``: k, name, chosen (bool); ``noise``: k, kind, low, high;
    ``noise_knees``: k, kind, times."""
    return Drawing(
        _spec(int(curve["k"].max())), {"curve": curve, "knees": knees, "noise": noise, "noise_knees": noise_knees}
    )


@specification
def _spec(last: int) -> alt.LayerChart:
    x = alt.X("k:Q", title="Number of clusters k", scale=_across(last), axis=alt.Axis(tickMinStep=1, format="d"))
    y = alt.Y("mss:Q", title="MSS", scale=alt.Scale(zero=False, nice=True))
    base = named("curve").encode(x=x)
    tooltip = [
        alt.Tooltip("k:Q", title="Clusters"),
        alt.Tooltip("mss:Q", title="MSS", format=_NUMBER),
        alt.Tooltip("fit:Q", title="Fit", format=_NUMBER),
        alt.Tooltip("nearest:Q", title="Nearest form", format=_NUMBER),
    ]
    kinds = alt.Scale(domain=["shuffled features", "permuted labels"], range=[NOISE, CUT])
    legend = alt.Legend(title=None, orient="top", symbolType="square")
    band = named("noise").mark_area(opacity=0.28, tooltip=None).encode(
        x=x, y=alt.Y("low:Q"), y2="high:Q", color=alt.Color("kind:N", scale=kinds, legend=legend)
    )  # fmt: skip
    ticks = named("noise_knees").mark_point(shape="triangle-up", filled=True, size=80, opacity=0.9).encode(
        x=x,
        y=alt.value("height"),
        color=alt.Color("kind:N", scale=kinds),
        tooltip=[
            alt.Tooltip("kind:N", title="Knee of"),
            alt.Tooltip("k:Q", title="at"),
            alt.Tooltip("times:Q", title="Seeds"),
        ],
    )  # fmt: skip
    rule = named("knees").encode(x=x)
    return alt.layer(
        band,
        base.mark_line(color=LINE, strokeWidth=1, strokeDash=[2, 3], opacity=0.8, tooltip=None).encode(y="nearest:Q"),
        base.mark_line(color=KEPT, strokeWidth=2, tooltip=None).encode(y="fit:Q"),
        base.mark_point(filled=True, size=26, color=LINE, opacity=1).encode(y=y, tooltip=tooltip),
        ticks,
        rule.mark_rule(color=KEPT, strokeWidth=2, tooltip=None).encode(
            strokeDash=alt.condition("datum.chosen", alt.value([1, 0]), alt.value([5, 4]))
        ),
        rule.mark_text(y=10, dx=6, align="left", color=KEPT, fontWeight="bold", tooltip=None).encode(text="name:N"),
    ).properties(height=260)


def difference(curve: pd.DataFrame, knees: pd.DataFrame) -> Drawing:
    """``curve``: k, difference; ``knees`` as in `silhouettes`."""
    return Drawing(_difference_spec(int(curve["k"].max())), {"curve": curve, "knees": knees})


@specification
def _difference_spec(last: int) -> alt.LayerChart:
    x = alt.X("k:Q", title=None, scale=_across(last), axis=alt.Axis(labels=False, ticks=False))
    line = named("curve").mark_area(color=KEPT, opacity=0.4, line={"color": KEPT}).encode(
        x=x,
        y=alt.Y("difference:Q", title="Above", axis=alt.Axis(tickCount=3, format=".2~f")),
        tooltip=[alt.Tooltip("k:Q", title="Clusters"), alt.Tooltip("difference:Q", title="Above", format=_NUMBER)],
    )  # fmt: skip
    rule = named("knees").transform_filter("!datum.chosen").mark_rule(color=KEPT, strokeWidth=2, strokeDash=[5, 4])
    own = named("knees").transform_filter("datum.chosen").mark_rule(color=KEPT, strokeWidth=2, tooltip=None)
    return alt.layer(line, rule.encode(x=x), own.encode(x=x)).properties(height=90)


def _across(last: int) -> alt.Scale:
    return alt.Scale(domain=[1, last + 1], nice=False)

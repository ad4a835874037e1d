"""Loss and quality over the steps of a recovery; quality only where it was measured, nothing smoothed."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, LINE


def loss_curve(losses: pd.DataFrame, quality: pd.DataFrame, *, total: int) -> Drawing:
    """``losses``: step, loss (training, nats); ``quality``: step, loss (on the validation split); ``total`` steps."""
    parts = {"training": losses, "validation": quality}
    rows = [(name, step, loss) for name, part in parts.items() for step, loss in part[["step", "loss"]].to_numpy()]
    return Drawing(_losses(max(1, total)), {"losses": pd.DataFrame(rows, columns=["name", "step", "loss"])})


@specification
def _losses(total: int) -> alt.LayerChart:
    colour = alt.Color(
        "name:N",
        scale=alt.Scale(domain=["training", "validation"], range=[LINE, KEPT]),
        legend=alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3),
    )
    y = alt.Y("loss:Q", title="Loss, nats", scale=alt.Scale(zero=False, padding=8), axis=alt.Axis(tickCount=5))
    base = named("losses").encode(x=_across(total), y=y, color=colour)
    tooltip = [
        alt.Tooltip("name:N", title="Split"),
        alt.Tooltip("step:Q", title="Step", format=",d"),
        alt.Tooltip("loss:Q", title="Loss, nats", format=".3f"),
    ]
    training = base.transform_filter("datum.name == 'training'")
    validation = base.transform_filter("datum.name == 'validation'")
    return alt.layer(
        # a point of training is too small to see on its line and all there is of a run of one
        training.mark_line(strokeWidth=1.5, point={"size": 8, "opacity": 1}).encode(tooltip=tooltip),
        validation.mark_line(strokeWidth=1.5, strokeDash=[2, 3], tooltip=None),
        validation.mark_point(filled=True, size=70, opacity=1).encode(tooltip=tooltip),
    ).properties(height=260)


def recovery_quality(
    quality: pd.DataFrame, levels: pd.DataFrame, *, title: str, total: int, percent: bool = True
) -> Drawing:
    """``quality``, `History.quality_frame`: step, value, low, high (NaN where unknown), best (bool); ``levels``: value,
    name (unpruned, pruned), measured on the same split; ``title`` of the metric; ``total`` steps of the run."""
    # Recovery starts at the level of the pruned model and ends near the other: each name where no points are.
    lines = levels.assign(late=levels["value"] < levels["value"].max())
    table = quality.assign(top=quality["high"].fillna(quality["value"]))
    return Drawing(_quality(title, max(1, total), percent), {"quality": table, "levels": lines})


@specification
def _quality(title: str, total: int, percent: bool) -> alt.LayerChart:
    number = ".1%" if percent else ".3f"
    y = alt.Y(
        "value:Q", title=title, scale=alt.Scale(zero=False, padding=16),
        axis=alt.Axis(format="%" if percent else "~g", tickCount=6),
    )  # fmt: skip
    base, level = named("quality").encode(x=_across(total)), named("levels").encode(y=y)
    tooltip = [
        alt.Tooltip("step:Q", title="Step", format=",d"),
        alt.Tooltip("value:Q", title=title, format=number),
        alt.Tooltip("low:Q", title="95 % from", format=number),
        alt.Tooltip("high:Q", title="to", format=number),
    ]
    best = base.transform_filter("datum.best")
    told = {"dy": -8, "color": LINE, "tooltip": None}
    name, early, late = alt.Text("name:N"), "!datum.late", "datum.late"
    return alt.layer(
        level.mark_rule(color=LINE, strokeDash=[5, 4], tooltip=None),
        level.transform_filter(early).mark_text(x=6, align="left", **told).encode(text=name),
        level.transform_filter(late).mark_text(x={"expr": "width - 6"}, align="right", **told).encode(text=name),
        base.transform_filter("isValid(datum.low) && isValid(datum.high)")
        .mark_rule(color=KEPT, strokeWidth=2, opacity=0.6, tooltip=None)
        .encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_point(filled=True, size=70, color=KEPT, opacity=1).encode(y=y, tooltip=tooltip),
        best.mark_point(size=220, color=CUT, strokeWidth=2, tooltip=None).encode(y=y),
        best.mark_text(dy=-9, color=CUT, fontWeight="bold", text="best", tooltip=None).encode(y=alt.Y("top:Q")),
    ).properties(height=300)


def _across(total: int) -> alt.X:
    return alt.X(
        "step:Q", title="Step", scale=alt.Scale(domain=[0, total], nice=False, padding=10),
        axis=alt.Axis(tickMinStep=1, format=",d"),
    )  # fmt: skip

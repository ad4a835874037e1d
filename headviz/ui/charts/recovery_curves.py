"""Loss and quality over the steps of a recovery; quality only where it was measured, with nothing between smoothed."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, LINE


def loss_curve(losses: pd.DataFrame, quality: pd.DataFrame, *, total: int) -> Drawing:
    """``losses``: step, loss (training, nats); ``quality``: step, loss (on the validation split); ``total`` steps."""
    train = losses.assign(name="training")[["step", "loss", "name"]]
    validation = quality.assign(name="validation")[["step", "loss", "name"]]
    return Drawing(_losses(total), {"losses": pd.concat([train, validation], ignore_index=True)})


@specification
def _losses(total: int) -> alt.LayerChart:
    x = _across(total)
    y = alt.Y("loss:Q", title="Loss, nats", scale=alt.Scale(zero=False, padding=8), axis=alt.Axis(tickCount=5))
    colour = alt.Color(
        "name:N",
        scale=alt.Scale(domain=["training", "validation"], range=[LINE, KEPT]),
        legend=alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3),
    )
    base = named("losses").encode(x=x, y=y, color=colour)
    tooltip = [
        alt.Tooltip("name:N", title="Split"),
        alt.Tooltip("step:Q", title="Step", format=",d"),
        alt.Tooltip("loss:Q", title="Loss", format=".3f"),
    ]
    validation = base.transform_filter("datum.name == 'validation'")
    return alt.layer(
        base.mark_line(strokeWidth=1.5, tooltip=None).encode(opacity=alt.value(0.85)),
        validation.mark_point(filled=True, size=60, opacity=1).encode(tooltip=tooltip),
    ).properties(height=200)


def recovery_quality(
    quality: pd.DataFrame, levels: pd.DataFrame, *, title: str, total: int, percent: bool = True
) -> Drawing:
    """``quality``, `History.quality_frame`: step, value, low, high, best (bool); ``levels``: value, name (unpruned,
    pruned), measured on the same split; ``title`` of the metric; ``total`` steps of the run."""
    return Drawing(_quality(title, total, percent), {"quality": quality, "levels": levels})


@specification
def _quality(title: str, total: int, percent: bool) -> alt.LayerChart:
    number = ".1%" if percent else ".3f"
    x = _across(total)
    y = alt.Y(
        "value:Q", title=title, scale=alt.Scale(zero=False, padding=14),
        axis=alt.Axis(format="%" if percent else "~g", tickCount=6),
    )  # fmt: skip
    base, level = named("quality").encode(x=x), named("levels").encode(y=alt.Y("value:Q"))
    tooltip = [
        alt.Tooltip("step:Q", title="Step", format=",d"),
        alt.Tooltip("value:Q", title=title, format=number),
        alt.Tooltip("low:Q", title="95 % from", format=number),
        alt.Tooltip("high:Q", title="to", format=number),
    ]
    best = base.transform_filter("datum.best").encode(y=alt.Y("value:Q"))
    return alt.layer(
        level.mark_rule(color=LINE, strokeDash=[5, 4], tooltip=None),
        level.mark_text(x=6, align="left", dy=-7, color=LINE, tooltip=None).encode(text="name:N"),
        base.mark_rule(color=KEPT, strokeWidth=2, opacity=0.6, tooltip=None).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_point(filled=True, size=70, color=KEPT, opacity=1).encode(y=y, tooltip=tooltip),
        best.mark_point(size=220, color=CUT, strokeWidth=2, tooltip=None),
        best.mark_text(dy=-16, color=CUT, fontWeight="bold", tooltip=None).encode(text=alt.value("best")),
    ).properties(height=240)


def _across(total: int) -> alt.X:
    return alt.X(
        "step:Q", title="Step", scale=alt.Scale(domain=[0, total], nice=False, padding=8),
        axis=alt.Axis(tickMinStep=1, format=",d"),
    )  # fmt: skip

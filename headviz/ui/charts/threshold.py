"""The threshold player: SAFE's threshold over a run, and how important each block was at one check."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, LINE, PRUNED


def threshold_curve(schedule: pd.DataFrame, *, warm_up: int, now: int | None = None) -> Drawing:
    """``schedule``: step, threshold, check (bool), for the whole run; ``warm_up``: its last step without freezing;
    ``now``: the step to mark."""
    steps = schedule["step"]
    places = pd.DataFrame({"from": [int(steps.min())], "to": [warm_up], "name": ["warm-up"]})
    here = pd.DataFrame({"step": [] if now is None else [now]}, dtype=float)
    return Drawing(_curve(int(steps.max())), {"schedule": schedule, "warm_up": places, "now": here})


@specification
def _curve(total: int) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, total], nice=False)
    x = alt.X("step:Q", title="Step", scale=scale, axis=alt.Axis(tickMinStep=1, format=",d"))
    y = alt.Y("threshold:Q", title="Threshold", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=5))
    base = named("schedule").encode(x=x, y=y)
    tooltip = [
        alt.Tooltip("step:Q", title="Step", format=",d"),
        alt.Tooltip("threshold:Q", title="Threshold", format=".3f"),
    ]
    shade = named("warm_up").encode(x=alt.X("from:Q", scale=scale), x2="to:Q")
    return alt.layer(
        shade.mark_rect(color=PRUNED, opacity=0.18, tooltip=None),
        shade.mark_text(align="left", dx=5, y=12, color=LINE, tooltip=None).encode(text="name:N"),
        base.mark_line(color=CUT, strokeWidth=2, tooltip=None),
        base.transform_filter("datum.check").mark_point(
            filled=True, shape="diamond", size=80, color=CUT, opacity=1
        ).encode(tooltip=tooltip),
        named("now").mark_rule(color=KEPT, strokeWidth=2, tooltip=None).encode(x=x),
    ).properties(height=150)  # fmt: skip


def importance_bars(check: pd.DataFrame, *, relative: bool = True) -> Drawing:
    """``check``, the rows of one check of `History.importance_frame`: layer, importance, relative, threshold, state
    (live, free, carrying), frozen_at. ``relative``: whether the threshold is held against relative importance."""
    value = check["relative" if relative else "importance"]
    frozen = check["state"] != "live"
    note = [f"frozen at step {at:,.0f}" if gone else "" for at, gone in zip(check["frozen_at"], frozen, strict=True)]
    table = pd.DataFrame(
        {
            "name": [f"L{layer}" for layer in check["layer"]],
            "value": value.fillna(0.0).clip(lower=0).tolist(),
            "known": value.notna().tolist(),
            "importance": check["importance"].tolist(),
            "state": ["frozen" if gone else "live" for gone in frozen],
            "note": note,
        }
    )
    lines = pd.DataFrame({"threshold": check["threshold"].dropna().unique()[:1]}, dtype=float)
    top = (
        max(1.0, float(table["value"].max()))
        if relative
        else float(max(1e-9, table["value"].max(), *lines["threshold"]))
    )
    return Drawing(_bars(tuple(table["name"]), float(f"{top:.2g}"), relative), {"bars": table, "line": lines})


@specification
def _bars(names: tuple[str, ...], top: float, relative: bool) -> alt.LayerChart:
    title = "Importance, as a share of the greatest live one" if relative else "Importance (1 − CKA)"
    scale = alt.Scale(domain=[0, top * 1.02], nice=False)
    x = alt.X("value:Q", title=title, scale=scale)
    # the input at the bottom, as the blocks stand in a drawing of a model
    y = alt.Y(
        "name:N", title=None, sort=list(reversed(names)),
        axis=alt.Axis(ticks=False, domain=False, labelFlush=False),
    )  # fmt: skip
    base = named("bars").encode(y=y)
    colour = alt.Color("state:N", scale=alt.Scale(domain=["live", "frozen"], range=[KEPT, PRUNED]), legend=None)
    tooltip = [
        alt.Tooltip("name:N", title="Block"),
        alt.Tooltip("importance:Q", title="1 − CKA", format=".3~g"),
        alt.Tooltip("value:Q", title="Against the threshold", format=".3f"),
        alt.Tooltip("state:N", title="State"),
        alt.Tooltip("note:N", title="Since"),
    ]
    size = 10 if len(names) > 16 else 12
    return alt.layer(
        base.mark_bar(height={"band": 0.7}).encode(x=x, color=colour, tooltip=tooltip),
        base.transform_filter("datum.note")
        .mark_text(align="left", dx=6, fontSize=size, color=LINE, tooltip=None)
        .encode(x=x, text="note:N"),
        named("line").mark_rule(color=CUT, strokeWidth=2, tooltip=None).encode(x=alt.X("threshold:Q", scale=scale)),
    ).properties(height={"step": 24 if len(names) <= 16 else 14})  # fmt: skip

"""The threshold player: SAFE's threshold over a run, and how important each block was at one check."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.blocks import blocks_axis, blocks_height
from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, LINE, PRUNED

_ROOM = 1.5  # of the scale, in lengths of its longest bar: room for the notes behind the bars
_LONGEST = 1.1  # a frozen block can become more important than all live ones, by any factor
_NOTE = 0.42  # what a note takes on a narrow page, in the same unit


def threshold_curve(schedule: pd.DataFrame, *, warm_up: int, now: int | None = None) -> Drawing:
    """``schedule``: step, threshold, check (bool), for the whole run; ``warm_up``: the step at which it ends; ``now``:
    the step to mark."""
    total = int(schedule["step"].max()) if len(schedule) else 1
    shade = pd.DataFrame({"from": [0], "to": [warm_up]}) if warm_up > 0 else pd.DataFrame(columns=["from", "to"])
    here = pd.DataFrame({"step": [] if now is None else [now]}, dtype=float)
    here["late"] = here["step"] > total / 2
    return Drawing(_curve(total), {"schedule": schedule, "warm_up": shade, "now": here})


@specification
def _curve(total: int) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, total], nice=False)
    x = alt.X("step:Q", title="Step", scale=scale, axis=alt.Axis(tickMinStep=1, format=",d"))
    y = alt.Y("threshold:Q", title="Threshold", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(values=[0, 0.5, 1]))
    base, here = named("schedule").encode(x=x, y=y), named("now").encode(x=x)
    tooltip = [
        alt.Tooltip("step:Q", title="Check at step", format=",d"),
        alt.Tooltip("threshold:Q", title="Threshold", format=".3f"),
    ]
    start = alt.X("from:Q", scale=scale)
    told = {"y": 9, "color": LINE, "tooltip": None}
    below = told | {"y": 25}  # the words of the warm-up stand above it
    step = here.transform_calculate(text="'step ' + format(datum.step, ',d')").encode(text="text:N")
    return alt.layer(
        named("warm_up").mark_rect(color=PRUNED, opacity=0.2, tooltip=None).encode(x=start, x2="to:Q"),
        named("warm_up").mark_text(align="left", dx=5, text="warm-up", **told).encode(x=start),
        base.mark_line(color=CUT, strokeWidth=2, tooltip=None),
        base.transform_filter("datum.check")
        .mark_point(filled=True, shape="diamond", size=80, color=CUT, opacity=1)
        .encode(tooltip=tooltip),
        here.mark_rule(color=KEPT, strokeWidth=2, tooltip=None),
        step.transform_filter("!datum.late").mark_text(align="left", dx=5, **below),
        step.transform_filter("datum.late").mark_text(align="right", dx=-5, **below),
    ).properties(height=210)


def importance_bars(check: pd.DataFrame, *, relative: bool = True, top: float | None = None) -> Drawing:
    """``check``, the rows of one check of `History.importance_frame`: layer, importance, relative, threshold, state
    (live, free, carrying), frozen_at. ``relative``: whether the threshold is held against relative importance.
    ``top``: the end of an absolute scale, so that the checks of a run can share one; None: what this check needs."""
    values = check["relative" if relative else "importance"].astype(float)
    threshold = check["threshold"].dropna().unique()[:1].astype(float)
    if top is None:
        top = 1.0 if relative else float(f"{max([0.0, *values.dropna(), *threshold]) or 1.0:.2g}")
    table = pd.DataFrame(
        {
            "layer": check["layer"],
            "value": values,
            "drawn": values.fillna(0.0).clip(0.0, _LONGEST * top),
            "importance": check["importance"],
            "frozen": check["state"] != "live",
            "note": [_note(*row) for row in zip(check["state"], check["frozen_at"], values, strict=True)],
        }
    )
    table["note at"] = [_clear(value, threshold, _NOTE * top) for value in table["drawn"]]
    lines = pd.DataFrame({"threshold": threshold}, dtype=float)
    return Drawing(_bars(tuple(check["layer"]), top, relative), {"bars": table, "line": lines})


def _note(state: str, frozen_at: float, value: float) -> str:
    frozen = "" if state == "live" else f"frozen at step {frozen_at:,.0f}"
    return frozen or ("not measured" if pd.isna(value) else "")


def _clear(value: float, threshold: list[float], width: float) -> float:
    """Where a note stands: behind its bar, or behind the line of the threshold where that would cross it."""
    return max([value, *(line for line in threshold if value <= line < value + width)])


@specification
def _bars(layers: tuple[int, ...], top: float, relative: bool) -> alt.LayerChart:
    title = "Importance, as a share of the greatest live one" if relative else "Importance (1 − CKA)"
    scale = alt.Scale(domain=[0, _ROOM * top], nice=False)
    shares = {"values": [0, 0.25, 0.5, 0.75, 1]} if relative else {"tickCount": 5}
    x = alt.X("drawn:Q", title=title, scale=scale, axis=alt.Axis(format="~g", **shares))
    base = named("bars").encode(y=alt.Y(**blocks_axis(layers, 0.3)))
    colour = alt.condition("datum.frozen", alt.value(PRUNED), alt.value(KEPT))
    tooltip = [
        alt.Tooltip("layer:Q", title="Layer"),
        alt.Tooltip("importance:Q", title="1 − CKA", format=".3~g"),
        *([alt.Tooltip("value:Q", title="Share of the greatest", format=".3~g")] if relative else []),
        alt.Tooltip("note:N", title="State"),
    ]
    gap, few = 0.025 * top, len(layers) <= 16
    hatch = (
        base.transform_filter("datum.frozen")
        .transform_calculate(at=f"sequence({gap / 2}, datum.drawn - {gap / 4}, {gap})")
        .transform_flatten(["at"])
    )
    line = named("line").encode(x=alt.X("threshold:Q", scale=scale))
    return alt.layer(
        base.mark_bar().encode(x=x, color=colour, tooltip=tooltip),
        hatch.mark_point(shape="M-.3,1L.3,-1", size=250 if few else 90, stroke="white", strokeWidth=1.3, tooltip=None)
        .encode(x=alt.X("at:Q", scale=scale)),
        line.mark_rule(color=CUT, strokeWidth=2, tooltip=None),
        line.transform_calculate(text="'threshold ' + format(datum.threshold, '.3~g')")
        .mark_text(y=0, dy=-7, align="left", dx=-4, color=CUT, tooltip=None)
        .encode(text="text:N"),
        base.transform_filter("datum.note")
        .mark_text(align="left", dx=6, fontSize=12 if few else 10, color=LINE, tooltip=None)
        .encode(x=alt.X("note at:Q", scale=scale), text="note:N"),
    ).properties(height=blocks_height(layers))  # fmt: skip

"""What a run cost beside LoRA: differences in per cent, with the paper's figures of other models as marks."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, LINE
from headviz.ui.numbers import signed, small

_TICK = "M0,-1L0,1"


def meters(frame: pd.DataFrame) -> Drawing:
    """``frame``, `Cost.against`: measure, own, value (own / other - 1, NaN where the other run has none of it), paper
    (NaN where it says nothing). What both runs have none of, such as scoring in a control, has no row."""
    known = frame[frame["value"].notna() | (frame["own"] > 0)]
    value = known["value"].astype(float)
    table = pd.DataFrame(
        {
            "measure": [f"{name[0].upper()}{name[1:]}" for name in known["measure"]],
            "value": value.round(3) + 0.0,  # no "-0.0 %" in a tooltip
            "paper": known["paper"].astype(float),
            "label": [_label(*row) for row in zip(known["measure"], value, known["own"], strict=True)],
            "label at": value.fillna(0).clip(lower=0),  # where neither the bar nor a mark of the paper is
        }
    )
    return Drawing(_spec(tuple(table["measure"])), {"meters": table})


def _label(measure: str, value: float, own: float) -> str:
    if not math.isnan(value):
        return f"{signed(100 * value, 1)} %"
    return f"+{small(own)} s" if measure.startswith("seconds") else "none in LoRA"


@specification
def _spec(names: tuple[str, ...]) -> alt.LayerChart:
    axis = alt.Axis(ticks=False, domain=False, labelFlush=False, labelLimit=170)
    base = named("meters").encode(y=alt.Y("measure:N", sort=list(names), title=None, axis=axis))
    percent = "replace(format(100 * datum.value, '+d'), '+0', '0') + ' %'"
    x = alt.X(
        "value:Q", title="Difference to LoRA", axis=alt.Axis(labelExpr=percent, tickCount=5),
        scale=alt.Scale(nice=False, padding=52),
    )  # fmt: skip
    tooltip = [
        alt.Tooltip("measure:N", title="Measure"),
        alt.Tooltip("value:Q", title="Difference to LoRA", format="+.1%"),
        alt.Tooltip("paper:Q", title="Paper, other models", format="+.2%"),
    ]
    legend = alt.Legend(title=None, orient="top", symbolType=_TICK, symbolSize=160, symbolStrokeWidth=3)
    paper = alt.Color("mark:N", scale=alt.Scale(domain=["paper, other models"], range=[LINE]), legend=legend)
    return alt.layer(
        base.mark_bar(height={"band": 0.6}).encode(
            x=x, fill=alt.condition("datum.value <= 0", alt.value(KEPT), alt.value(CUT)), tooltip=tooltip
        ),
        named("meters").mark_rule(stroke=LINE, tooltip=None).encode(x=alt.datum(0)),
        base.mark_text(align="left", dx=5, fill=LINE, tooltip=None).encode(x="label at:Q", text="label:N"),
        base.transform_filter("isValid(datum.paper)")
        .transform_calculate(mark="'paper, other models'")
        .mark_point(shape=_TICK, size=420, strokeWidth=3, opacity=1)
        .encode(x="paper:Q", color=paper, tooltip=tooltip),
    ).properties(height={"step": 28})

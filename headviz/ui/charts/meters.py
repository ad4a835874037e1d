"""What a run cost beside LoRA: differences in per cent, with the paper's figures of other models as marks."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, LINE


def meters(frame: pd.DataFrame) -> Drawing:
    """``frame``, `Cost.against`: measure, own, other, value (own / other - 1), paper (NaN where it says nothing)."""
    known = frame[frame["value"].notna()]
    table = pd.DataFrame(
        {
            "measure": [f"{name[0].upper()}{name[1:]}" for name in known["measure"]],
            "value": known["value"].astype(float),
            "paper": known["paper"].astype(float),
            "label": [f"{value:+.1%}" for value in known["value"]],
            "less": known["value"] <= 0,
        }
    )
    names = tuple(table["measure"])
    return Drawing(_spec(names), {"meters": table})


@specification
def _spec(names: tuple[str, ...]) -> alt.LayerChart:
    y = alt.Y("measure:N", sort=list(names), title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=220))
    x = alt.X("value:Q", title="Difference to LoRA", axis=alt.Axis(format="+%"), scale=alt.Scale(padding=46))
    base = named("meters").encode(y=y)
    tooltip = [
        alt.Tooltip("measure:N", title="Measure"),
        alt.Tooltip("value:Q", title="Difference to LoRA", format="+.1%"),
        alt.Tooltip("paper:Q", title="Paper, other models", format="+.1%"),
    ]
    colour = alt.condition("datum.less", alt.value(KEPT), alt.value(CUT))
    paper = base.transform_filter("isValid(datum.paper)")
    return alt.layer(
        base.mark_bar(height={"band": 0.6}).encode(x=x, color=colour, tooltip=tooltip),
        named("meters").mark_rule(color=LINE, tooltip=None).encode(x=alt.datum(0)),
        base.transform_filter("datum.less").mark_text(align="right", dx=-5, color=LINE, tooltip=None).encode(
            x=x, text="label:N"
        ),
        base.transform_filter("!datum.less").mark_text(align="left", dx=5, color=LINE, tooltip=None).encode(
            x=x, text="label:N"
        ),
        paper.mark_tick(color=LINE, thickness=3, height=20).encode(x=alt.X("paper:Q"), tooltip=tooltip),
        # one of the marks is named, above its bar; the names of all of them would lie on bars
        paper.transform_filter({"field": "measure", "equal": names[0] if names else ""})
        .mark_text(dy=-15, fontSize=11, color=LINE, tooltip=None)
        .encode(x=alt.X("paper:Q"), text=alt.value("paper, other models")),
    ).properties(height={"step": 34})  # fmt: skip

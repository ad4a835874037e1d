"""A plan and its controls at the same number of heads, measured: a row each with its interval and its draws."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import KEPT, LINE


def compared(
    rows: pd.DataFrame, *, whole: float | None, constant: float | None, title: str = "Accuracy", percent: bool = True
) -> Drawing:
    """``rows``: what, value, low, high, lowest, highest, own (bool: the plan). ``whole``, ``constant``: the same of the
    unpruned model and of always answering the commonest label, where known; ``title``: of the metric."""
    levels = [("unpruned", whole), ("constant classifier", constant)]
    lines = pd.DataFrame([level for level in levels if level[1] is not None], columns=["name", "value"])
    return Drawing(_spec(tuple(rows["what"]), title, percent), {"rows": rows, "levels": lines.astype({"value": float})})


@specification
def _spec(names: tuple[str, ...], title: str, percent: bool) -> alt.LayerChart:
    number = ".1%" if percent else ".3f"
    axis = alt.Axis(labelLimit=180, ticks=False, domain=False, labelFlush=False)
    colour = alt.condition("datum.own", alt.value(KEPT), alt.value(LINE))
    base = named("rows").encode(y=alt.Y("what:N", sort=list(names), title=None, axis=axis), color=colour)
    scale = alt.Scale(zero=False, nice=True, padding=14)
    x = alt.X("low:Q", title=title, scale=scale, axis=alt.Axis(format="%" if percent else "~g", tickCount=6))
    tooltip = [
        alt.Tooltip("what:N", title=" "),
        alt.Tooltip("value:Q", title=title, format=number),
        alt.Tooltip("low:Q", title="95 % from", format=number),
        alt.Tooltip("high:Q", title="to", format=number),
        alt.Tooltip("lowest:Q", title="Lowest draw", format=number),
        alt.Tooltip("highest:Q", title="Highest draw", format=number),
    ]
    level = named("levels").encode(x="value:Q")
    return alt.layer(
        base.mark_rule(strokeWidth=1, strokeDash=[2, 2], tooltip=None).encode(x="lowest:Q", x2="highest:Q"),
        base.mark_rule(strokeWidth=3, tooltip=None).encode(x=x, x2="high:Q"),
        base.mark_point(filled=True, size=110, opacity=1).encode(x="value:Q", tooltip=tooltip),
        level.mark_rule(color=LINE, strokeDash=[5, 4], strokeWidth=1.5, tooltip=None),
        level.mark_text(y=0, dy=-7, align="center", color=LINE, tooltip=None).encode(text="name:N"),
    ).properties(height=40 * len(names) + 60)

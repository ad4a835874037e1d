"""Quality with its intervals, one row per model or mask, beside what a constant classifier gets."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.palette import CUT, KEPT, LINE


def quality(rows: pd.DataFrame, *, title: str, constant: float | None = None, percent: bool = True) -> alt.LayerChart:
    """``rows``: what ("whole model", "this mask"), value, low, high. ``constant``: drawn as a dashed line."""
    number = ".1%" if percent else ".3f"
    names = list(rows["what"])
    base = alt.Chart(rows).encode(
        y=alt.Y("what:N", sort=names, title=None, axis=alt.Axis(labelLimit=160, ticks=False, domain=False)),
        color=alt.Color("what:N", scale=alt.Scale(domain=names, range=[LINE, KEPT, CUT][: len(names)]), legend=None),
    )
    span = base.mark_rule(strokeWidth=3).encode(
        x=alt.X(
            "low:Q",
            title=title,
            scale=alt.Scale(zero=False, nice=True, padding=14),
            axis=alt.Axis(format="%" if percent else "~g", tickCount=6),
        ),
        x2="high:Q",
    )
    dots = base.mark_point(filled=True, size=120, opacity=1).encode(
        x="value:Q",
        tooltip=[
            alt.Tooltip("what:N", title=" "),
            alt.Tooltip("value:Q", title=title, format=number),
            alt.Tooltip("low:Q", title="95 % from", format=number),
            alt.Tooltip("high:Q", title="to", format=number),
        ],
    )
    layered = [span, dots]
    if constant is not None:
        line = alt.Chart(pd.DataFrame({"value": [constant], "text": ["constant classifier"]})).encode(x="value:Q")
        layered.append(line.mark_rule(color=LINE, strokeDash=[5, 4], strokeWidth=1.5))
        layered.append(line.mark_text(y=0, dy=-7, align="left", dx=-4, color=LINE).encode(text="text:N"))
    return alt.layer(*layered).properties(height=44 * len(names) + 60)

"""Quality with its intervals, one row per model or mask, beside what a constant classifier gets."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import KEPT, LINE


def quality(rows: pd.DataFrame, *, title: str, constant: float | None = None, percent: bool = True) -> Drawing:
    """``rows``: what ("whole model", "this mask"), value, low, high; the last of several stands out.
    ``constant``: drawn as a dashed line."""
    line = pd.DataFrame({"value": [] if constant is None else [constant]}, dtype=float)
    return Drawing(_spec(tuple(rows["what"]), title, percent), {"rows": rows, "constant": line})


@specification
def _spec(names: tuple[str, ...], title: str, percent: bool) -> alt.LayerChart:
    number = ".1%" if percent else ".3f"
    colours = [LINE] if len(names) == 1 else [*[LINE] * (len(names) - 1), KEPT]
    base = named("rows").encode(
        y=alt.Y(
            "what:N",
            sort=list(names),
            title=None,
            axis=alt.Axis(labelLimit=160, ticks=False, domain=False, labelFlush=False),
        ),
        color=alt.Color(
            "what:N",
            scale=alt.Scale(domain=list(names), range=colours),
            legend=None,
        ),
    )
    x = alt.X(
        "low:Q",
        title=title,
        scale=alt.Scale(zero=False, nice=True, padding=14),
        axis=alt.Axis(format="%" if percent else "~g", tickCount=6),
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
    line = named("constant").encode(x="value:Q")
    return alt.layer(
        base.mark_rule(strokeWidth=3).encode(x=x, x2="high:Q"),
        dots,
        line.mark_rule(color=LINE, strokeDash=[5, 4], strokeWidth=1.5),
        line.mark_text(y=0, dy=-7, align="left", dx=-4, color=LINE, text="constant classifier"),
    ).properties(height=44 * len(names) + 60)

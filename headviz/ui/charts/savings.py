"""What cutting heads out would save of each layer's attention: a bar per layer, what stays and what is saved."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, LINE


def savings(layers: pd.DataFrame, *, title: str) -> Drawing:
    """``layers``: layer, all (what the layer's attention has, in the unit that ``title`` names) and saved (of it)."""
    table = layers.assign(name="L" + layers["layer"].astype(str), stays=layers["all"] - layers["saved"])
    table["share"] = (table["saved"] / table["all"]).where(table["all"] > 0, 0.0)
    bars = table.melt(["name", "share"], ["stays", "saved"], "part", "amount")
    return Drawing(_spec(len(table), title), {"bars": bars, "layers": table[["name", "all", "share"]]})


@specification
def _spec(count: int, title: str) -> alt.LayerChart:
    names = [f"L{layer}" for layer in range(count)]
    y = alt.Y(
        "name:N",
        scale=alt.Scale(domain=names),
        title=None,
        axis=alt.Axis(ticks=False, domain=False, labelFlush=False),
    )
    x = alt.X("amount:Q", title=title, axis=alt.Axis(labelExpr="format(datum.value, '~s')", tickCount=6))
    colour = alt.Scale(domain=["stays", "saved"], range=[KEPT, CUT])
    bars = (
        named("bars")
        .mark_bar()
        .encode(
            y=y,
            x=x,
            color=alt.Color("part:N", scale=colour, legend=alt.Legend(title=None, orient="top")),
            order=alt.Order("part:N", sort="descending"),
            tooltip=[
                alt.Tooltip("name:N", title="Layer"),
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("amount:Q", title=title, format=",d"),
                alt.Tooltip("share:Q", title="Saved", format=".1%"),
            ],
        )
    )
    told = (
        named("layers")
        .transform_filter("datum.share > 0")
        .transform_calculate(text="format(100 * datum.share, '.1f') + ' % saved'")
        .mark_text(align="left", dx=6, color=LINE, tooltip=None)
        .encode(y=y, x="all:Q", text="text:N")
    )
    return alt.layer(bars, told).properties(height={"step": 20 if count <= 16 else 14})

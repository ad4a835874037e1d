"""How one number spreads over the heads: a histogram, cut heads apart, with the picked head marked."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import LINE, STATES


def distribution(heads: pd.DataFrame, value: str, *, title: str, number: str = ".4~g", bins: int = 18) -> Drawing:
    """``heads``: head, ``value``, picked (bool) and, where there is a cut, state ("kept" or "cut")."""
    table = _histogram(heads, value, bins)
    marked = heads.loc[heads["picked"], ["head", value]] if "picked" in heads else heads.loc[[], ["head", value]]
    return Drawing(_spec(value, title, number), {"bins": table, "picked": marked})


@specification
def _spec(value: str, title: str, number: str) -> alt.LayerChart:
    bars = named("bins").mark_bar(binSpacing=1).encode(
        x=alt.X(
            "low:Q",
            bin="binned",
            title=title,
            axis=alt.Axis(format=number, tickCount=5),
            scale=alt.Scale(zero=False),
        ),
        x2="high:Q",
        y=alt.Y("heads:Q", title="Heads", axis=alt.Axis(tickMinStep=1, tickCount=4)),
        color=alt.Color("state:N", scale=STATES, legend=None),
        order=alt.Order("state:N"),
        tooltip=[
            alt.Tooltip("low:Q", title="From", format=number),
            alt.Tooltip("high:Q", title="To", format=number),
            alt.Tooltip("state:N", title="In the mask"),
            alt.Tooltip("heads:Q", title="Heads"),
        ],
    )  # fmt: skip
    mark = named("picked").encode(x=alt.X(f"{value}:Q"))
    return alt.layer(
        bars,
        mark.mark_rule(color=LINE, strokeWidth=2.5, strokeDash=[5, 3]),
        mark.mark_text(y=0, dy=-6, color=LINE, fontWeight="bold").encode(text="head:N"),
    ).properties(height=170)


def _histogram(heads: pd.DataFrame, value: str, bins: int) -> pd.DataFrame:
    values = heads[value].to_numpy(dtype=float)
    edges = np.histogram_bin_edges(values, bins=bins)
    states = heads["state"].to_numpy() if "state" in heads else np.full(len(heads), "kept")
    rows = []
    for state in ("cut", "kept"):
        counts = np.histogram(values[states == state], edges)[0]
        rows += [
            (float(low), float(high), state, int(count))
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
            if count
        ]
    return pd.DataFrame(rows, columns=["low", "high", "state", "heads"])

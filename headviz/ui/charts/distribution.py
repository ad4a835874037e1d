"""How one number spreads over the heads: a histogram, cut heads apart, with the picked head marked."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.palette import CUT, KEPT, LINE


def distribution(
    heads: pd.DataFrame, value: str, *, title: str, picked: str | None = None, number: str = ".4~g", bins: int = 18
) -> alt.LayerChart:
    """``heads``: head, ``value``, state ("kept" or "cut")."""
    values = heads[value].to_numpy(dtype=float)
    edges = np.histogram_bin_edges(values, bins=bins)
    rows = [
        (float(low), float(high), state, int(count))
        for state in ("cut", "kept")
        for low, high, count in zip(
            edges[:-1], edges[1:], np.histogram(values[heads["state"] == state], edges)[0], strict=True
        )
        if count
    ]
    table = pd.DataFrame(rows, columns=["low", "high", "state", "heads"])
    bars = (
        alt.Chart(table)
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X(
                "low:Q",
                bin="binned",
                title=title,
                axis=alt.Axis(format=number, tickCount=5),
                scale=alt.Scale(zero=False),
            ),
            x2="high:Q",
            y=alt.Y("heads:Q", title="Heads", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("state:N", scale=alt.Scale(domain=["kept", "cut"], range=[KEPT, CUT]), legend=None),
            order=alt.Order("state:N"),
            tooltip=[
                alt.Tooltip("low:Q", title="From", format=number),
                alt.Tooltip("high:Q", title="To", format=number),
                alt.Tooltip("state:N", title="In the mask"),
                alt.Tooltip("heads:Q", title="Heads"),
            ],
        )
    )
    layered: list[alt.Chart] = [bars]
    at = heads.loc[heads["head"] == picked]
    if len(at):
        mark = alt.Chart(at).encode(x=alt.X(f"{value}:Q"))
        layered.append(mark.mark_rule(color=LINE, strokeWidth=2.5, strokeDash=[5, 3]))
        layered.append(mark.mark_text(y=0, dy=-6, color=LINE, fontWeight="bold").encode(text="head:N"))
    return alt.layer(*layered).properties(height=170)

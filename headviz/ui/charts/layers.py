"""How many heads each layer keeps."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import STATES


def layers(heads: pd.DataFrame) -> Drawing:
    """``heads``: layer, state ("kept" or "cut"), one row per head."""
    table = heads.groupby(["layer", "state"]).size().rename("heads").reset_index()
    table["name"] = "L" + table["layer"].astype(str)
    return Drawing(_spec(int(heads["layer"].max()) + 1), {"layers": table})


@specification
def _spec(count: int) -> alt.Chart:
    names = [f"L{layer}" for layer in range(count)]
    return (
        named("layers")
        .mark_bar()
        .encode(
            y=alt.Y(
                "name:N",
                scale=alt.Scale(domain=names),
                title=None,
                axis=alt.Axis(ticks=False, domain=False, labelFlush=False),
            ),
            x=alt.X("heads:Q", title="Heads", axis=alt.Axis(tickMinStep=1, format="d")),
            color=alt.Color("state:N", scale=STATES, legend=alt.Legend(title=None, orient="top")),
            order=alt.Order("state:N", sort="descending"),
            tooltip=[
                alt.Tooltip("name:N", title="Layer"),
                alt.Tooltip("state:N", title="In the mask"),
                alt.Tooltip("heads:Q", title="Heads"),
            ],
        )
        .properties(height={"step": 20 if count <= 16 else 14})
    )

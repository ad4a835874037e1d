"""How alike repeated choices are: the Jaccard index of each run with the plan, above the band of chance."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import KEPT, LINE


def steadiness(runs: pd.DataFrame, chance: tuple[float, float, float]) -> Drawing:
    """``runs``: kind, run, k, jaccard; ``chance``: mean and ends of its 95 % band."""
    band = pd.DataFrame([chance], columns=["mean", "low", "high"])
    return Drawing(_spec(tuple(dict.fromkeys(runs["kind"]))), {"runs": runs, "chance": band})


@specification
def _spec(kinds: tuple[str, ...]) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, 1])
    title = "Jaccard index with this choice of heads"
    x = alt.X("jaccard:Q", title=title, scale=scale)
    y = alt.Y(
        "kind:N", sort=list(kinds), title=None,
        axis=alt.Axis(ticks=False, domain=False, labelFlush=False, labelLimit=160),
    )  # fmt: skip
    marks = named("runs").mark_tick(thickness=3, height={"band": 0.6}, color=KEPT, opacity=0.75).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("kind:N", title="Repeated over"),
            alt.Tooltip("run:Q", title="Run"),
            alt.Tooltip("k:Q", title="Its own knee"),
            alt.Tooltip("jaccard:Q", title="Jaccard index", format=".2f"),
        ],
    )  # fmt: skip
    chance = named("chance")
    return alt.layer(
        chance.mark_rect(color=LINE, opacity=0.25, tooltip=None).encode(
            x=alt.X("low:Q", scale=scale, title=title), x2="high:Q"
        ),
        chance.mark_rule(color=LINE, strokeDash=[5, 4], strokeWidth=2, tooltip=None).encode(
            x=alt.X("mean:Q", scale=scale)
        ),
        marks,
    ).properties(height=44 * len(kinds) + 50)

"""How far each block's output had moved at each check, on a logarithmic scale, with frozen cells outlined."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.blocks import blocks_axis, blocks_height
from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, SCHEME

_LEAST = 1e-7  # below it 1 - CKA is rounding


def importance_map(frame: pd.DataFrame) -> Drawing:
    """``frame``, `History.importance_frame`: step, layer, importance (1 - CKA), state, frozen_at; of any checks. What
    was not looked at has no cell."""
    known = frame[frame["importance"].notna()]
    importance = known["importance"].astype(float)
    moved = importance[importance > _LEAST]
    lowest = min(0.1, 10.0 ** np.floor(np.log10(moved.min()))) if len(moved) else _LEAST
    since = [f"frozen at step {at:,.0f}" if not np.isnan(at) else "live" for at in known["frozen_at"]]
    table = known[["step", "layer", "importance"]].assign(
        drawn=importance.clip(lower=lowest),  # 0 has no logarithm
        frozen=known["state"] != "live",
        since=since,
    )
    return Drawing(_spec(tuple(known["layer"].unique()), float(lowest)), {"cells": table})


@specification
def _spec(layers: tuple[int, ...], lowest: float) -> alt.LayerChart:
    x = alt.X(
        "step:O", title="Check at step (outlined: frozen)", scale=alt.Scale(paddingInner=0.06, paddingOuter=0),
        axis=alt.Axis(ticks=False, domain=False, labelAngle=0, labelOverlap="parity", format=",d"),
    )  # fmt: skip
    base = named("cells").encode(x=x, y=alt.Y(**blocks_axis(layers, 0.1)))
    decades = -round(np.log10(lowest))
    legend = alt.Legend(
        title="1 − CKA", orient="top", gradientLength=260, gradientThickness=10, format="~g",
        values=[10.0**-decade for decade in range(0, decades + 1, 1 if decades < 5 else 2)],
    )  # fmt: skip
    colour = alt.Color(
        "drawn:Q",
        scale=alt.Scale(type="log", scheme=SCHEME, domain=[lowest, 1], clamp=True),
        legend=legend,
    )
    tooltip = [
        alt.Tooltip("layer:Q", title="Layer"),
        alt.Tooltip("step:Q", title="Check at step", format=",d"),
        alt.Tooltip("importance:Q", title="1 − CKA", format=".3~g"),
        alt.Tooltip("since:N", title="State"),
    ]
    frozen = base.transform_filter("datum.frozen")
    width = 2.5 if len(layers) <= 16 else 1.5
    return alt.layer(
        base.mark_rect(cornerRadius=2).encode(color=colour, tooltip=tooltip),
        frozen.mark_rect(cornerRadius=2, filled=False, stroke=CUT, strokeWidth=width, tooltip=None),
    ).properties(height=blocks_height(layers))

"""How far each block's output had moved at each check, on a logarithmic scale, with frozen cells outlined."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, SCHEME

_LEAST = 1e-7  # below it 1 - CKA is rounding


def importance_map(frame: pd.DataFrame) -> Drawing:
    """``frame``, `History.importance_frame`: step, layer, importance (1 - CKA), state, frozen_at; of any checks."""
    known = frame[frame["importance"].notna()]
    table = pd.DataFrame(
        {
            "step": known["step"],
            "name": [f"L{layer}" for layer in known["layer"]],
            "importance": known["importance"],
            "drawn": np.maximum(known["importance"].astype(float), _LEAST),
            "state": known["state"],
        }
    )
    low = float(table["drawn"].min()) if len(table) else _LEAST
    return Drawing(_spec(tuple(dict.fromkeys(table["name"])), float(f"{low:.1g}")), {"cells": table})


@specification
def _spec(names: tuple[str, ...], low: float) -> alt.LayerChart:
    y = alt.Y(
        "name:N", title=None, sort=list(reversed(names)),
        axis=alt.Axis(ticks=False, domain=False, labelFlush=False), scale=alt.Scale(paddingInner=0.06),
    )  # fmt: skip
    x = alt.X(
        "step:O", title="Check at step", scale=alt.Scale(paddingInner=0.06),
        axis=alt.Axis(ticks=False, domain=False, labelAngle=0, labelOverlap="parity", format=",d"),
    )  # fmt: skip
    base = named("cells").encode(x=x, y=y)
    colour = alt.Color(
        "drawn:Q",
        scale=alt.Scale(type="log", scheme=SCHEME, domain=[min(low, 0.1), 1], clamp=True),
        legend=alt.Legend(title="1 − CKA", gradientThickness=10, tickCount=4, format=".0e"),
    )
    tooltip = [
        alt.Tooltip("name:N", title="Block"),
        alt.Tooltip("step:Q", title="Step", format=",d"),
        alt.Tooltip("importance:Q", title="1 − CKA", format=".3~g"),
        alt.Tooltip("state:N", title="State"),
    ]
    frozen = base.transform_filter("datum.state != 'live'")
    return alt.layer(
        base.mark_rect(cornerRadius=2).encode(color=colour, tooltip=tooltip),
        frozen.mark_rect(cornerRadius=2, filled=False, stroke=CUT, strokeWidth=2, tooltip=None),
    ).properties(height={"step": 24 if len(names) <= 16 else 14})

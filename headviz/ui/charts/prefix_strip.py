"""Which blocks train and which are frozen over a run; only frozen ones below every live one save memory."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.blocks import blocks_axis, blocks_height
from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import KEPT, PRUNED, RESCUED

NAMES = {"live": "live", "free": "✓ frozen, saves memory", "carrying": "↓ frozen, carries gradient"}
_SIGNS = {"live": "", "free": "✓", "carrying": "↓"}
_NARROWEST = 0.04  # of the run: a shorter span has no room for its sign


def prefix_strip(frame: pd.DataFrame, *, layers: tuple[int, ...], total: int, step: int | None = None) -> Drawing:
    """``frame``, `History.importance_frame`: step, unit, layer, state; ``layers`` of all units; ``total`` steps of the
    run, of which ``step`` are made (None: all)."""
    end = total if step is None else step
    rows = []
    for unit, layer in enumerate(layers):
        own = frame[(frame["unit"] == unit) & (frame["step"] < end)].sort_values("step")
        start, state = 0, "live"
        for at, other in [*zip(own["step"], own["state"], strict=True), (end, "")]:
            if other != state:
                if at > start:
                    sign = _SIGNS[state] if at - start > _NARROWEST * total else ""
                    rows.append((layer, start, at, (start + at) / 2, NAMES[state], sign))
                start, state = at, other
    spans = pd.DataFrame(rows, columns=["layer", "from", "to", "middle", "state", "sign"])
    return Drawing(_spec(tuple(layers), max(1, total)), {"spans": spans})


@specification
def _spec(layers: tuple[int, ...], total: int) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, total], nice=False)
    x = alt.X("from:Q", title="Step", scale=scale, axis=alt.Axis(tickMinStep=1, format=",d"))
    base = named("spans").encode(y=alt.Y(**blocks_axis(layers, 0.2)))
    colour = alt.Color(
        "state:N",
        scale=alt.Scale(domain=list(NAMES.values()), range=[PRUNED, KEPT, RESCUED]),
        legend=alt.Legend(title=None, orient="top", columns=2, labelLimit=240, symbolOpacity=1),
    )
    tooltip = [
        alt.Tooltip("layer:Q", title="Layer"),
        alt.Tooltip("state:N", title="State"),
        alt.Tooltip("from:Q", title="From step", format=",d"),
        alt.Tooltip("to:Q", title="to", format=",d"),
    ]
    faint = alt.condition("datum.state == 'live'", alt.value(0.45), alt.value(1))
    signs = base.transform_filter("datum.sign").mark_text(
        color="black", fontWeight="bold", fontSize=13 if len(layers) <= 16 else 10, tooltip=None
    )
    return alt.layer(
        base.mark_bar().encode(x=x, x2="to:Q", color=colour, opacity=faint, tooltip=tooltip),
        signs.encode(x=alt.X("middle:Q", scale=scale), text="sign:N"),
    ).properties(height=blocks_height(layers))

"""Which blocks train and which are frozen over a run; only frozen ones below every live one save memory."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import KEPT, PRUNED, RESCUED

NAMES = {"live": "live", "free": "frozen, no gradient", "carrying": "frozen, carries gradient"}
_SIGNS = {"live": "", "free": "✓", "carrying": "↓"}


def prefix_strip(frame: pd.DataFrame, *, layers: tuple[int, ...], total: int, step: int | None = None) -> Drawing:
    """``frame``, `History.importance_frame`: step, unit, layer, state; ``layers`` of all units; ``total`` steps of the
    run, of which ``step`` are made (None: all)."""
    end = total if step is None else step
    rows = []
    for unit, layer in enumerate(layers):
        own = frame[frame["unit"] == unit].sort_values("step")
        spans = [(0, "live"), *zip(own["step"].tolist(), own["state"].tolist(), strict=True)]
        start, state = spans[0]
        for at, other in [*spans[1:], (end, "")]:
            if other != state:
                if at > start:
                    rows.append(_row(layer, start, at, state))
                start, state = at, other
    columns = ["name", "from", "to", "middle", "state", "sign"]
    return Drawing(_spec(tuple(f"L{layer}" for layer in layers), total), {"spans": pd.DataFrame(rows, columns=columns)})


def _row(layer: int, start: int, end: int, state: str) -> list[object]:
    return [f"L{layer}", start, end, (start + end) / 2, NAMES[state], _SIGNS[state]]


@specification
def _spec(names: tuple[str, ...], total: int) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, total], nice=False)
    y = alt.Y(
        "name:N", title=None, sort=list(reversed(names)),
        axis=alt.Axis(ticks=False, domain=False, labelFlush=False),
    )  # fmt: skip
    x = alt.X("from:Q", title="Step", scale=scale, axis=alt.Axis(tickMinStep=1, format=",d"))
    base = named("spans").encode(y=y)
    colour = alt.Color(
        "state:N",
        scale=alt.Scale(domain=list(NAMES.values()), range=[PRUNED, KEPT, RESCUED]),
        legend=alt.Legend(title=None, orient="top", columns=2, labelLimit=200),
    )
    tooltip = [
        alt.Tooltip("name:N", title="Block"),
        alt.Tooltip("state:N", title="State"),
        alt.Tooltip("from:Q", title="From step", format=",d"),
        alt.Tooltip("to:Q", title="to", format=",d"),
    ]
    bars = base.mark_bar(height={"band": 0.78}).encode(
        x=x, x2="to:Q", color=colour, tooltip=tooltip,
        opacity=alt.condition("datum.state == 'live'", alt.value(0.45), alt.value(1)),
    )  # fmt: skip
    signs = base.transform_filter("datum.sign").mark_text(
        color="white", fontWeight="bold", fontSize=13 if len(names) <= 16 else 10, tooltip=None
    )
    return alt.layer(bars, signs.encode(x=alt.X("middle:Q", scale=scale), text="sign:N")).properties(
        height={"step": 24 if len(names) <= 16 else 14}
    )

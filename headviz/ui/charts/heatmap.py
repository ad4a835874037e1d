"""One number per head as a heatmap: a row per layer, cut heads crossed out, the picked head framed."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from headviz.ui.charts.palette import SCHEME, heads_axis, picked_head


def heatmap(
    heads: pd.DataFrame,
    value: str,
    *,
    title: str,
    picked: str | None = None,
    domain: Sequence[float] | None = None,
    scale: str = "linear",
    number: str = ".3f",
) -> alt.LayerChart:
    """``heads``: one row per head with head ("L3H7"), layer, index, ``value``, rank and, where a cut is to be shown, cut
    (bool). ``domain``: the ends of the colours; ``scale``: "linear" or "sqrt", which opens up small numbers."""
    layers, widest = int(heads["layer"].max()) + 1, int(heads["index"].max()) + 1
    colour = alt.Scale(scheme=SCHEME, type=scale, **({} if domain is None else {"domain": list(domain)}))
    base = alt.Chart(heads).encode(
        x=alt.X(**heads_axis("index", "H", widest), scale=alt.Scale(paddingInner=0.06, paddingOuter=0)),
        y=alt.Y(**heads_axis("layer", "L", layers), scale=alt.Scale(paddingInner=0.06, paddingOuter=0)),
    )
    cells = (
        base.mark_rect(cornerRadius=2, cursor="pointer")
        .encode(
            color=alt.Color(
                f"{value}:Q",
                scale=colour,
                legend=alt.Legend(title=None, format=number, gradientThickness=10, tickCount=4),
            ),
            tooltip=_tooltip(heads, value, title, number),
        )
        .add_params(picked_head())
    )
    layered: list[alt.Chart] = [cells]
    if "cut" in heads:
        cross = base.transform_filter("datum.cut").encode(text=alt.value("×"))
        layered.append(
            cross.mark_text(
                fontSize=17, fontWeight="bold", color="black", stroke="black", strokeWidth=2.5, tooltip=None
            )
        )
        layered.append(cross.mark_text(fontSize=17, fontWeight="bold", color="white", tooltip=None))
    if picked is not None:
        frame = base.transform_filter(alt.datum.head == picked)
        layered.append(frame.mark_rect(fillOpacity=0, stroke="black", strokeWidth=4, tooltip=None))
        layered.append(frame.mark_rect(fillOpacity=0, stroke="white", strokeWidth=2, tooltip=None))
    height = 58 + layers * (30 if layers <= 8 else 24 if layers <= 16 else 16)  # with title and axis
    return alt.layer(*layered).properties(title=title, height=height)


def _tooltip(heads: pd.DataFrame, value: str, title: str, number: str) -> list[alt.Tooltip]:
    shown = [alt.Tooltip("head:N", title="Head"), alt.Tooltip(f"{value}:Q", title=title, format=number)]
    if "rank" in heads:
        shown.append(alt.Tooltip("rank:Q", title="Place (0 = cut first)"))
    if "state" in heads:
        shown.append(alt.Tooltip("state:N", title="In the mask"))
    return shown

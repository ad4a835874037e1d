"""One number per head as a heatmap: a row per layer, cut heads crossed out, the picked head framed."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import SCHEME, heads_axis, picking


def heatmap(
    heads: pd.DataFrame,
    value: str,
    *,
    title: str,
    domain: tuple[float, float] | None = None,
    scale: str = "linear",
    number: str = ".3f",
) -> Drawing:
    """``heads``: one row per head with head ("L3H7"), layer, index, ``value``, and where they apply rank, state
    ("kept" or "cut"), cut and picked (bool). ``domain``: the ends of the colours; ``scale``: "linear", or "sqrt",
    which opens up small numbers."""
    layers, widest = int(heads["layer"].max()) + 1, int(heads["index"].max()) + 1
    text = _spec(value, title, layers, widest, domain, scale, number, "rank" in heads, "state" in heads)
    return Drawing(text, {"heads": heads})


@specification
def _spec(
    value: str,
    title: str,
    layers: int,
    widest: int,
    domain: tuple[float, float] | None,
    scale: str,
    number: str,
    has_rank: bool,
    has_state: bool,
) -> alt.LayerChart:
    colour = alt.Scale(scheme=SCHEME, type=scale, **({} if domain is None else {"domain": list(domain)}))
    tooltip = [alt.Tooltip("head:N", title="Head"), alt.Tooltip(f"{value}:Q", title=title, format=number)]
    tooltip += [alt.Tooltip("rank:Q", title="Place (0 = cut first)")] if has_rank else []
    tooltip += [alt.Tooltip("state:N", title="In the mask")] if has_state else []
    base = named("heads").encode(
        x=alt.X(**heads_axis("index", "H", widest)), y=alt.Y(**heads_axis("layer", "L", layers))
    )
    legend = alt.Legend(title=None, format=number, gradientThickness=10, tickCount=4)
    cells = base.mark_rect(cornerRadius=2, cursor="pointer").encode(
        color=alt.Color(f"{value}:Q", scale=colour, legend=legend), tooltip=tooltip
    )
    cross = base.transform_filter("datum.cut").encode(text=alt.value("×"))
    frame = base.transform_filter("datum.picked")
    height = 30 + layers * (38 if layers <= 4 else 30 if layers <= 8 else 24 if layers <= 16 else 16)  # with the axis
    return alt.layer(
        cells.add_params(picking()),
        cross.mark_text(fontSize=17, fontWeight="bold", color="black", stroke="black", strokeWidth=2.5, tooltip=None),
        cross.mark_text(fontSize=17, fontWeight="bold", color="white", tooltip=None),
        frame.mark_rect(fillOpacity=0, stroke="black", strokeWidth=4.5, tooltip=None),
        frame.mark_rect(fillOpacity=0, stroke="white", strokeWidth=2, tooltip=None),
    ).properties(height=height)

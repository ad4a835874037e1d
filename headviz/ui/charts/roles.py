"""Which heads a plan keeps, prunes and brings back: a row per layer, the role as a colour and a letter."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import KEPT, PRUNED, RESCUED, heads_axis, picking

LETTERS = {"medoid": "M", "kept": "K", "rescued": "R", "pruned": ""}


def roles(points: pd.DataFrame) -> Drawing:
    """``points``: head, layer, index, role, cluster, salience, picked."""
    table = points.assign(letter=points["role"].map(LETTERS).fillna(""))
    layers, widest = int(points["layer"].max()) + 1, int(points["index"].max()) + 1
    return Drawing(_spec(layers, widest), {"heads": table})


@specification
def _spec(layers: int, widest: int) -> alt.LayerChart:
    base = named("heads").encode(
        x=alt.X(**heads_axis("index", "H", widest)), y=alt.Y(**heads_axis("layer", "L", layers))
    )
    domain = ["medoid", "kept", "rescued", "pruned"]
    colour = alt.Scale(domain=domain, range=[KEPT, KEPT, RESCUED, PRUNED])
    cells = base.mark_rect(cornerRadius=2, cursor="pointer").encode(
        color=alt.Color("role:N", scale=colour, legend=None),
        opacity=alt.condition("datum.role == 'pruned'", alt.value(0.35), alt.value(1)),
        tooltip=[
            alt.Tooltip("head:N", title="Head"),
            alt.Tooltip("role:N", title="Role"),
            alt.Tooltip("cluster:Q", title="Cluster"),
            alt.Tooltip("salience:Q", title="Salience (0 to 1)", format=".3f"),
        ],
    )
    frame = base.transform_filter("datum.picked")
    letter = base.transform_filter("datum.letter").mark_text(
        color="black", fontWeight="bold", fontSize=13 if layers <= 12 else 10, tooltip=None
    )
    height = 30 + layers * (38 if layers <= 4 else 30 if layers <= 8 else 24 if layers <= 16 else 16)
    return alt.layer(
        cells.add_params(picking()),
        letter.encode(text="letter:N"),
        frame.mark_rect(fillOpacity=0, stroke="black", strokeWidth=4.5, tooltip=None),
        frame.mark_rect(fillOpacity=0, stroke="white", strokeWidth=2, tooltip=None),
    ).properties(height=height)

"""Heads in the space in which they were grouped: a mark per head by its role, edges between heads that are alike."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import KEPT, LINE, PRUNED, RESCUED, SCHEME, picking

ROLES = ("medoid", "kept", "rescued", "pruned", "")  # "": without a number of heads there are none
COLOURS = {"role": "Role", "layer": "Layer", "salience": "Salience", "cluster": "Cluster"}


def graph(points: pd.DataFrame, edges: pd.DataFrame, *, colour: str) -> Drawing:
    """``points``: head, x, y, cluster, role, salience, layer, size (of its cluster), picked; ``edges``: x, y, x2, y2,
    kind ("similar", "kept"). ``colour``: one of `COLOURS`."""
    return Drawing(_spec(colour), {"points": points, "edges": edges})


@specification
def _spec(colour: str) -> alt.LayerChart:
    plain = alt.Scale(zero=False, nice=False, padding=16)
    x, y = alt.X("x:Q", axis=None, scale=plain), alt.Y("y:Q", axis=None, scale=plain)
    shade = _colour(colour)
    base = named("points").encode(x=x, y=y)
    tooltip = [
        alt.Tooltip("head:N", title="Head"),
        alt.Tooltip("role:N", title="Role"),
        alt.Tooltip("salience:Q", title="Salience (0 to 1)", format=".3f"),
        alt.Tooltip("layer:Q", title="Layer"),
        alt.Tooltip("cluster:Q", title="Cluster"),
        alt.Tooltip("size:Q", title="Heads in its cluster"),
    ]
    pruned = base.transform_filter("datum.role == 'pruned' || datum.role == ''").mark_point(
        filled=True, size=70, cursor="pointer", opacity=0.55
    )
    kept = base.transform_filter("datum.role == 'kept' || datum.role == 'rescued'").mark_point(
        filled=True, size=150, cursor="pointer", opacity=1
    )
    medoid = base.transform_filter("datum.role == 'medoid'").mark_point(
        filled=False, size=150, strokeWidth=3.5, cursor="pointer", opacity=1
    )
    ring = base.transform_filter("datum.role == 'rescued'").mark_point(
        filled=False, size=340, strokeWidth=2, strokeDash=[3, 2], color=RESCUED, tooltip=None
    )
    chosen = base.transform_filter("datum.picked")
    lines = named("edges").mark_rule(strokeWidth=1.2, tooltip=None).encode(
        x=x, y=y, x2="x2:Q", y2="y2:Q",
        color=alt.value(LINE),
        opacity=alt.condition("datum.kind == 'kept'", alt.value(0.35), alt.value(0.9)),
        strokeDash=alt.condition("datum.kind == 'kept'", alt.value([2, 3]), alt.value([1, 0])),
    )  # fmt: skip
    return alt.layer(
        lines,
        pruned.encode(color=shade, tooltip=tooltip).add_params(picking()),
        kept.encode(color=shade, tooltip=tooltip),
        medoid.encode(color=shade, tooltip=tooltip),
        ring,
        chosen.mark_point(size=520, strokeWidth=2.5, color=LINE, filled=False, tooltip=None),
        chosen.mark_text(dy=-20, fontWeight="bold", color=LINE, tooltip=None).encode(text="head:N"),
    ).properties(height=420)


def _colour(field: str) -> alt.Color:
    if field == "role":
        scale = alt.Scale(domain=list(ROLES), range=[KEPT, KEPT, RESCUED, PRUNED, PRUNED])
        return alt.Color("role:N", scale=scale, legend=None)
    if field == "cluster":
        return alt.Color("cluster:N", scale=alt.Scale(scheme="tableau20"), legend=None)
    legend = alt.Legend(title=COLOURS[field], orient="top", gradientLength=160, gradientThickness=10, tickCount=4)
    return alt.Color(f"{field}:Q", scale=alt.Scale(scheme=SCHEME), legend=legend)

"""Colours and axes that read well on light and dark ground; nothing is told by colour alone."""

from __future__ import annotations

from typing import Any

import altair as alt

KEPT = "#2f7ed8"  # 4.0 : 1 on white, 4.6 : 1 on the dark ground
CUT = "#d55e00"  # 3.9 : 1 and 4.6 : 1
RESCUED = "#a05fc4"  # 4.2 : 1 and 4.3 : 1
PRUNED = "#848e9b"
NOISE = "#848e9b"
LINE = "#848e9b"  # 3.3 : 1 and 5.5 : 1
SCHEME = "viridis"
PICK = "pick"  # the name of the selection in every chart on which a head can be picked
STATES = alt.Scale(domain=["kept", "cut"], range=[KEPT, CUT])


def heads_axis(field: str, letter: str, count: int) -> dict[str, Any]:
    """Arguments of a channel over layers ("L") or heads ("H"): L0, L1, ..., every few where they would touch."""
    every = 1 if count <= 16 else 2 if count <= 32 else 4
    label = f"datum.value % {every} == 0 ? '{letter}' + datum.value : ''"
    axis = alt.Axis(
        labelExpr=label,
        labelAngle=0,
        ticks=False,
        domain=False,
        title=None,
        labelPadding=4,
        labelOverlap="parity",
        labelFlush=False,
    )
    return {"shorthand": f"{field}:O", "axis": axis, "scale": alt.Scale(paddingInner=0.06, paddingOuter=0)}


def picking() -> alt.Parameter:
    """The selection with which a click on a mark picks its head."""
    return alt.selection_point(name=PICK, fields=["head"], on="click", clear=False)

"""A model's blocks from the input at the bottom upwards, the rows of every chart of a recovery."""

from __future__ import annotations

from typing import Any

import altair as alt

from headviz.ui.charts.palette import heads_axis


def blocks_axis(layers: tuple[int, ...], gap: float = 0.06) -> dict[str, Any]:
    """Arguments of a channel over the field "layer", of which only ``layers`` have a row; ``gap``: the share of a row
    between two."""
    scale = alt.Scale(domain=sorted(layers, reverse=True), paddingInner=gap, paddingOuter=gap / 2)
    return heads_axis("layer", "L", len(layers)) | {"scale": scale}


def blocks_height(layers: tuple[int, ...]) -> dict[str, int]:
    return {"step": 24 if len(layers) <= 16 else 14}

"""Ruler under the alpha slider: what alpha is where, and a tick wherever the mask changes, with the present mask's
interval marked."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import KEPT, LINE

_HEIGHT = 12  # pixels of a tick


def ticks(places: Sequence[float], low: float, high: float, scale: Sequence[tuple[float, str]]) -> Drawing:
    """``places``: of the breaks along the slider, 0 to 1; ``low``, ``high``: the ends of the present mask's interval;
    ``scale``: places along the slider with the value there."""
    return Drawing(
        _spec(),
        {
            "breaks": pd.DataFrame({"at": list(places)}, dtype=float),
            "here": pd.DataFrame({"low": [low], "high": [high]}),
            "scale": pd.DataFrame(scale, columns=["at", "name"]).astype({"at": float}),
        },
    )


@specification
def _spec() -> alt.LayerChart:
    along = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X("at:Q", scale=along, axis=None)
    here = named("here").mark_rect(color=KEPT, opacity=0.35, tooltip=None, y=0, y2=_HEIGHT)
    tick = {"thickness": 1.5, "tooltip": None, "color": LINE}
    names = named("scale").mark_text(y=_HEIGHT + 13, fontSize=12, color=LINE, tooltip=None)
    return (
        alt.layer(
            here.encode(x=alt.X("low:Q", scale=along, axis=None), x2="high:Q"),
            named("breaks").mark_tick(height=_HEIGHT, y=_HEIGHT / 2, **tick).encode(x=x),
            named("scale").mark_tick(height=5, y=_HEIGHT + 3, **tick).encode(x=x),
            _aligned(names, "center").encode(x=x, text="name:N"),
            _aligned(names, "left").encode(x=x, text="name:N"),
            _aligned(names, "right").encode(x=x, text="name:N"),
        )
        .properties(height=_HEIGHT + 20, padding={"left": 6, "right": 6, "top": 0, "bottom": 0})
        .configure_view(stroke=None)
    )


def _aligned(names: alt.Chart, side: str) -> alt.Chart:
    """The names that stand so: those at the ends reach inwards."""
    where = {"left": "datum.at == 0", "right": "datum.at == 1", "center": "datum.at > 0 && datum.at < 1"}
    made = names.copy()
    made.mark.align = side
    return made.transform_filter(where[side])

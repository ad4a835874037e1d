"""Where along the alpha slider the mask changes: a tick per break, the interval of the present mask marked."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import KEPT, LINE


def ticks(places: list[float], low: float, high: float) -> Drawing:
    """``places``: of the breaks along the slider, 0 to 1; ``low``, ``high``: the ends of the present mask's
    interval."""
    return Drawing(
        _spec(),
        {"breaks": pd.DataFrame({"at": places}, dtype=float), "here": pd.DataFrame({"low": [low], "high": [high]})},
    )


@specification
def _spec() -> alt.LayerChart:
    x = alt.X("at:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=None)
    here = named("here").mark_rect(color=KEPT, opacity=0.35, tooltip=None)
    return (
        alt.layer(
            here.encode(x=alt.X("low:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=None), x2="high:Q"),
            named("breaks").mark_tick(color=LINE, thickness=1.5, height=12, tooltip=None).encode(x=x),
        )
        .properties(height=14, padding={"left": 6, "right": 6, "top": 0, "bottom": 0})
        .configure_view(stroke=None)
    )

"""How likely the model finds each label for one text, with all heads and with a mask, bar by bar."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.sides import AROUND, COLOURS, FILLED, SIDES, classes_axis, legend, name_of, places

_STEP = 38  # pixels that a label gets


def probabilities(labels: Sequence[str], before: np.ndarray, after: np.ndarray) -> Drawing:
    """``before``, ``after`` (C,): of each of ``labels``, with all heads and with the mask, 0 to 1."""
    names = places(labels)
    table = pd.DataFrame(
        {
            "label": names * 2,
            "side": np.repeat(SIDES, len(names)),
            "probability": np.round(np.concatenate([before, after]).astype(float), 5),
        }
    )
    return Drawing(_spec(len(names)), {"labels": table})


@specification
def _spec(size: int) -> alt.LayerChart:
    base = (
        named("labels")
        .transform_calculate(name=name_of("datum.label"), percent="format(100 * datum.probability, '.1f') + ' %'")
        .encode(
            # a little beyond 1, for the number at the end of a full bar
            x=alt.X(
                "probability:Q",
                title="Probability",
                scale=alt.Scale(domain=[0, 1.15], nice=False),
                axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
            ),
            y=alt.Y("label:O", axis=classes_axis(), scale=alt.Scale(paddingInner=0.25, paddingOuter=0.1)),
            yOffset=alt.YOffset("side:N", sort=list(SIDES)),
        )
    )
    bars = base.mark_bar(cornerRadiusEnd=2, height={"band": 0.85}, strokeWidth=1.5).encode(
        fill=alt.Fill("side:N", scale=COLOURS, legend=legend()),
        stroke=alt.Stroke("side:N", scale=COLOURS, legend=None),
        fillOpacity=alt.FillOpacity("side:N", scale=FILLED, legend=None),
        tooltip=[
            alt.Tooltip("name:N", title="Label"),
            alt.Tooltip("side:N", title=" "),
            alt.Tooltip("percent:N", title="Probability"),
        ],
    )
    numbers = base.mark_text(align="left", dx=5, fontSize=12, tooltip=None).encode(
        text="percent:N", color=alt.Color("side:N", scale=COLOURS, legend=None)
    )
    return alt.layer(bars, numbers).properties(height=_STEP * size + AROUND)

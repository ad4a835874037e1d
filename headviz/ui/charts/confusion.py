"""A confusion matrix: a row per true label, a column per predicted one, coloured by the share of the row.

The colours run from 0 to 1 whatever the matrix, so that two of them side by side can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import SCHEME
from headviz.ui.charts.sides import classes_axis, name_of, places

_FULL, _BRIEF = 6, 12  # classes up to which cells say count and share, or the count alone
_LETTERS = 40  # that fit upright above the columns
_NARROWEST, _AROUND = 15, 260  # pixels of a column whose name stands upright, and of what is beside the columns


def confusion(counts: np.ndarray, shares: np.ndarray, classes: Sequence[str], *, title: str) -> Drawing:
    """``counts``, ``shares`` (C, C): how many examples of a true label (row) are given a label (column), and which
    share of the row that is, NaN in a row without examples."""
    size = len(classes)
    rows, columns = np.indices((size, size)).reshape(2, -1)
    names = np.array(places(classes), dtype=object)
    share = shares.ravel().astype(float)
    table = pd.DataFrame(
        {
            "label": names[rows],
            "predicted": names[columns],
            "count": counts.ravel().astype(int),
            "share": np.round(np.nan_to_num(share), 4),
            "percent": ["" if np.isnan(one) else f"{100 * one:.0f} %" for one in share],
            "right": rows == columns,
        }
    )
    upright = size * max(map(len, classes), default=0) <= _LETTERS
    angle = 0 if upright else -45 if size <= _BRIEF else -90
    narrowest = 0 if size <= _BRIEF else _AROUND + _NARROWEST * size
    return Drawing(_spec(size, title, angle), {"cells": table}, narrowest)


@specification
def _spec(size: int, title: str, angle: int) -> alt.LayerChart:
    scale = alt.Scale(paddingInner=0.05, paddingOuter=0.025)
    step = 44 if size <= _FULL else 32 if size <= _BRIEF else 22
    above = classes_axis(title="predicted", orient="top", labelAngle=angle)
    base = (
        named("cells")
        .transform_calculate(true=name_of("datum.label"), given=name_of("datum.predicted"))
        .encode(
            x=alt.X("predicted:O", axis=above, scale=scale),
            y=alt.Y("label:O", axis=classes_axis(title="true label"), scale=scale),
        )
    )
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color(
            "share:Q",
            scale=alt.Scale(scheme=SCHEME, domain=[0, 1]),
            legend=alt.Legend(
                title="Of the row",
                format="%",
                gradientThickness=10,
                gradientLength=min(110, step * size - 30),
                tickCount=2,
            ),
        ),
        tooltip=[
            alt.Tooltip("true:N", title="True label"),
            alt.Tooltip("given:N", title="Predicted"),
            alt.Tooltip("count:Q", title="Examples", format=","),
            alt.Tooltip("percent:N", title="Of the row"),
        ],
    )
    diagonal = base.transform_filter("datum.right")
    frames = [
        diagonal.mark_rect(fillOpacity=0, cornerRadius=2, stroke="black", strokeWidth=3.5, tooltip=None),
        diagonal.mark_rect(fillOpacity=0, cornerRadius=2, stroke="white", strokeWidth=1.5, tooltip=None),
    ]
    # dark letters where the colours are light
    letters = base.encode(color=alt.condition("datum.share > 0.42", alt.value("black"), alt.value("white")))
    up, down = (-7, 8) if size <= _FULL else (0, 0)
    texts = []
    if size <= _BRIEF:
        texts = [letters.mark_text(fontSize=13, fontWeight="bold", dy=up, tooltip=None).encode(
            text=alt.Text("count:Q", format=",")
        )]  # fmt: skip
    if size <= _FULL:
        texts.append(letters.mark_text(fontSize=11, dy=down, tooltip=None).encode(text="percent:N"))
    return alt.layer(cells, *frames, *texts).properties(title=title, height={"step": step})

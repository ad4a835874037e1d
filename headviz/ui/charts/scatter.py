"""HIS against attention entropy, with the lines on which HIES is the same and the line of the cut."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, LINE, STATES, picking

_NUMBER = ".4~g"
_LEVELS = (0.2, 0.4, 0.6, 0.8)
_COLUMNS = ["level", "ae", "his", "is_cut"]
_CROSS = "M-.6,-.6L.6,.6M-.6,.6L.6,-.6"


def scatter(heads: pd.DataFrame, lines: pd.DataFrame | None = None) -> Drawing:
    """``heads``: head, his, ae, hies, state ("kept" or "cut"), picked (bool). ``lines``: from `iso_lines`, None
    where HIES has no straight lines in this plane."""
    lines = pd.DataFrame(columns=_COLUMNS) if lines is None else lines
    return Drawing(_spec(_range(heads["ae"]), _range(heads["his"])), {"heads": heads, "lines": lines})


@specification
def _spec(ae: tuple[float, float], his: tuple[float, float]) -> alt.LayerChart:
    # the range of the heads: lines that leave it are cut off, not followed
    x = alt.X("ae:Q", title="Attention entropy (AE)", scale=alt.Scale(domain=list(ae), nice=False, zero=False))
    y = alt.Y(
        "his:Q",
        title="HIS (nats)",
        scale=alt.Scale(domain=list(his), nice=False, zero=False),
        axis=alt.Axis(format=_NUMBER),
    )
    points = named("heads").mark_point(size=70, strokeWidth=2, cursor="pointer").encode(
        x=x,
        y=y,
        color=alt.Color("state:N", scale=STATES, legend=alt.Legend(title=None, orient="top")),
        shape=alt.Shape("state:N", scale=alt.Scale(domain=["kept", "cut"], range=["circle", _CROSS])),
        tooltip=[
            alt.Tooltip("head:N", title="Head"),
            alt.Tooltip("his:Q", title="HIS", format=_NUMBER),
            alt.Tooltip("ae:Q", title="AE", format=".3f"),
            alt.Tooltip("hies:Q", title="HIES", format=".3f"),
            alt.Tooltip("state:N", title="In the mask"),
        ],
    )  # fmt: skip
    line = named("lines").encode(x=x, y=y, detail="level:N")
    ring = named("heads").transform_filter("datum.picked").encode(x=x, y=y)
    return alt.layer(
        line.transform_filter("!datum.is_cut").mark_line(
            color=LINE, strokeDash=[3, 4], strokeWidth=1, clip=True, tooltip=None
        ),
        line.transform_filter("datum.is_cut").mark_line(color=CUT, strokeWidth=2, clip=True, tooltip=None),
        points.add_params(picking()),
        ring.mark_point(size=260, strokeWidth=2.5, color=LINE, filled=False, tooltip=None),
        ring.mark_text(dy=-16, fontWeight="bold", color=LINE, tooltip=None).encode(text="head:N"),
    ).properties(height=400)


def _range(values: pd.Series) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 0.05
    return low - room, high + room


def iso_lines(his: np.ndarray, ae: np.ndarray, alpha: float, cut_at: float | None) -> pd.DataFrame:
    """Ends of the lines HIES = 0.2, 0.4, ... over the plane of ``ae`` and ``his`` (heads,), with global min-max:
    level, ae, his, is_cut. ``cut_at``: the HIES between the last head cut and the first one kept."""
    (low_h, high_h), (low_a, high_a) = (his.min(), his.max()), (ae.min(), ae.max())
    rows = []
    for level, is_cut in [*((level, False) for level in _LEVELS), *([] if cut_at is None else [(cut_at, True)])]:
        if alpha > 1e-6:
            ends = [((level - (1 - alpha) * (1 - share)) / alpha, share) for share in (-0.05, 1.05)]
        else:
            ends = [(height, 1 - level) for height in (-0.05, 1.05)]
        for important, diffuse in ends:
            place = low_a + diffuse * (high_a - low_a), low_h + important * (high_h - low_h)
            rows.append((round(float(level), 4), *place, is_cut))
    flat = not (high_h > low_h and high_a > low_a)  # a term without spread is 0 everywhere: no such lines
    return pd.DataFrame([] if flat else rows, columns=_COLUMNS)

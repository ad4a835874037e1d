"""HIS against attention entropy, with the lines on which HIES is the same and the line of the cut."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.palette import CUT, KEPT, LINE, PICK

_NUMBER = ".4~g"


def scatter(heads: pd.DataFrame, lines: pd.DataFrame | None = None, *, picked: str | None = None) -> alt.LayerChart:
    """``heads``: head, his, ae, hies, state ("kept" or "cut"). ``lines``: from `iso_lines`, None where HIES has no
    straight lines in this plane."""
    x = alt.X("ae:Q", title="Attention entropy (AE)", scale=_scale(heads["ae"]))
    y = alt.Y("his:Q", title="HIS (nats)", scale=_scale(heads["his"]), axis=alt.Axis(format=_NUMBER))
    pick = alt.selection_point(name=PICK, fields=["head"], on="click", clear=False)
    points = (
        alt.Chart(heads)
        .mark_point(size=70, strokeWidth=2, cursor="pointer")
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "state:N",
                scale=alt.Scale(domain=["kept", "cut"], range=[KEPT, CUT]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            shape=alt.Shape(
                "state:N", scale=alt.Scale(domain=["kept", "cut"], range=["circle", "M-.6,-.6L.6,.6M-.6,.6L.6,-.6"])
            ),
            tooltip=[
                alt.Tooltip("head:N", title="Head"),
                alt.Tooltip("his:Q", title="HIS", format=_NUMBER),
                alt.Tooltip("ae:Q", title="AE", format=".3f"),
                alt.Tooltip("hies:Q", title="HIES", format=".3f"),
                alt.Tooltip("state:N", title="In the mask"),
            ],
        )
        .add_params(pick)
    )
    layered: list[alt.Chart] = []
    if lines is not None and len(lines):
        line = alt.Chart(lines).encode(x="ae:Q", y="his:Q", detail="level:N")
        layered.append(
            line.transform_filter("!datum.is_cut").mark_line(
                color=LINE, strokeDash=[3, 4], strokeWidth=1, clip=True, tooltip=None
            )
        )
        layered.append(
            line.transform_filter("datum.is_cut").mark_line(color=CUT, strokeWidth=2, clip=True, tooltip=None)
        )
    layered.append(points)
    if picked is not None:
        ring = alt.Chart(heads).transform_filter(alt.datum.head == picked).encode(x="ae:Q", y="his:Q")
        layered.append(ring.mark_point(size=260, strokeWidth=2.5, color=LINE, filled=False, tooltip=None))
        layered.append(ring.mark_text(dy=-16, fontWeight="bold", color=LINE, tooltip=None).encode(text="head:N"))
    return alt.layer(*layered).properties(height=400, title="HIS against AE")


def _scale(values: pd.Series) -> alt.Scale:
    """The range of the heads with a little room: lines that leave it are cut off, not followed."""
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 0.05
    return alt.Scale(domain=[low - room, high + room], nice=False, zero=False)


def iso_lines(
    his: np.ndarray,
    ae: np.ndarray,
    alpha: float,
    cut_at: float | None,
    levels: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8),
) -> pd.DataFrame:
    """Ends of the lines HIES = level over the plane of ``ae`` and ``his`` (heads,), with global min-max: level, ae, his,
    is_cut. ``cut_at``: the HIES between the last head cut and the first one kept."""
    (low_h, high_h), (low_a, high_a) = (his.min(), his.max()), (ae.min(), ae.max())
    if not (high_h > low_h and high_a > low_a):
        return pd.DataFrame(columns=["level", "ae", "his", "is_cut"])
    rows = []
    for level, is_cut in [(level, False) for level in levels] + ([] if cut_at is None else [(cut_at, True)]):
        if alpha > 1e-6:
            ends = [((level - (1 - alpha) * (1 - share)) / alpha, share) for share in (-0.05, 1.05)]
        else:
            ends = [(height, 1 - level) for height in (-0.05, 1.05)]
        for important, diffuse in ends:
            rows.append(
                (round(level, 4), low_a + diffuse * (high_a - low_a), low_h + important * (high_h - low_h), is_cut)
            )
    return pd.DataFrame(rows, columns=["level", "ae", "his", "is_cut"])

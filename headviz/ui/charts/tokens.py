"""One text seen by one head: its attention map, and what each token says for the predicted label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, SCHEME
from headviz.ui.charts.sides import name_of, places

MOST_TOKENS = 48  # drawn at once: more would neither be legible nor quick
_STEP = 19  # pixels a token gets, enough for its name
_TIGHT = f"width / domain('x').length < {_STEP - 2}"  # names aslant would lie on each other
_NARROWEST, _AROUND = 12, 230  # pixels of a token that its upright name needs, and of names and legend beside them


def attention_map(tokens: Sequence[str], weights: np.ndarray, *, title: str) -> Drawing:
    """``weights`` (S, S): row = the token that looks, column = the token looked at; ``tokens`` (S,)."""
    size = len(tokens)
    rows, columns = np.indices((size, size)).reshape(2, -1)
    names = np.array(places([shown(token) for token in tokens]), dtype=object)
    table = pd.DataFrame(
        {"query": names[rows], "key": names[columns], "weight": np.round(weights.ravel().astype(float), 4)}
    )
    return Drawing(_map_spec(title), {"weights": table}, _AROUND + _NARROWEST * size)


@specification
def _map_spec(title: str) -> alt.Chart:
    return (
        named("weights")
        .transform_calculate(looks=name_of("datum.query"), seen=name_of("datum.key"))
        .mark_rect()
        .encode(
            x=alt.X(
                "key:O",
                title="looked at",
                axis=_axis(
                    labelAngle=alt.ExprRef(f"{_TIGHT} ? -90 : -50"),
                    labelFontSize=alt.ExprRef(f"{_TIGHT} ? 10 : 12"),
                    orient="top",
                ),
                scale=alt.Scale(padding=0.04),
            ),
            y=alt.Y("query:O", title="looks", axis=_axis(), scale=alt.Scale(padding=0.04)),
            color=alt.Color(
                "weight:Q",
                scale=alt.Scale(scheme=SCHEME, domain=[0, 1]),
                legend=alt.Legend(title="Weight", gradientThickness=10, gradientLength=110, tickCount=3, format=".1f"),
            ),
            tooltip=[
                alt.Tooltip("looks:N", title="Looks"),
                alt.Tooltip("seen:N", title="Looked at"),
                alt.Tooltip("weight:Q", title="Weight", format=".3f"),
            ],
        )
        .properties(title=title, height={"step": _STEP})
    )


def attribution(tokens: Sequence[str], values: np.ndarray, *, label: str) -> Drawing:
    """``values`` (S,): above 0 speaks for ``label``, below 0 against it."""
    table = pd.DataFrame(
        {
            "place": places([shown(token) for token in tokens]),
            "value": np.round(np.asarray(values, dtype=float), 5),
            "side": np.where(np.asarray(values) >= 0, "for", "against"),
        }
    )
    return Drawing(_bars_spec(label[:60]), {"tokens": table})


@specification
def _bars_spec(label: str) -> alt.Chart:
    return (
        named("tokens")
        .transform_calculate(token=name_of("datum.place"))
        .mark_bar(height={"band": 0.75})
        .encode(
            x=alt.X("value:Q", title="Attribution", axis=alt.Axis(format=".2~f", tickCount=5)),
            y=alt.Y("place:O", title=None, axis=_axis()),
            color=alt.Color(
                "side:N",
                scale=alt.Scale(domain=["for", "against"], range=[KEPT, CUT]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=[alt.Tooltip("token:N", title="Token"), alt.Tooltip("value:Q", title="Attribution", format=".4f")],
        )
        .properties(title=f"What speaks for and against {label}", height={"step": _STEP})
    )


def _axis(**more: Any) -> alt.Axis:
    return alt.Axis(
        labelExpr=name_of("datum.label"),
        **{"labelFontSize": 12} | more,
        labelOverlap=False,
        labelFlush=False,
        labelLimit=140,
        ticks=False,
        domain=False,
    )


def shown(token: str) -> str:
    """A token as an axis shows it: never empty, never longer than fits."""
    text = "".join(letter if letter.isprintable() else "·" for letter in token).strip() or "␣"
    return text if len(text) <= 16 else f"{text[:15]}…"

"""One text seen by one head: its attention map, and what each token says for the predicted label."""

from __future__ import annotations

import json
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, SCHEME

MOST_TOKENS = 64  # drawn at once: more would neither be legible nor quick
_STEP = 19  # pixels a token gets, enough for its name


def attention_map(tokens: Sequence[str], weights: np.ndarray, *, title: str) -> Drawing:
    """``weights`` (S, S): row = the token that looks, column = the token looked at; ``tokens`` (S,)."""
    size = len(tokens)
    rows, columns = np.indices((size, size)).reshape(2, -1)
    table = pd.DataFrame({"query": rows, "key": columns, "weight": np.round(weights.ravel().astype(float), 4)})
    names = pd.DataFrame({"place": range(size), "token": [shown(token) for token in tokens]})
    return Drawing(_map_spec(tuple(tokens), title), {"weights": table, "tokens": names})


@specification
def _map_spec(tokens: tuple[str, ...], title: str) -> alt.Chart:
    lookup = alt.LookupData(data=alt.NamedData("tokens"), key="place", fields=["token"])
    return (
        named("weights")
        .transform_lookup(lookup="query", from_=lookup, as_="from token")
        .transform_lookup(lookup="key", from_=lookup, as_="to token")
        .mark_rect()
        .encode(
            x=alt.X(
                "key:O",
                title="looked at",
                axis=_axis(tokens, angle=-50, orient="top"),
                scale=alt.Scale(padding=0.04),
            ),
            y=alt.Y("query:O", title="looks", axis=_axis(tokens), scale=alt.Scale(padding=0.04)),
            color=alt.Color(
                "weight:Q",
                scale=alt.Scale(scheme=SCHEME, domain=[0, 1]),
                legend=alt.Legend(title="Weight", gradientThickness=10, tickCount=5, format=".1f"),
            ),
            tooltip=[
                alt.Tooltip("from token:N", title="Looks"),
                alt.Tooltip("to token:N", title="Looked at"),
                alt.Tooltip("weight:Q", title="Weight", format=".3f"),
            ],
        )
        .properties(title=title, width={"step": _STEP}, height={"step": _STEP})
    )


def attribution(tokens: Sequence[str], values: np.ndarray, *, label: str) -> Drawing:
    """``values`` (S,): above 0 speaks for ``label``, below 0 against it."""
    table = pd.DataFrame(
        {
            "place": range(len(tokens)),
            "token": [shown(token) for token in tokens],
            "value": np.round(np.asarray(values, dtype=float), 5),
            "side": np.where(np.asarray(values) >= 0, "for", "against"),
        }
    )
    return Drawing(_bars_spec(tuple(tokens), label[:60]), {"tokens": table})


@specification
def _bars_spec(tokens: tuple[str, ...], label: str) -> alt.Chart:
    return (
        named("tokens")
        .mark_bar(height={"band": 0.75})
        .encode(
            x=alt.X("value:Q", title="Attribution", axis=alt.Axis(format=".2~f", tickCount=5)),
            y=alt.Y("place:O", title=None, axis=_axis(tokens)),
            color=alt.Color(
                "side:N",
                scale=alt.Scale(domain=["for", "against"], range=[KEPT, CUT]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=[alt.Tooltip("token:N", title="Token"), alt.Tooltip("value:Q", title="Attribution", format=".4f")],
        )
        .properties(title=f"What speaks for and against {label}", height={"step": _STEP})
    )


def shown(token: str) -> str:
    """A token as an axis shows it: never empty, never longer than fits."""
    text = "".join(letter if letter.isprintable() else "·" for letter in token).strip() or "␣"
    return text if len(text) <= 16 else f"{text[:15]}…"


def _axis(tokens: Sequence[str], angle: int = 0, orient: str | None = None) -> alt.Axis:
    """An axis over places that shows the tokens, of which several may be alike."""
    names = json.dumps([shown(token) for token in tokens])
    more = {"orient": orient} if orient else {}
    return alt.Axis(
        labelExpr=f"{names}[datum.value]",
        labelAngle=angle,
        labelOverlap=False,
        labelLimit=140,
        labelFontSize=12,
        ticks=False,
        domain=False,
        **more,
    )

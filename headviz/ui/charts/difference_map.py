"""Which heads two masks keep: a row per layer, what both, one or neither keeps as a colour and a letter."""

from __future__ import annotations

import altair as alt
import pandas as pd

from headviz.ui.charts.drawing import Drawing, named, specification
from headviz.ui.charts.palette import CUT, KEPT, PRUNED, RESCUED, heads_axis

LETTERS = {"kept in both": "", "only in A": "A", "only in B": "B", "cut in both": "×"}


def difference_map(heads: pd.DataFrame) -> Drawing:
    """``heads``: head, layer, index, in_a, in_b (bool: kept by the mask)."""
    state = [_state(bool(a), bool(b)) for a, b in zip(heads["in_a"], heads["in_b"], strict=True)]
    table = heads[["head", "layer", "index"]].assign(state=state, letter=[LETTERS[one] for one in state])
    return Drawing(_spec(int(heads["layer"].max()) + 1, int(heads["index"].max()) + 1), {"heads": table})


def _state(in_a: bool, in_b: bool) -> str:
    if in_a == in_b:
        return "kept in both" if in_a else "cut in both"
    return "only in A" if in_a else "only in B"


@specification
def _spec(layers: int, widest: int) -> alt.LayerChart:
    base = named("heads").encode(
        x=alt.X(**heads_axis("index", "H", widest)), y=alt.Y(**heads_axis("layer", "L", layers))
    )
    colour = alt.Scale(domain=list(LETTERS), range=[KEPT, CUT, RESCUED, PRUNED])
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color("state:N", scale=colour, legend=None),
        tooltip=[alt.Tooltip("head:N", title="Head"), alt.Tooltip("state:N", title="In the masks")],
    )
    letter, cross = (10, 12) if layers > 12 or widest > 24 else (13, 17)  # at one size a cross looks smaller
    sizes = f"datum.letter == '×' ? {cross} : {letter}"
    letters = base.transform_filter("datum.letter").mark_text(
        color="black", fontWeight="bold", fontSize=alt.ExprRef(sizes), tooltip=None
    )
    height = 30 + layers * (38 if layers <= 4 else 30 if layers <= 8 else 24 if layers <= 16 else 16)
    return alt.layer(cells, letters.encode(text="letter:N")).properties(height=height)

"""One head's signature, step by step: its mean map on each class, and how far each two classes lie apart in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from headviz.ui import charts, numbers
from headviz.ui.controls import head_choice, help_of
from headviz.ui.draw import draw
from headviz.ui.errors import plain, shown
from headviz.ui.page import Page

if TYPE_CHECKING:
    from headviz.complementarity.plan import Plan
    from headviz.complementarity.signature import Signatures

_WORDS = (
    "**Map**: where each token looks, on one text. **Valid tokens**: padding is left out. **Grid**: the text's parts "
    "take the place of its tokens, so that texts of any length add up. **Class means**: the mean and variance of each "
    "cell over the examples of a class. **JM**: how far two classes lie apart in each cell, from 0 to 2."
)


def signature(page: Page, known: Signatures, plan: Plan | None) -> None:
    st.header("What one head looks like", help=help_of("signature", "jm_distance"), anchor=False)
    head_choice(page)
    st.markdown(_WORDS)
    name = page.session.picked or known.names[0]
    _maps(page, known, plan, name)


@st.fragment
def _maps(page: Page, known: Signatures, plan: Plan | None, name: str) -> None:
    with shown():
        at = known.names.index(name)
        left, right = st.columns(2, gap="large")
        with left:
            _means(known, at, name)
        with right:
            _apart(known, plan, at, name)


def _means(known: Signatures, at: int, name: str) -> None:
    usable = [number for number, there in enumerate(known.usable) if there]
    chosen = st.selectbox(
        "Class", usable, key="signature_class", persist_state="session",
        format_func=lambda number: f"{known.classes[number]} (n = {known.counts[number]})",
    )  # fmt: skip
    shown_class = chosen if chosen in usable else usable[0]
    count = int(known.counts[shown_class])
    top = float(known.mean[at][known.usable].max())
    drawing = charts.cells(known.mean[at, shown_class], title=f"{name}, mean map", number=".4f", top=top)
    draw(drawing, key="mean_map", alt=f"Mean map of {name} on one class")
    st.markdown(
        f"Mean over n = {count:,} examples of {plain(known.classes[shown_class])}, {known.grid} x {known.grid} cells; "
        "each row adds up to 1 under the preset headviz. Colours go by the square root."
    )


def _apart(known: Signatures, plan: Plan | None, at: int, name: str) -> None:
    pairs = list(range(len(known.pairs)))
    counts = dict(zip(known.classes, known.counts.tolist(), strict=True))
    pair = st.selectbox(
        "Class pair", pairs, key="signature_pair", persist_state="session",
        format_func=lambda number: " and ".join(f"{one} (n = {counts[one]})" for one in known.pairs[number]),
    )  # fmt: skip
    pair = pair if pair in pairs else pairs[0]
    features = _features(known, plan)[at].reshape(len(pairs), known.grid, known.grid)
    drawing = charts.cells(features[pair], title=f"{name}, JM distance", number=".3f", top=2.0)
    draw(drawing, key="jm_map", alt=f"Jeffries-Matusita distance of two classes in each cell of {name}")
    text = f"Mean of this pair {numbers.small(float(features[pair].mean()))}, of all pairs "
    text += numbers.small(float(features.mean())) + "."
    floor = None if plan is None or plan.floor is None else float(plan.floor[at])
    if floor is None:
        text += " The noise floor is not known: no permuted labels."
    else:
        share = float((features > 3 * floor).mean())
        text += (
            f" Noise floor, from permuted labels: {numbers.small(floor)}; {numbers.share(share, 0)} of the cells lie "
            "above three times it."
        )
    st.markdown(text)


def _features(known: Signatures, plan: Plan | None) -> np.ndarray:
    return known.features() if plan is None else known.features_by(plan.options)

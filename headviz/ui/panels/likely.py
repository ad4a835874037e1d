"""How likely the labels are for one text, with all heads and with a mask: in words and side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from headviz.ui import charts, numbers
from headviz.ui.draw import draw
from headviz.ui.errors import plain

_MOST = 12  # labels drawn


def likely(labels: Sequence[str], before: np.ndarray, after: np.ndarray, *, key: str, true: str | None = None) -> None:
    """``before``, ``after`` (C,): probabilities of ``labels`` with all heads and with the mask; ``true``: the label of
    an example that has one."""
    text = f"All heads: {_predicted(labels, before)}. With this mask: {_predicted(labels, after)}."
    st.markdown(text if true is None else f"{text} True label: **{plain(true)}**.")
    drawn = np.arange(len(labels))
    if len(labels) > _MOST:
        drawn = np.sort(np.argsort(-np.maximum(before, after), kind="stable")[:_MOST])
        st.markdown(f"The {_MOST} likeliest of {len(labels):,} labels are drawn.")
    drawing = charts.probabilities([labels[int(number)] for number in drawn], before[drawn], after[drawn])
    draw(drawing, key=key, alt="Probability of each label with all heads and with this mask")


def _predicted(labels: Sequence[str], probabilities: np.ndarray) -> str:
    best = int(probabilities.argmax())
    return f"predicted **{plain(labels[best])}** ({numbers.share(float(probabilities[best]))})"

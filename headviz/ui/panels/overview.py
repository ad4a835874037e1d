"""All heads at once: HIS and attention entropy as heatmaps and histograms. Nothing here depends on alpha."""

from __future__ import annotations

import streamlit as st

from headviz.ui import charts
from headviz.ui.calibration import Base
from headviz.ui.controls import help_of
from headviz.ui.draw import draw, draw_pickable
from headviz.ui.errors import note
from headviz.ui.frames import heads_frame
from headviz.ui.page import Page


def notes(page: Page, base: Base) -> None:
    """What is odd about these scores, and that more examples would help where there are more."""
    for text in base.scores.notes:
        note(text)
    total = page.results.calibration_size(None)
    if base.scores.resting_on_few is not None and len(base.scores) < total:
        st.markdown(f"{len(base.scores):,} of {total:,} examples are scored; choose more above.")


def overview(page: Page, base: Base) -> None:
    assert page.session.subject is not None
    frame = heads_frame(page.session.subject.heads, picked=page.session.picked, his=base.his, ae=base.ae)
    left, right = st.columns(2, gap="large")
    with left:
        st.header("HIS", help=help_of("his"), anchor=False)
        st.markdown("In nats; colours go by the square root.")
        chart = charts.heatmap(frame, "his", title="HIS", scale="sqrt", number=".2~g")
        draw_pickable(page, chart, key="his", alt="HIS of every head, one row per layer")
        spread = charts.distribution(frame, "his", title="HIS")
        draw(spread, key="his_spread", alt="How HIS spreads over the heads")
    with right:
        st.header("Attention entropy (AE)", help=help_of("attention_entropy"), anchor=False)
        st.markdown("From 0, focused, to 1, diffuse.")
        chart = charts.heatmap(frame, "ae", title="AE", domain=(0, 1), number=".2~f")
        draw_pickable(page, chart, key="ae", alt="Attention entropy of every head, one row per layer")
        spread = charts.distribution(frame, "ae", title="AE")
        draw(spread, key="ae_spread", alt="How attention entropy spreads over the heads")

"""Scores: what each head is worth by HIS, attention entropy and their blend HIES, and what one head looks at."""

import streamlit as st

from headviz import ui
from headviz.ui import controls
from headviz.ui.panels import gates

page = ui.shell(
    "Scores", "What each head is worth, from one forward and one backward pass over the calibration examples."
)

with ui.shown():
    if gates.ready(page):
        controls.calibration_choice(page)
        base = gates.scores(page)
        if base is not None:
            from headviz.ui.panels import blend, head, overview

            overview.notes(page, base)
            overview.overview(page, base)
            blend.blend(page, base)
            st.divider()
            head.head(page, base)

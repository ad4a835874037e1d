"""Mask: choose which heads go, by a criterion and by hand, and see what that does to quality."""

import streamlit as st

from headviz import ui
from headviz.ui.errors import note
from headviz.ui.panels import gates

page = ui.shell("Mask", "Choose which heads go, by a criterion and by hand, and see what that does to quality.")

with ui.shown():
    if gates.ready(page):
        from headviz.ui.panels import cut, quality

        base = gates.scores(page)
        left, right = st.columns(2, gap="medium")
        if base is not None:
            with left, ui.shown():
                cut.choice(page)
        mask = page.results.mask()
        if mask is None and base is not None:
            right.markdown("The heads show here once the criterion is computed.")
        if mask is not None:
            with right, ui.shown():
                cut.grid(page, mask)
            for text in mask.warnings:
                note(text)
            with ui.shown():
                quality.masked_model(page, mask)
            with ui.shown():
                cut.per_layer(page, mask)

"""Mask: the workshop. Choose which heads go, by a criterion and by hand, and see at once what that does."""

import streamlit as st

from headviz import ui
from headviz.ui.errors import note
from headviz.ui.panels import gates

page = ui.shell("Mask", "Choose which heads go, by a criterion and by hand, and see at once what that does.")

with ui.shown():
    if gates.ready(page):
        from headviz.ui import steps
        from headviz.ui.panels import answers, cut, quality, rules, suggestions, views

        base = gates.scores(page)
        left, right = st.columns(2, gap="medium")
        if base is not None:
            with left, ui.shown():
                cut.choice(page)
            with left, ui.shown():
                rules.rules(page)
        mask = page.results.mask()
        if mask is not None:
            steps.take(page.session, mask)
            with right, ui.shown():
                cut.grid(page, mask)
                suggestions.suggestions(page, mask)
        elif base is not None:
            with right, ui.shown():
                mask = cut.earlier(page)
        if mask is not None:
            for text in mask.warnings:
                note(text)
            with left if cut.is_tall(mask) else st.container(), ui.shown():
                answers.answers(page, mask)
            with ui.shown():
                views.views(page, mask)
            with ui.shown():
                quality.final(page, mask)

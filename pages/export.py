"""Export: take home the mask as a file, the model with it, or code; or open a mask again."""

import streamlit as st

from headviz import ui
from headviz.ui.panels import gates

page = ui.shell("Export", "Take home the mask as a file, the model with it, or code; or open a mask again.")

with ui.shown():
    if gates.ready(page):
        from headviz.ui.panels import models, quality, report, take_home

        mask = gates.mask(page)
        if mask is not None:
            mask = take_home.with_record(page, mask)
            take_home.summary(page, mask)
            left, right = st.columns(2, gap="large")
            with left, ui.shown():
                take_home.heads(page, mask)
            with right, ui.shown():
                quality.final(page, mask)
            with right, ui.shown():
                take_home.files(page, mask)
            with left, ui.shown():  # under the grid, so that neither half stays empty
                report.report(page, mask)
            with ui.shown():
                models.models(page, mask)
            with ui.shown():
                take_home.code(page, mask)
        with ui.shown():
            take_home.open_again(page)

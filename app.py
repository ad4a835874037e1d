"""Home: open a model and data, and see what they are."""

import streamlit as st

from headviz import ui
from headviz.ui.panels import columns, forms, gates, model_card, quality, recover_kept, visit

page = ui.shell(
    "Home", "See what each attention head of a text classifier is worth, cut heads, check, take the mask home."
)
session = page.session

if session.wanted_model is not None:
    with ui.shown():
        gates.asked_for(page)

with ui.shown():
    columns.columns_form(page)

if session.model is None:
    with ui.shown():
        gates.welcome(page)
    if session.data is not None:
        with ui.shown():
            st.markdown("Open a model next, to score its heads on this data.")
            model_card.data_card(page)
else:
    with ui.shown():
        model_card.model_card(page)
    with ui.shown():
        if session.data is None:
            st.markdown("Open data next, to score heads on and to measure quality on.")
        else:
            forms.labels_form(page)
            model_card.data_card(page)
    with ui.shown():
        recover_kept.unfinished(page)
    with ui.shown():
        if page.results.ready:
            quality.whole_model(page)
            st.page_link(
                "pages/scores.py",
                label="Go on to Scores",
                icon=":material/arrow_forward:",
                query_params=session.written,
            )

with st.expander(
    "Open another model or data" if session.model else "Open your own",
    expanded=not page.results.ready or bool(session.troubles),
):
    forms.what_is_open_to(page)
    sides = st.grid(2, min_column_width=300, gap=("small", "large"))
    with sides.cell(), ui.shown():
        forms.model_form(page)
    with sides.cell(), ui.shown():
        forms.data_form(page)

with st.expander("This visit: save it, open another"), ui.shown():
    visit.visit(page)

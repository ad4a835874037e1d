"""Suggestions: the head whose cut, and the one whose return, is predicted to serve the loss best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from headviz.mask import parse_head
from headviz.ui import numbers, steps
from headviz.ui.controls import help_of
from headviz.ui.page import Page

if TYPE_CHECKING:
    from headviz.mask import Mask


def suggestions(page: Page, mask: Mask) -> None:
    """A button for each, with its predicted change of the loss."""
    from headviz.prediction import best_restore, cheapest_cut, toggle_changes

    base = page.results.base()
    if base is None:
        return
    locked, changes = list(page.session.choice.locks), toggle_changes(base.scores, mask)
    found = (
        ("Cut", cheapest_cut(base.scores, mask, locked=locked), "suggest_cut", ":material/content_cut:"),
        ("Restore", best_restore(base.scores, mask, locked=locked), "suggest_restore", ":material/undo:"),
    )
    st.markdown(introduced(steps.record(page)), help=help_of("predicted_change"))
    with st.container(horizontal=True, key="suggestions"):
        for what, head, key, icon in found:
            if head is None:
                continue
            change = numbers.signed(float(changes[parse_head(head)]), 4)
            label = f"{what} {page.session.told(head)} ({change})"
            st.button(label, key=key, icon=icon, on_click=_toggle, args=(page, mask, head))


def introduced(record: steps.Record) -> str:
    """The sentence before the buttons: what they go by, and that they are guesses where such predictions were wrong."""
    by = "by the predicted change of the loss, in nats"
    if not record.missed:
        return f"Suggested next, {by}:"
    if record.single == 1:
        edits = "Your last edit of one head was measured"
    else:
        edits = f"{record.missed} of your last {record.single} edits of one head were measured"
    return f"A guess at what is next, {by}. {edits} outside what was predicted:"


def _toggle(page: Page, mask: Mask, head: str) -> None:
    if (under := page.results.preset()) is not None:
        page.session.toggle([head], mask, under)
    page.session.picked = head

"""Texts on a page: what a visitor types and what an example says, letter by letter and never as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from headviz.ui import charts
from headviz.ui.controls import show_changed
from headviz.ui.errors import note
from headviz.ui.page import Page

LONGEST_TYPED = 5000
_LONGEST_SHOWN = 2000
KEYS = ("typed", "typed_2")  # of the fields; the same on every page, so that a text goes along


def typed(page: Page) -> str | tuple[str, ...] | None:
    """What the visitor types, as text (or a pair where the data has pairs), None while that is nothing; what is
    typed and cannot be read so is told."""
    assert page.session.data is not None
    count = len(page.session.data.selection[0].inputs)
    labels = ("Your text", "Its second part")[:count]
    parts = [_field(page, label, place) for place, label in enumerate(labels)]
    if not is_blank(parts[:1]):
        return one_or_pair(parts)
    if any(parts):
        note(f"{labels[0]} is blank; type something into it.")
    return None


def fill(page: Page, inputs: Sequence[str]) -> None:
    """Put the texts of an example into the fields."""
    page.session.typed = [part[:LONGEST_TYPED] for part in inputs]


def _field(page: Page, label: str, place: int) -> str:
    """One field and what is read of it. It takes a text of any length, since a browser drops one that is too long for
    its field without a word."""
    key, session = KEYS[place], page.session

    def typed() -> None:
        parts = [*session.typed, "", ""][: len(KEYS)]
        parts[place] = st.session_state[key]
        session.typed = parts

    show_changed(key, session.typed[place] if place < len(session.typed) else "")
    text = (
        st.text_area(
            label, key=key, height=80, placeholder="Type a sentence, then press Ctrl and Enter", on_change=typed
        )
        or ""
    )
    if len(text) > LONGEST_TYPED:
        note(f"{label} has {len(text):,} characters; the first {LONGEST_TYPED:,} are read.")
    return text[:LONGEST_TYPED]


def is_blank(inputs: Sequence[str]) -> bool:
    """Whether an example has nothing to read in any of its texts."""
    return not any(part.strip() for part in inputs)


def told(inputs: Sequence[str]) -> None:
    """The text, or both texts, of an example; of a very long one its beginning, of a blank one that it is blank."""
    if is_blank(inputs):
        st.markdown("This example is blank: it has no text to look at.")
        return
    for part in inputs:
        st.text(part if len(part) < _LONGEST_SHOWN else f"{part[:_LONGEST_SHOWN]} …")


def one_or_pair(inputs: Sequence[str]) -> str | tuple[str, ...]:
    return inputs[0] if len(inputs) == 1 else tuple(inputs)


def cut_in_words(truncated: int) -> str:
    """A sentence on the tokens that did not fit, empty where all did."""
    if not truncated:
        return ""
    last = "last token was" if truncated == 1 else f"last {truncated:,} tokens were"
    return f"The text is longer than the model takes; its {last} cut."


def stretch(size: int, key: str) -> tuple[int, int]:
    """Which tokens to draw: all of a short text, a movable stretch of a long one."""
    most = charts.MOST_TOKENS
    if size <= most:
        return 0, size
    first = st.slider(f"First token shown (of {size}; {most} at a time)", 0, size - most, key=key)
    return first, first + most

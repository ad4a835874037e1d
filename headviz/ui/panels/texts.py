"""Texts on a page: what a visitor types and what an example says, letter by letter and never as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from headviz.ui import charts
from headviz.ui.page import Page

LONGEST_TYPED = 5000
_LONGEST_SHOWN = 2000
KEYS = ("typed", "typed_2")  # of the fields; the same on every page, so that a text goes along


def typed(page: Page) -> str | tuple[str, ...] | None:
    """What the visitor types, as text (or a pair where the data has pairs), None while that is nothing."""
    assert page.session.data is not None
    count = len(page.session.data.selection[0].inputs)
    parts = [
        st.text_area(
            label, key=key, max_chars=LONGEST_TYPED, height=80, persist_state="session",
            placeholder="Type a sentence, then press Ctrl and Enter",
        )
        or ""
        for label, key in list(zip(("Your text", "Its second part"), KEYS, strict=True))[:count]
    ]  # fmt: skip
    return one_or_pair(parts) if parts[0].strip() else None


def told(inputs: Sequence[str]) -> None:
    """The text, or both texts, of an example; of a very long one its beginning."""
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

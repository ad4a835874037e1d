"""Numbers in large type, side by side: they wrap where the window is narrow, and are never cut off."""

from __future__ import annotations

from typing import Any

import streamlit as st

from headviz.ui.controls import help_of
from headviz.ui.errors import plain


def places(count: int, key: str) -> list[Any]:
    """Places for ``count`` figures. ``key``: of the row, its own on the page."""
    row = st.container(horizontal=True, gap="medium", key=key)
    return [row.container(width="content", gap="small") for _ in range(count)]


def figure(place: Any, title: str, value: str, below: str, *terms: str, explained: str | None = None) -> None:
    """One number with what belongs to it in small below: its interval, or what it is of. The help bubble comes from the
    glossary's ``terms``, or says what is ``explained``."""
    place.metric(
        title,
        plain(value),
        delta=plain(below) or None,
        delta_color="off",
        delta_arrow="off",
        help=explained or help_of(*terms),
        width="content",
    )

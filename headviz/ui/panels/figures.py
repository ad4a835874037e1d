"""Numbers in large type, side by side: they wrap where the window is narrow, and are never cut off."""

from __future__ import annotations

from typing import Any

import streamlit as st

from headviz.ui.controls import help_of
from headviz.ui.errors import plain


def places(count: int, key: str) -> list[Any]:
    """Places for ``count`` figures. ``key``: of the row, its own on the page.

    They wrap in twos, with a three where their number is odd, so that none is left alone on a line that has room for
    more.
    """
    row = st.container(horizontal=True, gap="medium", key=key)
    found: list[Any] = []
    while len(found) < count:
        left = count - len(found)
        group = row.container(horizontal=True, width="content", gap="medium")
        found += [group.container(width="content", gap="small") for _ in range(3 if left == 3 else min(2, left))]
    return found


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

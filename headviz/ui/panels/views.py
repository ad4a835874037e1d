"""Ways to look at what a mask does: one at a time, so that an edit redraws no more than what is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from headviz.ui.measured import Measured
from headviz.ui.page import Page
from headviz.ui.panels.flips import flips
from headviz.ui.panels.history import history
from headviz.ui.panels.improving import improving
from headviz.ui.panels.savings import savings
from headviz.ui.panels.side_by_side import side_by_side
from headviz.ui.panels.try_text import try_text

if TYPE_CHECKING:
    from headviz.mask import Mask


def _flips(page: Page, mask: Mask) -> None:
    measured = Measured(page.results)
    before, now = measured.evaluation(), measured.evaluation(mask)
    if before is None or now is None:
        st.markdown("What flipped shows here once all examples are measured.")
    else:
        flips(page, mask, before, now, measured.data())


VIEWS: dict[str, Callable[[Page, Mask], None]] = {
    "What flipped": _flips,
    "History": history,
    "Improve": improving,
    "Side by side": side_by_side,
    "Cost and layers": savings,
    "Try a text": try_text,
}


def views(page: Page, mask: Mask) -> None:
    """The chosen view of ``mask``."""
    names = list(VIEWS)
    chosen = st.segmented_control(
        "Look at", names, key="view", default=names[0], required=True, persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    VIEWS[chosen or names[0]](page, mask)

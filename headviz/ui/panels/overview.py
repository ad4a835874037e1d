"""All heads at once: HIS and attention entropy as heatmaps and histograms. Nothing here depends on alpha."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from headviz.ui import charts
from headviz.ui.controls import help_of
from headviz.ui.frames import heads_frame
from headviz.ui.page import Page
from headviz.ui.results import Base


def overview(page: Page, base: Base) -> None:
    assert page.session.subject is not None
    frame = heads_frame(page.session.subject.heads, his=base.his, ae=base.ae)
    frame["state"] = "kept"
    picked = page.session.picked
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("HIS", help=help_of("his"), anchor=False)
        chart = charts.heatmap(
            frame, "his", title="HIS (nats), colours by square root", picked=picked, scale="sqrt", number=".2~g"
        )
        pickable(page, chart, "his", "HIS of every head, one row per layer")
        st.altair_chart(
            charts.distribution(frame, "his", title="HIS", picked=picked),
            key="his_spread",
            alt="How HIS spreads over the heads",
        )
    with right:
        st.subheader("Attention entropy (AE)", help=help_of("attention_entropy"), anchor=False)
        chart = charts.heatmap(
            frame, "ae", title="AE, 0 focused to 1 diffuse", picked=picked, domain=(0, 1), number=".2~f"
        )
        pickable(page, chart, "ae", "Attention entropy of every head, one row per layer")
        st.altair_chart(
            charts.distribution(frame, "ae", title="AE", picked=picked),
            key="ae_spread",
            alt="How attention entropy spreads over the heads",
        )


def pickable(page: Page, chart: Any, name: str, alt: str) -> None:
    """A chart on which a click picks a head for the whole page."""
    key = f"{name} {page.session.picked}"  # a new selection after each pick, so that any head can be picked next
    st.altair_chart(chart, key=key, on_select=_pick_from(page, key), selection_mode=[charts.PICK], alt=alt)


def _pick_from(page: Page, key: str) -> Callable[[], None]:
    def picked() -> None:
        chosen = st.session_state[key].selection.get(charts.PICK)
        head = chosen[0].get("head") if isinstance(chosen, list) and chosen else None
        if isinstance(head, str) and head != page.session.picked:
            page.session.pick(head)
        st.rerun()

    return picked

"""Charts on a page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from headviz.ui.charts import PICK, Drawing
from headviz.ui.page import Page

if TYPE_CHECKING:
    from headviz.ui.state import Session


def draw(drawing: Drawing, *, key: str, alt: str, width: Literal["stretch", "content"] = "stretch") -> None:
    """Show a chart; one that needs more width than there is scrolls sideways. ``alt``: what it shows, in words."""
    spec = _named_in_both(drawing)
    if not drawing.narrowest:
        st.vega_lite_chart(None, spec, key=key, alt=alt, width=width)
        return
    name = "wide_" + re.sub(r"[^a-z0-9]+", "_", key.lower())
    with st.container(key=name):
        st.html(f"<style>.st-key-{name} > * {{ min-width: {drawing.narrowest}px; }}</style>")
        st.vega_lite_chart(None, spec, key=key, alt=alt, width=width)


def draw_pickable(page: Page, drawing: Drawing, *, key: str, alt: str) -> None:
    """Show a chart on which a click picks a head for the whole page."""
    key = f"{key} {page.session.picked}"  # a new selection after each pick, so that any head can be picked next
    spec = _named_in_both(drawing)
    st.vega_lite_chart(None, spec, key=key, alt=alt, on_select=_pick_from(page, key), selection_mode=[PICK])


def _named_in_both(drawing: Drawing) -> dict[str, Any]:
    """The specification; where the model in hand is pruned, heads are told by their names in the whole model, too."""
    session: Session | None = st.session_state.get("headviz")
    if session is None or not session.whole_names:
        return drawing.spec
    data = {
        name: table.assign(head_told=[session.told(str(head)) for head in table["head"]])
        if "head" in table else table
        for name, table in drawing.data.items()
    }  # fmt: skip
    if not any("head_told" in table for table in data.values()):
        return drawing.spec
    return Drawing(drawing.text, data).spec_telling("head", "head_told")


def _pick_from(page: Page, key: str) -> Callable[[], None]:
    def picked() -> None:
        chosen = st.session_state[key].selection.get(PICK)
        head = chosen[0].get("head") if isinstance(chosen, list) and chosen else None
        if isinstance(head, str) and head != page.session.picked:
            page.session.pick(head)
        page.rerun()  # the whole page: a pick shows everywhere

    return picked

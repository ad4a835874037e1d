"""The rules that every preset obeys: how many heads a layer keeps at least, and the heads that are locked."""

from __future__ import annotations

import streamlit as st

from headviz.ui.controls import answer, help_of, show
from headviz.ui.errors import note
from headviz.ui.page import Page
from headviz.ui.rules import locked_too_often, room_for
from headviz.ui.state import Session

_MOST_NAMED = 24


def rules(page: Page) -> None:
    """Least heads per layer, the locks, and a way to drop them."""
    session, choice = page.session, page.session.choice
    assert session.subject is not None and choice.prune is not None
    in_force = bool(choice.least or choice.locks)
    with st.expander("Rules that every preset obeys", expanded=in_force, icon=":material/rule:"):
        key = "_w_least"
        show(key, choice.least)
        st.number_input(
            "Heads that each layer keeps at least", 0, max(session.subject.heads), key=key, step=1,
            on_change=answer(key, lambda least: _keep_at_least(session, int(least))), help=help_of("guard"),
        )  # fmt: skip
        if not choice.locks:
            st.markdown("No head is locked. Lock one in the grid: the tool above it, or the key L on a head.")
        for kept, what in ((True, "Never pruned"), (False, "Always pruned")):
            if named := [head for head, stays in choice.locks.items() if stays is kept]:
                more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
                st.markdown(f"{what}: {session.told(', '.join(named[:_MOST_NAMED]))}{more}.")
        if choice.locks:
            st.button(
                "Unlock all heads", key="unlock_all", icon=":material/lock_open:",
                on_click=lambda: session.commit(locks={}),
            )  # fmt: skip
    room = room_for(choice.prune, session.subject.heads, choice.locks, choice.least)
    if room != choice.prune and choice.taken is None:
        are = "is" if room == 1 else "are"
        note(f"{choice.prune} heads are to be cut, but the rules leave room for {room}; {room} {are} cut.")


def _keep_at_least(session: Session, least: int) -> None:
    """Take the number over, unless the locks leave some layer fewer heads: then say so and keep the number before."""
    assert session.subject is not None
    heads = session.subject.heads
    if too_often := locked_too_often(session.choice.locks, least, heads):
        layer, cut = too_often
        session.troubles[:] = [
            f"Layer {layer} cannot keep {least} heads: {cut} of its {heads[layer]} are locked as cut. "
            "Unlock heads of that layer, or ask for fewer."
        ]
        return
    session.commit(least=least)

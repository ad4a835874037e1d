"""Nothing but head grids, of layers with different numbers of heads: one to edit, without scores, and one to read."""

import numpy as np
import streamlit as st

from headviz.ui.grid import Edit, head_grid

HEADS = (5, 2, 4)
KEEP = np.array([[1, 0, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 1, 1, 0]], dtype=bool)


def keep(edit: Edit | None) -> None:
    if edit is None:
        st.session_state.rev += 1
    else:
        st.session_state.edit = edit


state = st.session_state
state.setdefault("rev", 0)
state.setdefault("edit", Edit(KEEP, {}))
edit = state.edit
head_grid("to_edit", edit.keep, HEADS, state.rev, on_edit=keep, locks=edit.locks, rescued=["L1H1"])
st.text(f"{int(edit.keep.sum())} kept, locked: {' '.join(edit.locks)}, last: {edit.last}")
values = np.where(np.arange(5) < np.array(HEADS)[:, None], np.arange(15.0).reshape(3, 5), np.nan)
head_grid(
    "to_read", KEEP, HEADS, editable=False, values=values, score_title="HIS", locks=["L0H1"], hand=["L2H0"],
    rescued=["L1H0", "L2H0"], label="The mask to read",
)  # fmt: skip
if st.button("Push the first mask"):
    state.edit, state.rev = Edit(KEEP, {}), state.rev + 1
    st.rerun()

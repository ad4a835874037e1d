"""Type a text: how likely the model finds each label for it, with all heads and with the mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from headviz.ui import engine
from headviz.ui.errors import shown
from headviz.ui.jobs import Job
from headviz.ui.page import Page
from headviz.ui.panels import texts
from headviz.ui.panels.likely import likely
from headviz.ui.waiting import wait_for

if TYPE_CHECKING:
    from headviz.inspection import AttentionMaps, Text
    from headviz.mask import Mask

_NEXT = "try_text_next"  # in the session: which example the button takes next


def try_text(page: Page, mask: Mask) -> None:
    st.header("Type a text", anchor=False)
    st.markdown("What the model makes of any text, with all heads and with this mask.")
    _typed(page, mask)


@st.fragment
def _typed(page: Page, mask: Mask) -> None:
    with shown():
        assert page.session.subject is not None
        text = texts.typed(page)
        st.button(
            "Take an example from the data",
            key="take_example",
            icon=":material/skip_next:",
            on_click=_take,
            args=(page,),
        )
        if text is None:
            return
        known, job = page.results.soon(_ask, page, text, mask)
        if known is None:
            wait_for(job, page)
            return
        whole, after = known
        likely(page.session.subject.labels, whole.probabilities, after, key="try_likely")
        if whole.truncated:
            st.markdown(texts.cut_in_words(whole.truncated))


def _take(page: Page) -> None:
    """Put the next example of the data that has a text into the fields; where none has one, the fields stay."""
    assert page.session.data is not None
    data = page.session.data.selection
    first = st.session_state.get(_NEXT, 0)
    order = ((first + step) % len(data) for step in range(len(data)))
    number = next((one for one in order if not texts.is_blank(data[one].inputs[:1])), None)
    if number is None:
        page.session.troubles[:] = ["No example of the data has a text to take."]
        return
    st.session_state[_NEXT] = number + 1
    texts.fill(page, data[number].inputs)


def _ask(page: Page, text: Text, mask: Mask) -> tuple[tuple[AttentionMaps, np.ndarray] | None, Job | None]:
    """What all heads make of a text and the probabilities under the mask, or the job that finds out."""
    subject, shelf = page.session.subject, page.results.shelf
    assert subject is not None
    key = ("probabilities", subject.fingerprint, mask.code, text)
    known = shelf.views.get(key)
    if known is not None:
        return known, None

    def work(on_progress: Any, cancel: Any) -> None:
        from headviz.inspection import attention_of, probabilities

        engine.wait()
        shelf.views.put(key, (attention_of(subject, text, []), probabilities(subject, text, mask)))

    return None, page.results.ask(key, "Reading the text", work, kind="view probabilities", alone=True)

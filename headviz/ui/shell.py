"""What every page begins with: one call that sets the page up, follows the link, and draws navigation and status.

Pages lie in ``pages/`` and each may be the first that a fresh server runs, so nothing rests on another having run
before.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from headviz.ui import engine, opening, returning, visitor
from headviz.ui.errors import note, plain, sentence, shown
from headviz.ui.page import Page, current, follow_address, keep_address
from headviz.ui.waiting import describe

PAGES = (
    ("Home", "app.py", ":material/home:"),
    ("Scores", "pages/scores.py", ":material/grid_on:"),
    ("Complementarity", "pages/complementarity.py", ":material/hub:"),
    ("Mask", "pages/mask.py", ":material/content_cut:"),
    ("Recover", "pages/recover.py", ":material/healing:"),
    ("Export", "pages/export.py", ":material/save:"),
)
NAVIGATION = "navigation"  # the fragment of the links; redrawn when a setting changes in another fragment
# On a phone the sidebar lies over the page, and only Streamlit's own navigation closes it again.
_CLOSE_AFTER_LINK = """<script>
  if (!window._closesAfterLink) document.addEventListener('click', event => {
    if (!event.target.closest?.('[data-testid=stSidebar] [data-testid=stPageLink-NavLink]')) return;
    if (window.innerWidth <= 768) document.querySelector('[data-testid=stSidebarCollapseButton] button')?.click();
  });
  window._closesAfterLink = true;
</script>"""
_LOOKS = Path(__file__).with_name("page.css")
_ENGINE_DELAY = 0.8  # seconds that the first page gets before the imports compete with it


def shell(title: str, intro: str) -> Page:
    """Begin a page. Call it first; what it gives back is what the page works with."""
    st.set_page_config(
        page_title="headviz" if title == "Home" else f"{title} - headviz",
        page_icon=str(Path(__file__).with_name("icon.png")),  # an icon by name would be fetched from elsewhere
        layout="wide",
    )
    engine.start(_ENGINE_DELAY)
    page = current()
    _forget_another_page(page, title)
    with shown():
        follow_address(page)
        opening.collect(page)
    st.html(_LOOKS)
    with st.sidebar:
        visitor.take_secret_from_address()
        _navigation(page)
        _status(page)
        st.html(_CLOSE_AFTER_LINK, unsafe_allow_javascript=True)
        returning.keep_cookie()
    st.title("headviz" if title == "Home" else title)
    st.markdown(intro)
    for text in page.session.notes:
        note(text)
    for text in page.session.troubles:
        sentence(text)
    opening.show_progress(page)
    return page


def _forget_another_page(page: Page, title: str) -> None:
    """What was refused on another page is not repeated on this one."""
    if st.session_state.get("_page") != title:
        page.session.troubles.clear()
        st.session_state["_page"] = title


@st.fragment(key=NAVIGATION)
def _navigation(page: Page) -> None:
    """Write the address and draw the links that carry it."""
    with shown():
        keep_address(page)
    for label, path, icon in PAGES:
        st.page_link(path, label=label, icon=icon, query_params=page.session.written or None, width="stretch")
    _in_hand(page)


def _in_hand(page: Page) -> None:
    session = page.session
    st.divider()
    if session.subject is None:
        st.markdown("No model is open yet.")
    else:
        layers, heads = session.subject.shape
        even = len(set(session.subject.heads)) == 1
        shape = f"{layers} layers × {heads} heads" if even else f"{layers} layers, {session.heads} heads in all"
        st.markdown(f"**Model**  \n{plain(session.subject.name)}  \n{shape}")
    if session.data is not None:
        st.markdown(f"**Data**  \n{plain(session.data.calibration.name)}")
    elif session.subject is not None:
        st.markdown("**Data**  \nnone yet")
    if session.subject is not None and (mask := page.results.known_mask()) is not None:
        count = len(mask.by_hand)
        by_hand = f", {count} by hand" if count else ""
        st.markdown(f"**Mask**  \n{len(mask.pruned)} of {sum(mask.heads)} heads cut{by_hand}")


def _status(page: Page) -> None:
    if engine.failure():
        sentence(engine.failure() or "")
    elif not engine.ready():
        _engine_state(page)
    if page.active():
        _running(page)


@st.fragment(run_every=1.0)
def _engine_state(page: Page) -> None:
    if engine.ready():
        page.rerun()
    st.markdown(":material/hourglass_empty: Loading torch …")


@st.fragment(run_every=0.5)
def _running(page: Page) -> None:
    active = page.active()
    if not active:
        page.rerun()
    st.markdown("**Running**")
    for number, job in enumerate(active):
        st.progress(job.share, text=plain(describe(job)))
        st.button("Stop", key=f"sidebar stop {number}", on_click=job.cancel.set)

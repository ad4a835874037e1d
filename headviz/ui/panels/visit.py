"""This visit: where it is kept, what else is kept of this browser, and the session as a file to save and to open."""

from __future__ import annotations

import re
from datetime import datetime

import streamlit as st

from headviz.ui import numbers, returning, session_file, sources
from headviz.ui.errors import note, plain
from headviz.ui.page import Page
from headviz.ui.session_file import Kept, SessionError
from headviz.ui.state_folder import DAYS, MOST_BROWSERS, MOST_RUNS, MOST_STATES, MOST_UPLOAD_BYTES, STATE

_FILE = "session_file"


def visit(page: Page) -> None:
    """Save, open, go back."""
    st.markdown(_where(page))
    if page.keeping is not None and page.keeping.trouble:
        note(f"This visit cannot be kept. {page.keeping.trouble}")
    session = page.session
    if session.belongs is not None:
        st.download_button(
            "Save this session", lambda: session_file.content_of(session), file_name(session.belongs.name),
            "application/json", key="save_session", on_click="ignore", icon=":material/download:",
            help="Masks with their records, history, settings and names, and which model they are of; no data, no "
            "weights and no path of this machine.",
        )  # fmt: skip

    def read() -> None:
        file = st.session_state[_FILE]
        if file is None:
            return
        name = sources.display_name(file.name)
        try:
            take(page, session_file.read(file.getvalue(), name), name)
        except SessionError as error:
            page.session.own_run, page.session.troubles[:] = True, [str(error)]

    st.file_uploader(
        f"Open a session, a file whose name ends in {session_file.SUFFIX}", type=["json"], key=_FILE, on_change=read,
        max_upload_size=session_file.MAX_BYTES // 10**6,
        help="It takes the place of this visit, which stays among the earlier ones.",
    )  # fmt: skip
    _earlier(page)


def take(page: Page, kept: Kept, name: str) -> None:
    """Put a session's file in the place of this visit. What it says stands once its model is open."""
    before = page.session
    session = returning.begin_afresh(page.keeping, kept, before)
    page.session, page.results.session = session, session
    if before.data is not None:
        session.data, session.wanted_data = before.data, None
    if kept.model is None or (before.model is not None and session.belongs == before.belongs):
        if before.model is not None:
            session.open_model(before.model)
        session.notes.append(f"{name} is open.")
    else:
        session.notes.append(
            f"{name} is of the model {kept.model.name}, with the fingerprint {kept.model.fingerprint}. It is applied "
            "once that model is open."
        )


def file_name(model: str) -> str:
    """A name for the file that says of which model it is."""
    said = re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-.")[:60] or "headviz"
    return f"{said}{session_file.SUFFIX}"


def _where(page: Page) -> str:
    """Where what the visitor does is kept, for how long, and what of it."""
    folder = None if page.keeping is None else page.keeping.place.folder
    if folder is None:
        return (
            "What you do here is kept in the memory of this server for an hour: after a reload and in a new tab it is "
            "here again, after a restart of the server it is not. Save the session to keep it."
        )
    return (
        f"What you do here is kept on this machine, in {plain(str(folder))}: masks and their records, history, "
        "settings, texts typed, uploads and runs of recovery, and from where model and data were opened. After a "
        "reload, in a new tab and after a restart it is here again. Kept are the last "
        f"{MOST_STATES} visits of each of {MOST_BROWSERS} browsers for {DAYS} days, with {MOST_RUNS} runs and "
        f"{MOST_UPLOAD_BYTES // 10**6} MB of uploads; the environment variable {STATE} names another folder, or is off."
    )


def _earlier(page: Page) -> None:
    if page.keeping is None:
        return
    keeping, others = page.keeping, returning.earlier(page.keeping)
    if others:
        st.markdown("**Earlier visits of this browser**")
    for one in others:
        when = datetime.fromtimestamp(one.when).strftime("%d %B, %H:%M")
        masks, steps = numbers.many(one.named, "named mask"), numbers.many(one.steps, "step")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{when}: {plain(one.model)}, {masks}, {steps}")
            st.button(
                "Go back to it", key=f"go_back {one.slot}", on_click=returning.go_back_to, width="content",
                args=(keeping, one.slot, page.session),
            )  # fmt: skip
            st.button(
                "Delete", key=f"delete_visit {one.slot}", on_click=keeping.place.remove, args=(one.slot,),
                width="content",
            )  # fmt: skip

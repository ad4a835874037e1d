"""Runs of recovery from before: those of the model and data in hand join the others, the rest wait for theirs."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from headviz.errors import RunError
from headviz.ui import engine, opening
from headviz.ui.errors import plain
from headviz.ui.kept_runs import ENDED, Waiting, how_far
from headviz.ui.page import Page
from headviz.ui.recoveries import Recoveries


def look(page: Page) -> None:
    """Find what is kept of this browser."""
    kept = page.session.kept_runs
    if kept is not None and engine.ready() and not opening.is_under_way(page):
        kept.find(page.results)


def waiting(page: Page) -> None:
    """The runs whose model or data is not open, each with what opens them."""
    kept = page.session.kept_runs
    if kept is None or not kept.waiting:
        return
    st.header("Runs of other models and data", anchor=False)
    for number, one in enumerate(kept.waiting):
        with st.container(horizontal=True, vertical_alignment="center"):
            at = f", {one.at}" if one.at else ""
            st.markdown(f"{plain(one.method)} on {plain(one.model)}{at}")
            if one.places:
                st.button(
                    "Open its model and data", key=f"open_run {number}", on_click=_open, args=(page, one),
                    width="content",
                )  # fmt: skip
            st.button(
                "Delete it", key=f"delete_run {number}", on_click=_delete, args=(page, one.folder), width="content"
            )


def unfinished(page: Page) -> None:
    """That a recovery of the model in hand can go on, and where."""
    look(page)
    recoveries, subject = Recoveries(page.results), page.session.subject
    for run in list(recoveries.runs.values()):
        if subject is None or run.subject.fingerprint != subject.fingerprint:
            continue
        if run.place is not None and recoveries.stage(run) == "stopped" and (at := how_far(run.folder)) != ENDED:
            st.info(f"A recovery by {run.title} was {at}; it goes on from there on Recover.")
            st.page_link(
                "pages/recover.py", label="Go on with it", icon=":material/healing:",
                query_params=page.session.written or None,
            )  # fmt: skip
            return


def _delete(page: Page, folder: Path) -> None:
    kept = page.session.kept_runs
    assert kept is not None
    try:
        kept.delete(folder)
    except RunError as error:
        page.session.troubles[:] = [str(error)]


def _open(page: Page, one: Waiting) -> None:
    opening.open_again(page, one.places, one.model)

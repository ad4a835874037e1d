"""Waiting for background work: progress with counts and time left, and a button to stop it."""

from __future__ import annotations

import streamlit as st

from headviz.ui.errors import plain, sentence
from headviz.ui.jobs import Job
from headviz.ui.page import Page

_EVERY = 0.4  # seconds between looks at a running job


def wait_for(job: Job | None, page: Page, *, again: str = "Try again") -> None:
    """Show a job in its place on the page; the page runs again by itself once the job has ended."""
    if job is None:
        return
    if job.active:
        _watch(job, page)
    elif job.state == "done":
        page.rerun()  # it ended between the look at the shelf and here
    elif job.state == "failed":
        sentence(job.error or "It failed.")
        _again(job, page, again)
    elif job.state == "stopped":
        st.info(plain(f"{job.title}: stopped."))
        _again(job, page, "Start again")


def _again(job: Job, page: Page, label: str) -> None:
    st.button(label, key=f"again {hash(job.key)}", on_click=lambda: page.forget(job.key))


@st.fragment(run_every=_EVERY)
def _watch(job: Job, page: Page) -> None:
    if not job.active:
        page.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):  # columns would cut the button's name where narrow
        st.progress(job.share, text=plain(describe(job)))
        st.button("Stop", key=f"stop {hash(job.key)}", on_click=job.cancel.set, width="content")


def describe(job: Job) -> str:
    """A job in one line: what, how far, how long yet."""
    if job.cancel.is_set():
        return f"{job.title}: stopping"
    if job.state == "waiting":
        return f"{job.title}: waiting for other work to end"
    if not job.total:
        return f"{job.title} …"
    counts = f"{job.done:,} of {job.total:,}"
    told = any(len(word) > 4 and word in job.title.lower() for word in job.stage.lower().split())
    stage = f", {job.stage}" if job.stage and not told else ""
    return f"{job.title}: {counts}{stage}{_left(job.seconds_left)}"


def _left(seconds: float | None) -> str:
    if seconds is None or seconds < 1:
        return ""
    if seconds < 90:
        return f", {seconds:.0f} s left"
    return f", {seconds / 60:.0f} min left"

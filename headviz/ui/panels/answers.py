"""What a mask does: predicted at once from stored gradients, then measured, first on a few examples and then on all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from headviz.ui import numbers, steps
from headviz.ui.controls import help_of
from headviz.ui.errors import note, plain
from headviz.ui.jobs import Job
from headviz.ui.measured import Measured
from headviz.ui.page import Page
from headviz.ui.panels import quality
from headviz.ui.panels.figures import figure, places
from headviz.ui.waiting import describe, wait_for

if TYPE_CHECKING:
    from headviz.evaluation import Evaluation
    from headviz.mask import Mask
    from headviz.stats import Estimate

_PATIENCE = 0.2  # seconds that a page waits for the first examples before it shows what it has
_LOOK = 0.005
_EVERY = 0.25  # seconds between looks at a measurement under way


def answers(page: Page, mask: Mask) -> None:
    """Predicted and measured effect of ``mask``, and how far the measuring is."""
    measured = Measured(page.results)
    waiting = [measured.ask(), measured.ask(mask)]
    job = next((job for job in reversed(waiting) if job is not None and job.state != "done"), None)
    st.header("What this mask does", help=help_of("evaluation", "predicted_change"), anchor=False)
    st.markdown(f"On {quality.examples_in_words(measured)}. {quality.caveat(page)}")
    if job is not None:
        _wait_a_moment(job, measured, mask)
    now, before = measured.evaluation(mask), measured.evaluation()
    partial = now is None or before is None
    if partial:
        now, before = measured.first(mask), measured.first()
    last = _last(page, measured, partial)
    with st.container(horizontal=True, gap="large", key="quality_choices"):
        metric = quality.metric_choice(page, before)
        quality.size_choice(page)
    _loss(page, mask, now, before)
    _figures(metric, now, before, last)
    if job is not None and partial:
        _progress(page, job, measured, mask, now)
    if empty := [f"L{layer}" for layer, kept in enumerate(mask.keep.sum(axis=1)) if not kept]:
        note(f"No head is left in {', '.join(empty)}: what remains of such a layer is its feed-forward part.")


def _wait_a_moment(job: Job, measured: Measured, mask: Mask) -> None:
    """The first examples of a small model take less time than another run of the page."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and not job.ended.wait(_LOOK) and measured.first(mask) is None:
        pass


def _last(page: Page, measured: Measured, partial: bool) -> Evaluation | None:
    mask = steps.last_mask(page.session)
    if mask is None:
        return None
    return measured.first(mask) if partial else measured.evaluation(mask)


def _figures(metric: str, now: Evaluation | None, before: Evaluation | None, last: Evaluation | None) -> None:
    columns = places(6, "measured")
    if now is None or before is None:
        name = numbers.title_of(metric)
        titles = (f"{name} now", f"{name} before", "Change in accuracy", "Against the last mask", "Agreement")
        for column, title in zip(columns, titles, strict=False):
            figure(column, title, "…", "being measured", "accuracy")
        return
    quality.metric(columns[0], now, metric, when="now")
    quality.metric(columns[1], before, metric, when="before")
    quality.changes([columns[2], columns[4]], now, before)
    if last is not None:
        _against_last(columns[3], now.against(last))
    quality.constant(columns[5], before)


def _against_last(place: object, change: Estimate) -> None:
    told = numbers.points_interval(change)
    noise = change.low <= 0 <= change.high and change.value != 0
    figure(
        place,
        "Against the last mask",
        numbers.points(change),
        "could be noise" if noise else told,
        explained=f"{help_of('paired_difference')}\n\nHere against the mask before this one: {told}, 95 %.",
    )


def _loss(page: Page, mask: Mask, now: Evaluation | None, before: Evaluation | None) -> None:
    """The change of the mean loss, predicted by first and second order, and measured."""
    from headviz.prediction import predicted_change

    base = page.results.base()
    columns = places(3, "loss")
    if base is not None:
        examples = f"from {len(base.scores):,} scored examples"
        for column, order, title, term in (
            (columns[0], 1, "Predicted change of the loss", "predicted_change"),
            (columns[1], 2, "Predicted with curvature", "curvature"),
        ):
            change = predicted_change(base.scores, mask, order=order)
            figure(column, title, loss_change(change.value), f"{loss_interval(change)}, {examples}", term)
    if now is None or before is None:
        figure(columns[2], "Measured change of the loss", "…", "being measured", "loss")
        return
    change = now.loss_against(before)
    told = f"{loss_interval(change)}, n = {len(now):,}"
    figure(columns[2], "Measured change of the loss", loss_change(change.value), told, "loss", "paired_difference")


def loss_change(value: float) -> str:
    return f"{numbers.signed(value, 4)} nats"


def loss_interval(change: Estimate) -> str:
    return f"{numbers.signed(change.low, 3)} to {numbers.signed(change.high, 3)}"


def _progress(page: Page, job: Job, measured: Measured, mask: Mask, now: Evaluation | None) -> None:
    if now is not None and job.active:
        st.markdown(f"Measured on the first {len(now):,} of {len(measured.data()):,} examples; the rest follows.")
    if job.active:
        _watch(job, page, measured, mask, now is not None)
    else:
        wait_for(job, page)


@st.fragment(run_every=_EVERY)
def _watch(job: Job, page: Page, measured: Measured, mask: Mask, has_first: bool) -> None:
    if not job.active or (not has_first and measured.first(mask) is not None):
        page.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(job.share, text=plain(describe(job)))
        st.button("Stop", key="stop_measuring", on_click=job.cancel.set, width="content")

"""What a mask does: measured, first on a few examples and then on all; below it what was predicted at once from stored
gradients, and how far predictions were off on the last edits."""

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
_FEWEST = 4  # measured edits, before "usually" can be said of them
_LOSS = "Measured change of the loss"
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
    _figures(metric, now, before, last)
    _predicted(page, mask)
    if job is not None and partial:
        _progress(page, job, measured, mask, now)
    if now is not None and before is not None:
        for text in now.notes_beside(before):
            note(text)
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
    """Every measured figure, the chosen metric and the loss first."""
    name = numbers.title_of(metric)
    if now is None or before is None:
        titles = (f"{name} now", f"{name} before", f"Change in {numbers.named(metric)}", _LOSS, "Agreement")
        for column, title in zip(places(len(titles), "measured"), titles, strict=True):
            figure(column, title, "…", "being measured", "evaluation")
        return
    columns = iter(places(6 + (last is not None), "measured"))
    quality.metric(next(columns), now, metric, when="now")
    quality.metric(next(columns), before, metric, when="before")
    quality.change(next(columns), now, before, metric)
    _loss(next(columns), now, before)
    if last is not None:
        _against_last(next(columns), now.against(last, metric), metric)
    quality.agreement(next(columns), now, before)
    quality.constant(next(columns), before, metric)


def _against_last(place: object, change: Estimate, metric: str) -> None:
    told = numbers.change_interval(change, metric)
    noise = change.low <= 0 <= change.high and change.value != 0
    figure(
        place,
        "Against the last mask",
        numbers.change(change, metric),
        "could be noise" if noise else told,
        explained=f"{help_of('paired_difference')}\n\nHere against the mask before this one: {told}, 95 %.",
    )


def _loss(place: object, now: Evaluation, before: Evaluation) -> None:
    change = now.loss_against(before)
    told = f"{loss_interval(change)}, n = {len(now):,}"
    figure(place, _LOSS, loss_change(change.value), told, "loss", "paired_difference")


def _predicted(page: Page, mask: Mask) -> None:
    """The predicted change of the loss in one small line, with how far predictions were off on the last edits."""
    from headviz.prediction import predicted_change

    base = page.results.base()
    if base is None:
        return
    change = predicted_change(base.scores, mask)
    st.caption(
        f"Predicted change of the loss: {loss_change(change.value)}, from {len(base.scores):,} scored examples. "
        + how_far_off(steps.record(page)),
        help=help_of("predicted_change"),
    )


def how_far_off(record: steps.Record) -> str:
    """How far predictions were off on the last edits, as far as there are enough of them to say."""
    if record.edits < _FEWEST:
        return "How far predictions are off shows here after a few measured edits."
    return f"Usually within {record.within:.4f} nats on your last {record.edits} edits ({record.held} of them)."


def loss_change(value: float) -> str:
    return f"{numbers.signed(value, 4)} nats"


def loss_interval(change: Estimate) -> str:
    return numbers.nats_interval(change)


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

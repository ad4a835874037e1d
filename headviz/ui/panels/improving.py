"""Improve the mask: swaps of a kept and a cut head, measured on the examples to choose on, within a budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from headviz.ui import numbers
from headviz.ui.controls import emphasis, help_of
from headviz.ui.errors import plain
from headviz.ui.improved import BUDGETS, Best, Improved
from headviz.ui.measured import Measured
from headviz.ui.page import Page
from headviz.ui.panels.figures import figure, places
from headviz.ui.panels.quality import examples_in_words, metric_of
from headviz.ui.taken import Taken
from headviz.ui.waiting import wait_for

if TYPE_CHECKING:
    from headviz.evaluation import Evaluation
    from headviz.mask import Mask

_MEASURES = {"loss": "lower loss", "accuracy": "higher accuracy"}


def improving(page: Page, mask: Mask) -> None:
    """Settings, the run, and what it found."""
    st.subheader("Improve by swaps", help=help_of("selection_split", "predicted_change"), anchor=False)
    st.markdown(
        "Cuts one kept head and restores one cut head, in the order of the predicted change of the loss, and keeps "
        f"what is measured better on {examples_in_words(Measured(page.results))}. The number of heads stays; locked "
        "heads and the least number per layer are respected. The result is never worse on these examples; the final "
        "figure tells whether it is better elsewhere."
    )
    here = Improved(page.results, mask, *_settings())
    run = replace(here, mask=page.session.improving or mask)
    if run.job() is None:
        run = here
    job = run.job()
    if job is None:
        _start(page, run)
        return
    if job.state != "done":
        wait_for(job, page, again="Start again")
    if (best := run.best()) is not None and not job.active:
        _found(page, run, best)
    elif job.state == "done":
        st.markdown(f"No swap made this mask better. {plain(run.done().ended)}")  # type: ignore[union-attr]
    if not job.active and mask.code != run.mask.code:
        st.button(
            "Improve the current mask", key="improve_anew", icon=":material/restart_alt:", on_click=_begin,
            args=(page, here),
        )  # fmt: skip


def _settings() -> tuple[str, int]:
    with st.container(horizontal=True, gap="large", key="improve_settings"):
        measure = st.segmented_control(
            "Better means", list(_MEASURES), key="improve_measure", default="loss", required=True,
            format_func=lambda name: _MEASURES[name],
            persist_state="session", help="The loss moves with every example, accuracy only where one flips.",
        )  # fmt: skip
        budget = st.segmented_control(
            "Evaluations at most", BUDGETS, key="improve_budget", default=BUDGETS[1], required=True,
            persist_state="session", help="It can be stopped at any time; the best mask so far stays.",
        )  # fmt: skip
    return measure or "loss", budget or BUDGETS[1]


def _start(page: Page, run: Improved) -> None:
    if not run.mask.pruned or not run.mask.kept:
        st.markdown("There is nothing to swap: cut some heads first, and leave some.")
        return
    st.button(
        "Start improving", key="improve", type=emphasis(), icon=":material/trending_up:", on_click=_begin,
        args=(page, run),
    )  # fmt: skip
    seconds = [job.seconds for job in (Measured(page.results).job(), Measured(page.results).job(run.mask)) if job]
    if known := [one for one in seconds if one]:
        st.markdown(
            f"About {max(1, round(run.budget * min(known))):,} s at most; each evaluation runs in the background."
        )


def _begin(page: Page, run: Improved) -> None:
    page.session.improving = run.mask
    run.results.jobs.forget(run.key)
    run.ask()


def _found(page: Page, run: Improved, best: Best) -> None:
    measured, done = Measured(page.results), run.done()
    swaps = f"{best.swaps} {'swap' if best.swaps == 1 else 'swaps'}"
    if done is not None:
        st.markdown(f"{swaps} kept after {done.evaluations:,} evaluations. {plain(done.ended)}")
    else:
        st.markdown(f"Stopped; {swaps} had been kept by then.")
    before, after = measured.evaluation(run.mask), measured.evaluation(best.mask)
    if before is not None and after is None:
        wait_for(measured.ask(best.mask), page)
    elif before is not None and after is not None:
        _figures(before, after, metric_of(page, before))
    changed = run.mask.differing(best.mask)
    st.markdown(f"Heads that were swapped: {page.session.told(', '.join(changed))}.")
    st.button(
        "Use the improved mask", key="use_improved", type=emphasis(), icon=":material/check:",
        on_click=_use, args=(page, best.mask),
    )  # fmt: skip


def _use(page: Page, mask: Mask) -> None:
    page.results.take(Taken("search", mask))


def _figures(before: Evaluation, after: Evaluation, metric: str) -> None:
    columns = places(3, "improved")
    loss, change = after.loss_against(before), after.against(before, metric)
    figure(
        columns[0],
        "Change of the loss",
        f"{numbers.signed(loss.value, 3)} nats",
        numbers.nats_interval(loss),
        "paired_difference",
    )
    figure(
        columns[1], f"Change in {numbers.named(metric)}", numbers.change(change, metric),
        numbers.change_interval(change, metric), "paired_difference",
    )  # fmt: skip
    figure(columns[2], "Examples", f"{len(after):,}", "the swaps were chosen on them", "selection_split")

"""Quality, always with intervals and the number of examples: of the whole model, and the final figure of a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from headviz.ui import numbers
from headviz.ui.controls import answer, help_of, show
from headviz.ui.errors import note, plain
from headviz.ui.measured import LARGE_DRAW, Measured
from headviz.ui.page import Page
from headviz.ui.panels.figures import figure, places
from headviz.ui.waiting import wait_for

_ALL = 0  # "all" among sizes; None would be no choice at all

if TYPE_CHECKING:
    from headviz.evaluation import Evaluation
    from headviz.mask import Mask


def whole_model(page: Page) -> None:
    """Quality of the model as it is; measured in the background when it is not known yet."""
    measured = Measured(page.results, "report")
    st.header("Quality", help=help_of("evaluation", "confidence_interval"), anchor=False)
    st.markdown(
        f"The whole model on {examples_in_words(measured)}, which final figures come from. "
        "Below each figure stands its 95 % interval."
    )
    known = measured.evaluation()
    if known is None:
        wait_for(measured.ask(), page)
        return
    columns = places(len(known.metrics) + 1, "whole_model")
    for column, name in zip(columns, known.metrics, strict=False):
        metric(column, known, name)
    constant(columns[-1], known, metric_of(page, known))
    for text in known.notes:
        note(text)


def final(page: Page, mask: Mask) -> None:
    """The figure to quote: on the report split, which nothing was chosen on; measured on a click."""
    measured, session = Measured(page.results, "report", final=True), page.session
    st.header("Final figure", help=help_of("report_split", "selection_split"), anchor=False)
    now, before = measured.evaluation(mask), measured.evaluation()
    if now is not None and before is not None:
        if mask.code not in session.reported:
            session.reported.append(mask.code)
        _final_figures(measured, now, before, metric_of(page, before))
        _looks(page)
        return
    jobs = [measured.job(), measured.job(mask)]
    if under_way := [job for job in jobs if job is not None and job.state != "done"]:
        wait_for(under_way[0], page)
        return
    st.markdown(
        f"It is measured on {examples_in_words(measured)}, which are left alone while a mask is chosen, so that the "
        "figure is fair: look once the mask is done."
    )

    def measure() -> None:
        measured.ask()
        measured.ask(mask)

    st.button("Measure the final figure", key="measure_final", icon=":material/flag:", on_click=measure)
    _looks(page)


def _final_figures(measured: Measured, now: Evaluation, before: Evaluation, chosen: str) -> None:
    st.markdown(f"On {examples_in_words(measured)}. Below each figure stands its 95 % interval.")
    for text in now.notes_beside(before):
        note(text)
    others = [name for name in now.metrics if name != chosen]
    columns = places(len(others) + 5, "final")
    metric(columns[0], now, chosen, title=f"Final {numbers.named(chosen)}")
    metric(columns[1], before, chosen, when="of the whole model")
    change(columns[2], now, before, chosen, title="Final change in")
    agreement(columns[3], now, before, title="Final agreement")
    constant(columns[4], before, chosen)
    for column, name in zip(columns[5:], others, strict=True):
        metric(column, now, name, title=f"Final {numbers.named(name)}")


def _looks(page: Page) -> None:
    looks = len(page.session.reported)
    if looks > 1:
        st.markdown(
            f"{looks} masks were measured on these examples in this visit. The best of several looks better than it "
            "is, the more so the more there are."
        )


# -- pieces ------------------------------------------------------------------------------------------------------------


def metric(place: object, known: Evaluation, name: str, *, title: str = "", when: str = "") -> None:
    """A metric's value with its interval; ``title`` stands for its name, ``when`` ("now", "before") goes behind it."""
    estimate = known.metrics[name]
    called = f"{title or numbers.title_of(name)} {when}".strip()
    figure(place, called, numbers.quantity(estimate.value, name), numbers.interval(estimate, name), name)


def change(place: object, now: Evaluation, before: Evaluation, name: str, *, title: str = "Change in") -> None:
    """The paired difference in a metric."""
    moved, called = now.against(before, name), f"{title} {numbers.named(name)}"
    figure(place, called, numbers.change(moved, name), numbers.change_interval(moved, name), "paired_difference")


def agreement(place: object, now: Evaluation, before: Evaluation, *, title: str = "Agreement") -> None:
    """How often two evaluations predict the same."""
    same = now.agreement(before)
    figure(place, title, numbers.share(same.value), numbers.interval(same, "agreement"), "agreement")


def constant(place: object, known: Evaluation, name: str) -> None:
    """What always answering the commonest label gets in a metric."""
    value = numbers.quantity(known.constant_in(name), name)
    figure(place, "Constant classifier", value, numbers.named(name), "constant_classifier")


def metric_of(page: Page, known: Evaluation) -> str:
    """The metric that the visitor chose, or the main one where what is ``known`` has no such."""
    chosen = page.session.metric
    return chosen if chosen in known.metrics else known.main


def metric_choice(page: Page, before: Evaluation | None) -> str:
    """The metric that every figure, difference and line on the page is of."""
    session, key = page.session, "_w_metric"
    names = list(before.metrics) if before is not None else [session.metric or "accuracy"]
    show(key, session.metric if session.metric in names else names[0])

    def chosen(name: str) -> None:
        session.metric, session.own_run = name, True

    chosen_name = st.segmented_control(
        "Metric", names, key=key, format_func=numbers.title_of, required=True, on_change=answer(key, chosen),
        help=help_of(*[name for name in ("accuracy", "macro_f1", "matthews") if name in names]),
    )  # fmt: skip
    return chosen_name or names[0]


def size_choice(page: Page) -> None:
    """How many examples to measure on, where there are many."""
    session, measured, key = page.session, Measured(page.results), "_w_measure_on"
    total = len(measured.whole_data)
    sizes = [size for size in (500, LARGE_DRAW) if size < total]
    if not sizes:
        return
    show(key, measured.size() or _ALL)

    def chosen(size: int) -> None:
        session.measure_on, session.own_run = size or None, True

    st.segmented_control(
        f"Examples to measure on, of {total:,}",
        [*sizes, _ALL],
        key=key,
        format_func=lambda size: f"{size:,}" if size else "all",
        required=True,
        on_change=answer(key, chosen),
        help=help_of("confidence_interval") + "\n\nFewer are quicker and have wider intervals.",
    )


def chart(before: Evaluation, now: Evaluation | None, name: str) -> None:
    """A metric of the whole model and of the mask, with intervals, beside the constant classifier."""
    from headviz.ui import charts
    from headviz.ui.draw import draw

    rows = [("whole model", before.metrics[name])] + ([("this mask", now.metrics[name])] if now is not None else [])
    table = pd.DataFrame(
        [(what, estimate.value, estimate.low, estimate.high) for what, estimate in rows],
        columns=["what", "value", "low", "high"],
    )
    drawing = charts.quality(
        table,
        title=numbers.title_of(name),
        constant=before.constant_in(name),
        percent=name in numbers.SHARES,
    )
    draw(drawing, key="quality", alt="Quality of the whole model and of this mask with 95 % intervals")


def examples_in_words(measured: Measured) -> str:
    """ "1,105 examples of test.tsv", "500 of the 2,000 examples of test.tsv, drawn with seed 0", as Markdown."""
    data, used = measured.whole_data, len(measured.data())
    of, drawn = (f" of the {len(data):,}", ", drawn with seed 0") if used < len(data) else ("", "")
    split = f" (split {plain(data.split)})" if data.split else ""
    return f"{used:,}{of} examples of {plain(data.name)}{split}{drawn}"


def caveat(page: Page) -> str:
    """What a figure of the examples to choose on is worth, as a sentence."""
    data = page.session.data
    assert data is not None
    if data.selection is data.calibration:
        return "Scores come from these examples, too, so a mask looks better here than it is: quote the final figure."
    return "A mask that is chosen by its figures on these examples looks better than it is: quote the final figure."

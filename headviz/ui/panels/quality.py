"""Quality: of the whole model, and of a mask beside it, always with intervals and the number of examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from headviz.ui import numbers
from headviz.ui.controls import answer, help_of, show
from headviz.ui.errors import plain
from headviz.ui.page import Page
from headviz.ui.panels.figures import figure, places
from headviz.ui.results import LARGE_DRAW
from headviz.ui.waiting import wait_for

_ALL = 0  # "all" among sizes; None would be no choice at all

if TYPE_CHECKING:
    from headviz.evaluation import Evaluation
    from headviz.mask import Mask


def whole_model(page: Page) -> None:
    """Quality of the model as it is; measured in the background when it is not known yet."""
    results, data = page.results, page.session.data
    assert data is not None
    st.header("Quality", help=help_of("evaluation", "confidence_interval"), anchor=False)
    st.markdown(f"The whole model on {examples_in_words(page)}. Below each figure stands its 95 % interval.")
    known = results.evaluation()
    if known is None:
        wait_for(results.ask_evaluation(), page)
        return
    columns = places(len(known.metrics) + 1, "whole_model")
    for column, (name, estimate) in zip(columns, known.metrics.items(), strict=False):
        figure(
            column,
            numbers.title_of(name),
            numbers.quantity(estimate.value, name),
            numbers.interval(estimate, name),
            name,
        )
    figure(columns[-1], "Constant classifier", numbers.share(known.constant), "accuracy", "constant_classifier")


def masked_model(page: Page, mask: Mask) -> None:
    """Quality under ``mask``: now, before, the difference, agreement, and the constant classifier."""
    results, data = page.results, page.session.data
    assert data is not None
    before, now = results.evaluation(), results.evaluation(mask)
    waiting_before = results.ask_evaluation()
    waiting_now = results.ask_evaluation(mask)
    st.header("Quality with this mask", help=help_of("evaluation", "confidence_interval"), anchor=False)
    st.markdown(
        f"Measured on {examples_in_words(page)}, none of which was scored on. "
        "Below each figure stands its 95 % interval."
    )
    with st.container(horizontal=True, gap="large", key="quality_choices"):
        metric = _metric_choice(page, before)
        _size_choice(page)
    _metrics(before, now, metric)
    if before is None:
        wait_for(waiting_before, page)
    if now is None and mask.pruned:
        wait_for(waiting_now, page)
    if before is not None:
        _chart(before, now, metric)


def _metric_choice(page: Page, before: Evaluation | None) -> str:
    session, key = page.session, "_w_metric"
    names = list(before.metrics) if before is not None else ["accuracy"]
    show(key, session.metric if session.metric in names else names[0])

    def chosen(name: str) -> None:
        session.metric, session.own_run = name, True

    chosen_name = st.segmented_control(
        "Metric", names, key=key, format_func=numbers.title_of, required=True, on_change=answer(key, chosen),
        help=help_of(*[name for name in ("accuracy", "macro_f1", "matthews") if name in names]),
    )  # fmt: skip
    return chosen_name or names[0]


def _size_choice(page: Page) -> None:
    """How many examples to measure on, where there are many."""
    session, results, key = page.session, page.results, "_w_measure_on"
    assert session.data is not None
    total = len(session.data.report)
    sizes = [size for size in (500, LARGE_DRAW) if size < total]
    if not sizes:
        return
    show(key, results.report_size() or _ALL)

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


def _metrics(before: Evaluation | None, now: Evaluation | None, metric: str) -> None:
    columns = places(5, "masked_model")

    def show(place: int, title: str, value: str | None, below: str, *help_keys: str) -> None:
        figure(columns[place], title, value or "…", below if value else "being measured", *help_keys)

    name = numbers.title_of(metric)
    for place, title, known in ((0, f"{name} now", now), (1, f"{name} before", before)):
        estimate = known.metrics[metric] if known is not None else None
        value = None if estimate is None else numbers.quantity(estimate.value, metric)
        show(place, title, value, "" if estimate is None else numbers.interval(estimate, metric), metric)
    if now is not None and before is not None:
        change, agreement = now.against(before), now.agreement(before)
        show(2, "Change in accuracy", numbers.points(change), numbers.points_interval(change), "paired_difference")
        show(3, "Agreement", numbers.share(agreement.value), numbers.interval(agreement, "agreement"), "agreement")
    else:
        show(2, "Change in accuracy", None, "", "paired_difference")
        show(3, "Agreement", None, "", "agreement")
    constant = None if before is None else numbers.share(before.constant)
    below = "" if before is None else f"agreement {numbers.share(_constant_agreement(before))}"
    show(4, "Constant classifier", constant, below, "constant_classifier", "agreement")


def _constant_agreement(before: Evaluation) -> float:
    """How often always answering the model's own commonest prediction agrees with the model."""
    counts = pd.Series(before.predictions).value_counts()
    return float(counts.max() / len(before))


def _chart(before: Evaluation, now: Evaluation | None, metric: str) -> None:
    from headviz.ui import charts
    from headviz.ui.draw import draw

    rows = [("whole model", before.metrics[metric])] + ([("this mask", now.metrics[metric])] if now is not None else [])
    table = pd.DataFrame(
        [(what, estimate.value, estimate.low, estimate.high) for what, estimate in rows],
        columns=["what", "value", "low", "high"],
    )
    constant = before.constant if metric == "accuracy" else None
    drawing = charts.quality(table, title=numbers.title_of(metric), constant=constant, percent=metric in numbers.SHARES)
    draw(drawing, key="quality", alt="Quality of the whole model and of this mask with 95 % intervals")


def examples_in_words(page: Page) -> str:
    """ "1,105 examples of test.tsv", "500 of the 2,000 examples of test.tsv, drawn with seed 0", as Markdown."""
    assert page.session.data is not None
    data, used = page.session.data.report, len(page.results.report_data())
    of, drawn = (f" of the {len(data):,}", ", drawn with seed 0") if used < len(data) else ("", "")
    split = f" (split {plain(data.split)})" if data.split else ""
    return f"{used:,}{of} examples of {plain(data.name)}{split}{drawn}"

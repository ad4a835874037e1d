"""One head: its numbers and places, and what it looks at on one text, with the prediction and each token's part in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from headviz.mask import parse_head
from headviz.ui import charts, numbers
from headviz.ui.controls import head_choice, help_of
from headviz.ui.draw import draw
from headviz.ui.errors import plain, shown
from headviz.ui.page import Page
from headviz.ui.panels.quality import figure
from headviz.ui.results import Base
from headviz.ui.waiting import wait_for

_PATIENCE = 1.5  # seconds that a view may take before the page shows its progress instead
_LONGEST_TEXT = 5000


def head(page: Page, base: Base) -> None:
    st.subheader("One head", help=help_of("head", "attention_map"), anchor=False)
    left, right = st.columns([1, 3], gap="large")
    with left:
        head_choice(page)
    if page.session.picked is None:
        with right:
            st.markdown("Click a head in a chart, or pick one by name, to see its numbers and what it looks at.")
        return
    with right:
        _numbers(page, base, page.session.picked)
    _on_a_text(page, page.session.picked)


def _numbers(page: Page, base: Base, name: str) -> None:
    layer, index = parse_head(name)
    scores, mask = page.results.head_scores("hies"), page.results.mask()
    total = page.session.heads
    columns = st.columns(4)
    rows = (("HIS", "his", base.his, "his"), ("AE", "attention_entropy", base.ae, "ae"))
    for column, (title, term, values, which) in zip(columns, rows, strict=False):
        ends = page.results.score_interval(which)
        around = (
            f"{numbers.small(float(ends[0][layer, index]))} to {numbers.small(float(ends[1][layer, index]))}"
            if ends
            else ""
        )
        figure(column, title, numbers.small(float(values[layer, index])), around, term)
        column.markdown(_lower(values, layer, index, total))
    if scores is not None:
        figure(
            columns[2],
            "HIES",
            numbers.small(float(scores.values[layer, index])),
            f"alpha {page.session.choice.alpha:.3g}",
            "hies",
        )
        columns[2].markdown(_lower(scores.values, layer, index, total))
    if mask is not None:
        by_hand = "by hand" if name in page.session.choice.edits else ""
        figure(columns[3], "In the mask", "kept" if mask.keep[layer, index] else "cut", by_hand, "mask")


def _lower(values: np.ndarray, layer: int, index: int, total: int) -> str:
    return f"{int((values[~np.isnan(values)] < values[layer, index]).sum())} of {total} heads are lower"


@st.fragment
def _on_a_text(page: Page, name: str) -> None:
    with shown():
        text, label = _text(page)
        if text is None:
            return
        _views(page, name, text, label)


def _text(page: Page) -> tuple[Any, str | None]:
    """The text looked at and its true label: an example from the data, or what the visitor types."""
    session = page.session
    assert session.data is not None
    source = st.segmented_control(
        "Text", ["from the data", "typed"], key="text_source", default="from the data", required=True,
        persist_state="session", help="Examples come from the data that quality is measured on.",
    )  # fmt: skip
    data = session.data.report
    if source == "typed":
        pair = len(data[0].inputs) > 1
        first = st.text_area("Your text", key="typed", max_chars=_LONGEST_TEXT, height=80, persist_state="session",
                             placeholder="Type a sentence, then press Ctrl and Enter")  # fmt: skip
        second = (
            st.text_area("Its second part", key="typed_2", max_chars=_LONGEST_TEXT, height=80, persist_state="session")
            if pair
            else None
        )
        if not (first or "").strip():
            return None, None
        return ((first, second or "") if pair else first), None
    number = st.number_input(
        f"Example, 1 to {len(data):,}", 1, len(data), key="example", step=1, persist_state="session",
        help="In the order of the data.",
    )  # fmt: skip
    example = data[int(number) - 1]
    for part in example.inputs:
        st.text(part if len(part) < 2000 else f"{part[:2000]} …")
    label = page.results.label_of(example)
    return (example.inputs[0] if len(example.inputs) == 1 else example.inputs), label


def _views(page: Page, name: str, text: Any, label: str | None) -> None:
    maps, waiting_maps = page.results.attention(text, name)
    tokens, waiting_tokens = page.results.attribution(text)
    for job in (waiting_maps, waiting_tokens):
        if job is not None:
            job.ended.wait(_PATIENCE)
    maps, waiting_maps = page.results.attention(text, name)
    tokens, waiting_tokens = page.results.attribution(text)
    if maps is None:
        wait_for(waiting_maps, page.jobs)
        return
    _prediction(maps, label)
    first, last = _window(len(maps.tokens))
    shown_tokens = maps.tokens[first:last]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        weights = maps.maps[parse_head(name)][first:last, first:last]
        drawing = charts.attention_map(shown_tokens, weights, title=f"Attention of {name}")
        draw(drawing, key="attention", alt=f"Attention map of {name}", width="content")
    with right:
        if tokens is None:
            wait_for(waiting_tokens, page.jobs)
        else:
            drawing = charts.attribution(shown_tokens, tokens.values[first:last], label=tokens.target)
            draw(drawing, key="attribution", alt="What each token says for or against the predicted label")
            st.markdown(
                f"Integrated gradients (Captum) of the logit; the bars add up to its change from an empty text, "
                f"but for {numbers.small(abs(tokens.gap))}."
            )


def _prediction(maps: Any, label: str | None) -> None:
    predicted = f"Predicted **{plain(maps.predicted)}** ({numbers.share(float(maps.probabilities.max()))})"
    if label is None:
        true = ""
    else:
        true = f", true label **{plain(label)}**: " + ("right" if label == maps.predicted else "wrong")
    cut = (
        f" The text is longer than the model takes; its last {maps.truncated} tokens were cut."
        if maps.truncated
        else ""
    )
    st.markdown(predicted + true + "." + cut)


def _window(size: int) -> tuple[int, int]:
    """Which tokens to draw: all of a short text, a movable stretch of a long one."""
    if size <= charts.MOST_TOKENS:
        return 0, size
    first = st.slider(
        f"First token shown (of {size}; {charts.MOST_TOKENS} at a time)",
        0,
        size - charts.MOST_TOKENS,
        key="first_token",
    )
    return first, first + charts.MOST_TOKENS

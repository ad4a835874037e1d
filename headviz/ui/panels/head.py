"""One head: its numbers and places, and what it looks at on one text, with the prediction and each token's part in
it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from headviz.mask import parse_head
from headviz.ui import charts, numbers
from headviz.ui.calibration import Base
from headviz.ui.controls import answer, head_choice, help_of, show, show_changed
from headviz.ui.draw import draw
from headviz.ui.errors import plain, shown
from headviz.ui.page import Page
from headviz.ui.panels import texts
from headviz.ui.panels.figures import figure, places
from headviz.ui.waiting import wait_for

if TYPE_CHECKING:
    from headviz.inspection import AttentionMaps

NUMBERS = "head_numbers_part"  # the fragment of the numbers, there only while a head is picked
_BESIDE = 20  # tokens
_SOURCES = ("from the data", "typed")


def head(page: Page, base: Base) -> None:
    st.header("One head", help=help_of("head", "attention_map"), anchor=False)
    head_choice(page)
    if page.session.picked is None:
        st.markdown("Click a head in a chart, or pick one by name, to see its numbers and what it looks at.")
        return
    _numbers(page, base, page.session.picked)
    _on_a_text(page, page.session.picked)


@st.fragment(key=NUMBERS)
def _numbers(page: Page, base: Base, name: str) -> None:
    """The head's numbers; drawn again when alpha moves."""
    layer, index = parse_head(name)
    scores, mask = page.results.head_scores("hies"), page.results.mask()
    total = page.session.heads
    columns = places(4, "head_numbers")
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
        by_hand = "by hand" if name in mask.by_hand else ""
        figure(columns[3], "In the mask", "kept" if mask.keep[layer, index] else "cut", by_hand, "mask")


def _lower(values: np.ndarray, layer: int, index: int, total: int) -> str:
    return f"{int((values[~np.isnan(values)] < values[layer, index]).sum())} of {total} heads are lower"


@st.fragment
def _on_a_text(page: Page, name: str) -> None:
    with shown():
        with st.container(horizontal=True, gap="medium", key="text_choice"):
            typed = _source(page) == "typed"
            number = None if typed else _example_number(page)
        text, label = (texts.typed(page), None) if typed else _example(page, number or 1)
        maps, job = page.results.soon(page.results.attention, text, name) if text else (None, None)
        if maps is not None:
            _prediction(maps, label)
            _views(page, name, maps, text)
        elif text:
            wait_for(job, page)


def _source(page: Page) -> str | None:
    key, session = "text_source", page.session
    show(key, session.text_source if session.text_source in _SOURCES else _SOURCES[0])

    def chosen(source: str) -> None:
        session.text_source = source

    return st.segmented_control(
        "Text", _SOURCES, key=key, required=True, on_change=answer(key, chosen),
        help="Examples come from the data that masks are chosen on; those for final figures are not shown.",
    )  # fmt: skip


def _example_number(page: Page) -> int:
    assert page.session.data is not None
    session, total, data = page.session, len(page.session.data.selection), page.session.data.selection.fingerprint
    key = f"example {data}"  # another data set has other numbers
    at, number = session.example or (data, 1)
    show_changed(key, number if at == data and number <= total else 1)

    def chosen(picked: int) -> None:
        session.example = (data, picked)

    st.number_input(f"Example, 1 to {total:,}", 1, total, key=key, step=1, width=220, on_change=answer(key, chosen))
    return int(st.session_state[key] or 1)


def _example(page: Page, number: int) -> tuple[Any, str | None]:
    """An example of the data as text (or a pair), None where it is blank, and its true label."""
    assert page.session.data is not None
    example = page.session.data.selection[number - 1]
    texts.told(example.inputs)
    text = None if texts.is_blank(example.inputs) else texts.one_or_pair(example.inputs)
    return text, page.results.label_of(example)


def _views(page: Page, name: str, maps: AttentionMaps, text: Any) -> None:
    first, last = texts.stretch(len(maps.tokens), "first_token")
    tokens = maps.tokens[first:last]
    beside = last - first <= _BESIDE  # a longer text needs the whole width, and its bars go below
    left, right = st.columns([3, 2], gap="medium") if beside else (st.container(), st.container())
    with left:
        weights = maps.maps[parse_head(name)][first:last, first:last]
        drawing = charts.attention_map(tokens, weights, title=f"Attention of {page.session.told(name)}")
        draw(drawing, key="attention", alt=f"Attention map of {name}")
    with right:
        parts, job = page.results.soon(page.results.attribution, text)
        if parts is None:
            wait_for(job, page)
            return
        drawing = charts.attribution(tokens, parts.values[first:last], label=parts.target)
        draw(drawing, key="attribution", alt="What each token says for or against the predicted label")
        st.markdown(
            "Integrated gradients (Captum) of the logit: the bars add up to its change from an empty text "
            f"(within {numbers.small(abs(parts.gap))})."
        )


def _prediction(maps: Any, label: str | None) -> None:
    predicted = f"Predicted **{plain(maps.predicted)}** ({numbers.share(float(maps.probabilities.max()))})"
    if label is None:
        true = ""
    else:
        true = f", true label **{plain(label)}**: " + ("right" if label == maps.predicted else "wrong")
    st.markdown(f"{predicted}{true}. {texts.cut_in_words(maps.truncated)}".rstrip())

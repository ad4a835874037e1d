"""What flipped: the examples whose prediction a mask changes, one of them looked at closely, and what that does to the
classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from headviz.evaluation import FLIPS
from headviz.mask import parse_head
from headviz.spreadsheet import csv_of
from headviz.ui import charts, flip_frames
from headviz.ui.controls import help_of
from headviz.ui.draw import draw
from headviz.ui.errors import shown
from headviz.ui.page import Page
from headviz.ui.panels import texts
from headviz.ui.panels.likely import likely
from headviz.ui.waiting import wait_for

if TYPE_CHECKING:
    import pandas as pd

    from headviz.data import Data
    from headviz.evaluation import Evaluation
    from headviz.mask import Mask

_MOST_ROWS = 1000  # listed at once; the file has them all
_BESIDE = 20  # tokens of a map that fits on half a page
_COLUMNS = {"text": "Text", "second text": "Second text", "label": "True label", "before": "Predicted before",
            "after": "Predicted now", "kind": "Kind"}  # fmt: skip


def flips(page: Page, mask: Mask, before: Evaluation, now: Evaluation, data: Data) -> None:
    """``before``, ``now``: of all heads and under ``mask``, on ``data``."""
    found = flip_frames.flipped(now, before, data)
    st.header("What flipped", help=help_of("flip", "loss"), anchor=False)
    st.markdown(flip_frames.in_words(found, len(now)))
    if len(found):
        _examples(page, mask, before, now, data, found)
    _by_class(before, now)


@st.fragment
def _examples(page: Page, mask: Mask, before: Evaluation, now: Evaluation, data: Data, found: pd.DataFrame) -> None:
    with shown():
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="flips_choices"):
            kind = _kind_choice()
            listed = found if kind == "all" else found[found["kind"] == kind].reset_index(drop=True)
            _download(listed)
        if listed.empty:
            st.markdown("No prediction changed in this way.")
            return
        place = _table(listed, f"flips_table {kind} {mask.code} {data.fingerprint}")
        if place is None:
            st.markdown("Pick a row to read its text in full and to see what the cut heads look at in it.")
            return
        _one(page, mask, before, now, data, int(listed["position"][place]))


def _kind_choice() -> str:
    return st.segmented_control(
        "Changes", ["all", *FLIPS], key="flips_kind", default="all", required=True, persist_state="session",
        help=help_of("flip"),
    ) or "all"  # fmt: skip


def _download(listed: pd.DataFrame) -> None:
    def content() -> bytes:
        return csv_of(listed.drop(columns="position"))

    st.download_button(
        "Download with whole texts (CSV)", content, "flips.csv", "text/csv", key="flips_csv", on_click="ignore",
        icon=":material/download:", disabled=listed.empty,
    )  # fmt: skip


def _table(listed: pd.DataFrame, key: str) -> int | None:
    """The list; which row of it is picked."""
    columns: dict[str, Any] = {name: st.column_config.TextColumn(title) for name, title in _COLUMNS.items()}
    columns["text"] = st.column_config.TextColumn("Text", width="large")
    columns["id"] = st.column_config.NumberColumn("Row", help="Its number in the source, from 0.", width="small")
    columns["loss_change"] = st.column_config.NumberColumn(
        "Change of the loss, nats",
        format="%+.3f",
        help="The loss with this mask minus that with all heads; above 0 is worse.",
    )
    event = st.dataframe(
        flip_frames.brief(listed, _MOST_ROWS), key=key, hide_index=True, column_config=columns, on_select="rerun",
        selection_mode="single-row", height=min(390, 38 + 35 * len(listed)),
        alt="Examples whose prediction changed, with text, true label and both predictions",
    )  # fmt: skip
    if len(listed) > _MOST_ROWS:
        st.markdown(f"The first {_MOST_ROWS:,} of {len(listed):,} are listed; the file has them all.")
    rows = event["selection"]["rows"]
    return rows[0] if rows and rows[0] < len(listed) else None


def _one(page: Page, mask: Mask, before: Evaluation, now: Evaluation, data: Data, position: int) -> None:
    """One example: its text, how likely its labels are, and where one cut head looks."""
    example = data[position]
    st.subheader(f"Row {example.id}", anchor=False)
    texts.told(example.inputs)
    head = _head_choice(page, mask)
    text = texts.one_or_pair(example.inputs)
    maps, job = (None, None) if head is None else page.results.soon(page.results.attention, text, head)
    beside = maps is not None and len(maps.tokens) <= _BESIDE
    left, right = st.columns(2, gap="large") if beside else (st.container(), st.container())
    with left:
        likely(
            now.classes, before.probabilities[position], now.probabilities[position], key="flip_likely",
            true=now.classes[now.labels[position]],
        )  # fmt: skip
    with right:
        if head is None or maps is None:
            wait_for(job, page)
            return
        first, last = texts.stretch(len(maps.tokens), "flip_first_token")
        weights = maps.maps[parse_head(head)][first:last, first:last]
        title = f"Attention of {page.session.told(head)}, which is cut"
        drawing = charts.attention_map(maps.tokens[first:last], weights, title=title)
        draw(drawing, key="flip_attention", alt=f"Attention map of {head} on this example, with all heads")
        st.markdown(f"As it is with all heads. {texts.cut_in_words(maps.truncated)}".strip())


def _head_choice(page: Page, mask: Mask) -> str | None:
    """One of the cut heads; at first the one picked on the page, or else the one with the largest HIS."""
    if not mask.pruned:
        return None
    start = page.session.picked if page.session.picked in mask.pruned else _most_important(page, mask)
    return st.selectbox(
        "Cut head", mask.pruned, index=list(mask.pruned).index(start), width=220, format_func=page.session.told,
        key=f"flip_head {mask.code} {page.session.picked}", help=help_of("head", "attention_map"),
    )  # fmt: skip


def _most_important(page: Page, mask: Mask) -> str:
    base = page.results.base()
    if base is None:
        return mask.pruned[0]
    return max(mask.pruned, key=lambda head: float(base.his[parse_head(head)]))


def _by_class(before: Evaluation, now: Evaluation) -> None:
    st.subheader("By class", help=help_of("confusion_matrix", "recall", "confidence_interval"), anchor=False)
    classes = flip_frames.drawn_classes(now, before)
    names = [now.classes[number] for number in classes]
    if len(classes) < len(now.classes):
        st.markdown(f"The {len(classes)} of {len(now.classes):,} classes with the most changes are drawn.")
    columns = st.columns(2, gap="medium")
    for column, one, title in zip(columns, (before, now), charts.SIDES, strict=True):
        counts, shares = flip_frames.matrix(one, classes)
        drawing = charts.confusion(counts, shares, names, title=title.capitalize())
        with column:
            draw(drawing, key=f"confusion {title}", alt=f"Confusion matrix, {title}: {_right(one)}")
    rows = flip_frames.recall_rows(now, before, classes)
    st.markdown("Recall of each class, with its 95 % interval:")
    draw(charts.recall(rows), key="recall", alt="Recall of each class with all heads and with this mask")
    unknown = rows.loc[np.isnan(rows["value"]), "class"].nunique()
    if unknown:
        st.markdown(f"{unknown} of these classes {'has' if unknown == 1 else 'have'} no example here.")


def _right(evaluation: Evaluation) -> str:
    return f"{int(np.trace(evaluation.confusion)):,} of {len(evaluation):,} examples right"

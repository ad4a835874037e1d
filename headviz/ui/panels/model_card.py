"""What is open: the model's card, and what was read of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from headviz.listing import listed
from headviz.ui import numbers
from headviz.ui.controls import help_of
from headviz.ui.errors import plain
from headviz.ui.page import Page
from headviz.ui.panels.figures import figure, places

if TYPE_CHECKING:
    from headviz.data import Data

_MOST_LABELS = 30  # named in a sentence
_MOST_SKIPPED = 5


def model_card(page: Page) -> None:
    subject = page.session.subject
    assert subject is not None
    st.header("Model", help=help_of("subject", "fingerprint"), anchor=False)
    st.markdown(f"**{plain(subject.name)}**" + (f" at revision {plain(subject.revision)}" if subject.revision else ""))
    same = len(set(subject.heads)) == 1
    columns = places(4, "model_card")
    shape = f"{subject.layers} × {subject.heads[0]}" if same else f"{subject.layers} × up to {max(subject.heads)}"
    figure(columns[0], "Layers × heads", shape, f"{sum(subject.heads)} heads in all", "head")
    figure(
        columns[1],
        "Parameters",
        numbers.count(subject.parameters),
        f"{subject.parameters:,}",
        explained="All weights of the model, embeddings included.",
    )
    if subject.attention_parameters is not None:
        figure(
            columns[2],
            "In attention",
            numbers.share(subject.attention_parameters / subject.parameters),
            f"{subject.attention_parameters:,}",
            explained="The share of all parameters in the query, key, value and output projections: the most that "
            "cutting heads can free.",
        )
    explained = "Longer texts are cut at this length, and counted."
    figure(columns[3], "Longest text", f"{subject.max_length}", "tokens", explained=explained)
    labels = plain(listed(subject.labels, most=_MOST_LABELS))
    st.markdown(
        f"Family {plain(subject.family)}, task {plain(subject.task)}, {len(subject.labels):,} labels: {labels}"
        f".  \nFingerprint {subject.fingerprint}, computed in {subject.dtype} on {subject.device}.  \n"
        f"Heads are named L3H7 everywhere: layer 3, head 7, both counted from 0.{_both_names(page)}"
    )
    if len(subject.labels) > _MOST_LABELS:
        with st.expander(f"All {len(subject.labels):,} labels"):
            rows = [{"Id": number, "Label": label} for number, label in enumerate(subject.labels)]
            st.dataframe(rows, hide_index=True, height=320, key="all_labels")
    for text in subject.notes:
        st.markdown(f":material/info: {plain(text)}")


def _both_names(page: Page) -> str:
    """How heads of a pruned model are named, by an example."""
    other = next((own for own, whole in page.session.whole_names.items() if own != whole), None)
    if other is None:
        return ""
    return f" Where the whole model counts a head otherwise, both names stand: {page.session.told(other)}."


def data_card(page: Page) -> None:
    opened = page.session.data
    assert opened is not None
    st.header("Data", help=help_of("calibration_set", "selection_split", "report_split"), anchor=False)
    st.markdown(plain(opened.note))
    apart = opened.selection is not opened.calibration
    parts = [("To score on" if apart else "To score and choose on", opened.calibration)]
    parts += [("To choose on", opened.selection)] if apart else []
    parts += [("To report on", opened.report)]
    for column, (title, data) in zip(st.columns(len(parts), gap="large"), parts, strict=True):
        with column:
            _data(data, title)


def _data(data: Data, title: str) -> None:
    split = f", split {plain(data.split)}" if data.split else ""
    st.markdown(f"**{title}**: {plain(data.name)}{split}  \n{len(data):,} examples")
    inputs, label = data.columns["inputs"], data.columns["label"]
    kind = "Pairs of texts from the columns" if len(inputs) > 1 else "Texts from the column"
    labels = f"labels from {plain(str(label))}" if label is not None else "no label column"
    st.markdown(f"{kind} {' and '.join(plain(str(name)) for name in inputs)}, {labels}.")
    for text in data.notes:
        st.markdown(f":material/info: {plain(text)}")
    if data.skipped:
        st.markdown(f"{len(data.skipped):,} rows left out:")
        for row, reason in data.skipped[:_MOST_SKIPPED]:
            st.markdown(f"- row {row}: {plain(str(reason))}")
        if len(data.skipped) > _MOST_SKIPPED:
            st.markdown(f"- and {len(data.skipped) - _MOST_SKIPPED:,} more")

"""The columns of data that were refused, or that lack their labels, chosen from lists; the file is still at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from headviz.outline import Column, Columns
from headviz.ui import opening
from headviz.ui.controls import emphasis
from headviz.ui.errors import plain
from headviz.ui.page import Page
from headviz.ui.state import Mend

_PARTS = ("Split to score on", "Split to choose on", "Split to report on")


def columns_form(page: Page) -> None:
    """Ask which columns hold the texts and the labels."""
    mend = page.session.mend
    if mend is None:
        return
    st.header("Which columns?", anchor=False)
    name = plain(mend.outline.name)
    st.markdown(
        f"{name} is still here: choose its columns, and it is opened again."
        if mend.refused
        else f"{name} is open without labels. If one of its columns holds them, choose it."
    )
    sheet = None
    if "" not in mend.outline.tables:
        sheets = list(mend.outline.tables)
        asked = mend.options.get("split")
        sheet = st.selectbox("Sheet", sheets, index=sheets.index(asked) if asked in sheets else 0, key="mend_sheet")
    there = mend.outline.tables[sheet or ""]
    if there.headless is not None:
        first_is_row = st.checkbox(
            "The first line is a row, not the names of the columns", key="mend_headless", value=False
        )
        there = there.headless if first_is_row else there
    with st.form("columns_form"):
        _fields(page, mend, there, sheet)


def _fields(page: Page, mend: Mend, there: Columns, sheet: str | None) -> None:
    columns = {column.key: column for column in there.columns}
    texts = [*_given(mend, columns), *there.inputs][:2]
    at = st.grid(2, min_column_width=200)
    first = _choice(at, "Texts", columns, texts[0] if texts else None, "mend_text")
    pair = there.inputs[1] if len(there.inputs) > 1 else None
    second = _choice(at, "Second texts, for pairs (optional)", columns, pair, "mend_second")
    label = _choice(at, "Labels", columns, there.label, "mend_label")
    chosen: list[str | None] = [None, None, None]
    if len(mend.outline.splits) > 1:
        named: Sequence[str | None] = mend.splits or (None, None, None)
        for number, part in enumerate(_PARTS):
            index = mend.outline.splits.index(named[number]) if named[number] in mend.outline.splits else None
            chosen[number] = at.selectbox(
                f"{part} (optional)", mend.outline.splits, index=index, key=f"mend_split_{number}", placeholder="choose"
            )
    if st.form_submit_button("Open with these columns", type=emphasis(), icon=":material/table_view:"):
        options: dict[str, Any] = {name: value for name, value in mend.options.items() if name == "labels"}
        inputs = [one for one in (first, second) if one is not None]
        if inputs:
            options["inputs"] = tuple(inputs)
        if label is not None:
            options["label"] = label
        if sheet is not None:
            options["split"] = sheet
        opening.ask_again(page, mend, options, chosen)
        page.rerun()


def _given(mend: Mend, columns: dict[str, Column]) -> list[str]:
    """The text columns that were asked for, as far as they are there."""
    given = mend.options.get("inputs") or ()
    return [name for name in ((given,) if isinstance(given, str) else given) if name in columns]


def _choice(at: Any, title: str, columns: dict[str, Column], chosen: str | None, key: str) -> str | None:
    keys = list(columns)
    value: str | None = at.selectbox(
        title,
        keys,
        index=keys.index(chosen) if chosen in columns else None,
        format_func=lambda one: _shown(columns[one]),
        key=key,
        placeholder="choose",
    )
    return value


def _shown(column: Column) -> str:
    name = column.name if column.name == column.key else f"column {column.key}"
    return f"{name}: {column.example}" if column.example else name

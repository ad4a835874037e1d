"""The forms of Home: open a model, open data, and say what integer labels mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import streamlit as st

from headviz.errors import DataError, HeadvizError
from headviz.listing import listed
from headviz.ui import opening, sources
from headviz.ui.controls import emphasis
from headviz.ui.errors import plain, sentence
from headviz.ui.page import Page

_COLUMNS_HELP = (
    "Leave empty to let headviz take columns whose names leave no doubt (text, sentence, review, sentence1 and "
    "sentence2, ...). "
    "For pairs of texts, write two names with a comma between."
)


def what_is_open_to(page: Page) -> None:
    """What a visitor who did not start the server may open, and who may open more."""
    if not page.local:
        st.markdown(sources.open_to_visitors())


def model_form(page: Page) -> None:
    with st.form("model_form"):
        st.markdown("**Open a model**")
        source = st.text_input(
            "Demo, Hugging Face id or folder",
            key="model_source",
            placeholder="demo/reviews, org/name or /path/to/folder",
            help="A text classifier saved by transformers with safetensors weights. No code of the repository is run.",
        )
        revision = st.text_input(
            "Revision (optional)", key="model_revision", help="A branch, tag or commit of a hub model."
        )
        if st.form_submit_button("Open model", icon=":material/folder_open:"):
            with _refusal_on_top(page):
                sources.check_source(source, local=page.local)
                opening.ask_open(page, source.strip(), None, revision=revision.strip() or None)
            page.rerun()


def data_form(page: Page) -> None:
    with st.form("data_form"):
        st.markdown("**Open data**")
        files = st.file_uploader(
            f"Upload a file (at most {sources.LARGEST_UPLOAD_MB} MB), or two or three",
            type=list(sources.DATA_SUFFIXES),
            accept_multiple_files=True,
            max_upload_size=sources.LARGEST_UPLOAD_MB,
            key=f"data_files {page.session.data.calibration.fingerprint if page.session.data else ''}",
            help="CSV, TSV, JSON lines, JSON, Parquet, Excel (.xlsx), or one text a line; those of text also as .gz. "
            "One file is split in halves: one to score "
            "and choose on, one for final figures. Two: the first to score and choose on, the second for final "
            "figures. Three: to score on, to choose on, for final figures.",
        )
        source = st.text_input(
            "or a demo, a Hugging Face data set or a file path",
            key="data_source",
            placeholder="demo/reviews, org/name or /path/to/file.csv",
        )
        fields = st.grid(2, min_column_width=140)
        inputs = fields.text_input("Text columns (optional)", key="data_inputs", help=_COLUMNS_HELP)
        label = fields.text_input("Label column (optional)", key="data_label")
        calibration = fields.text_input("Split to score on (optional)", key="data_calibration", placeholder="train")
        selection = fields.text_input("Split to choose on (optional)", key="data_selection", placeholder="validation")
        report = fields.text_input("Split to report on (optional)", key="data_report", placeholder="test")
        if st.form_submit_button("Open data", icon=":material/table_view:"):
            splits = [split.strip() or None for split in (calibration, selection, report)]
            with _refusal_on_top(page):
                _ask_data(page, files or [], source.strip(), inputs, label.strip(), splits)
            page.rerun()


def _ask_data(page: Page, files: list[Any], source: str, inputs: str, label: str, splits: Sequence[str | None]) -> None:
    options: dict[str, Any] = {}
    if inputs.strip():
        options["inputs"] = inputs.strip()
    if label:
        options["label"] = label
    if files and source:
        raise DataError("A file is uploaded and another source is named: remove the file or empty the field below it.")
    if files:
        opening.ask_uploads(page, [(file.name, file.getvalue()) for file in files], options)
    else:
        if not source:
            raise DataError("Upload a file, or name a demo, a data set or a path.")
        sources.check_source(source, local=page.local, error=DataError)
        opening.ask_open(page, None, source, splits=splits, options=options)


@contextmanager
def _refusal_on_top(page: Page) -> Iterator[None]:
    """A form that is refused says so where an opening that failed does, in its place."""
    try:
        yield
    except HeadvizError as error:
        page.session.troubles = [str(error)]


def labels_form(page: Page) -> None:
    """Ask what labels mean where nothing says so: the model's own ids, or one of its labels each."""
    from headviz.labels import is_unlabelled, needs_choice

    session, misfit = page.session, page.results.misfit()
    if misfit is None or session.subject is None or session.data is None:
        return
    labels = session.subject.labels
    raws = sorted(session.data.raw_labels, key=lambda raw: (str(type(raw)), raw))
    if is_unlabelled(session.data.calibration, labels):
        raws = []
    st.header("What do the labels mean?" if raws else "Labels are missing", anchor=False)
    sentence(opening.in_words_of_the_form(misfit))
    if not raws or len(raws) > max(50, len(labels)):
        return
    if needs_choice(session.data.calibration, labels):
        ids = listed([f"{number} = {label}" for number, label in enumerate(labels)], most=20)
        st.markdown(f"If the integers are the model's own ids, they mean: {plain(ids)}.")
        st.button(
            "They are the model's own ids",
            key="labels_ids",
            type=emphasis(),
            on_click=lambda: _take_labels(page, "ids"),
        )
        st.markdown("If not, say for each what it is:")
    with st.form("labels_form"):
        chosen: dict[str, str | None] = {}
        for raw in raws:
            chosen[str(raw)] = st.selectbox(
                f"Label {plain(str(raw))} is", labels, index=None, key=f"label {raw}", placeholder="choose"
            )
        if st.form_submit_button("Use these meanings"):
            missing = [raw for raw, label in chosen.items() if label is None]
            if missing:
                sentence(f"Say what {listed(missing, most=5)} means, too; no row is left out in silence.")
            else:
                _take_labels(page, {raw: label for raw, label in chosen.items() if label is not None})
                page.rerun()


def _take_labels(page: Page, labels: str | Mapping[str, str]) -> None:
    assert page.session.data is not None
    page.session.data = sources.with_labels(page.session.data, labels)
    opening.remember(page)

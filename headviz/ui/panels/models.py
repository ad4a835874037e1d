"""The model with the mask, to take home: what will be written, the proof that it answers alike, and the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from headviz.errors import HeadvizError
from headviz.ui import allowance, numbers, sources
from headviz.ui.controls import help_of
from headviz.ui.errors import note, plain, sentence, shown
from headviz.ui.models_home import FORMS, LARGEST_DOWNLOAD, ModelsHome, Written, dtype_note, file_dtype
from headviz.ui.page import Page
from headviz.ui.panels.figures import figure, places
from headviz.ui.panels.speed import speed
from headviz.ui.state import OpenedModel
from headviz.ui.waiting import wait_for
from headviz.units import in_bytes

if TYPE_CHECKING:
    from headviz.mask import Mask

_TOKENS = 128  # of a text, where the model takes as many


def models(page: Page, mask: Mask) -> None:
    """Choose a form, see what it will be, and write it."""
    st.header("Model", help=help_of("pruning"), anchor=False)
    subject = page.session.subject
    assert subject is not None
    # a masked folder has the size of its model's configuration, which says nothing of heads that are gone
    kinds = [kind for kind in FORMS if kind != "masked" or subject.cut is None]
    kind = st.segmented_control(
        "Form", kinds, key="model_form", default=kinds[0], required=True, persist_state="session",
        format_func=lambda name: FORMS[name].title, label_visibility="collapsed",
    )  # fmt: skip
    home = ModelsHome(page.results, mask, kind or kinds[0])
    st.markdown(home.form.explain)
    with shown():
        home = replace(home, dtype=_numbers(page, home))
        if home.form.smaller:
            _preview(page, mask, home.dtype or subject.dtype)
        if sources.may_write(page.local):
            _at_a_place(page, home)
        _packed(page, home)
        _code(page, home)
        if home.form.smaller:
            speed(page, mask)


def _numbers(page: Page, home: ModelsHome) -> str | None:
    """In which dtype a folder is written, by default that of the model's file; an ONNX file has no choice."""
    from headviz.saving import DTYPES

    subject = page.session.subject
    assert subject is not None
    if home.form.is_file:
        st.markdown(f"{dtype_note(subject, subject.dtype)} Numbers are {subject.dtype}.")
        return None
    key = f"dtype {subject.fingerprint}"  # another model, another choice
    chosen = st.segmented_control(
        "Numbers in the file", DTYPES, key=key, default=file_dtype(subject), required=True, persist_state="session",
        help="float16 and bfloat16 take half the room of float32. Where numbers are rounded, the proof says what that "
        "does to the logits.",
    )  # fmt: skip
    st.markdown(dtype_note(subject, chosen or file_dtype(subject)))
    return chosen


def _preview(page: Page, mask: Mask, dtype: str) -> None:
    """Parameters, and size when written in ``dtype``, before and after, from shapes."""
    from headviz.cost import cost, pruned_bytes, weight_bytes

    subject = page.session.subject
    assert subject is not None
    tokens = min(_TOKENS, subject.max_length)
    table = cost(subject, mask, tokens=tokens)
    gone = int(table["parameters_saved"].sum())
    saved = weight_bytes(subject, dtype) - pruned_bytes(subject, mask, dtype=dtype)
    columns = places(3, "preview")
    figure(
        columns[0], "Parameters after", numbers.count(subject.parameters - gone), f"of {subject.parameters:,}",
        explained="Counted from shapes: the projections of the cut heads go, all else stays.",
    )  # fmt: skip
    figure(
        columns[1], "Smaller by", numbers.share(gone / subject.parameters), f"{in_bytes(saved)} in {dtype}", "pruning"
    )
    flops = float(table["flops_saved"].sum() / table["flops"].sum())
    less = f"{numbers.signed(-100 * flops, 1)} %"
    figure(columns[2], "FLOPs of attention", less, f"per token, at {tokens} tokens", "flops")


def _at_a_place(page: Page, home: ModelsHome) -> None:
    what = "file" if home.form.is_file else "folder"
    with st.form("folder_form"):
        path = st.text_input(f"New {what} on this machine", key="folder_path", placeholder=f"/path/to/{home.form.name}")
        if st.form_submit_button(f"Write the {what}", icon=":material/save:"):
            home.forget("write")  # what was said of an earlier one
            with shown():
                place = sources.check_destination(path, local=page.local, what=what)
                home.ask_folder(place, path.strip(), None if page.local else allowance.OF_VISITORS)
    job = home.job("write")
    if job is not None and job.state == "done":
        shown_place = str(job.result.path) if page.local else job.result.typed
        st.success(f"Written to {plain(shown_place)}.")
        _proof(job.result)
        _open(page, home, job.result)
    else:
        wait_for(job, page)


def _packed(page: Page, home: ModelsHome) -> None:
    job, file = home.job("pack"), home.form.name if home.form.is_file else f"{home.form.name}.zip"

    def pack() -> None:
        home.ask_packed()

    if job is None:
        st.button(f"Make {file}", key="pack", icon=":material/folder_zip:", on_click=pack)
        return
    if job.state != "done":
        wait_for(job, page)
        return
    written: Written = job.result
    _proof(written)
    if written.size > LARGEST_DOWNLOAD:
        where = f"It lies at {plain(str(written.path))}." if page.local else "Ask who runs this server for it."
        note(f"{file} has {in_bytes(written.size)}, too much for a download. {where}")
        return
    kind = "application/octet-stream" if home.form.is_file else "application/zip"
    st.download_button(
        f"Download {file} ({in_bytes(written.size)})", written.path.read_bytes, file, kind,
        key="download.zip", on_click="ignore", icon=":material/download:",
    )  # fmt: skip


def _proof(written: Written) -> None:
    """What was compared, and whether it holds."""
    proof = written.proof
    if proof.holds:
        st.markdown(f":material/verified: {plain(proof.sentence)}")
    else:
        sentence(proof.sentence)


def _open(page: Page, home: ModelsHome, written: Written) -> None:
    """A pruned folder as a model of its own: scored, cut further, exported again."""
    if home.kind != "pruned":
        return

    def take() -> None:
        from headviz.subject import load

        try:
            with sources.as_typed(str(written.path), written.typed):
                subject = load(written.path)
        except HeadvizError as error:
            page.session.troubles[:] = [str(error)]
            return
        opened = OpenedModel(subject, str(written.path), subject.fingerprint)
        page.session.own_run = True
        page.session.open_model(page.results.shelf.take_in(opened))
        page.session.choice.prune = 0  # as it was written; cut further on Mask
        page.session.notes.append(f"{subject.name} is open, with nothing more cut. Score it, cut further or export it.")

    st.button("Open it here as a model of its own", key="open_pruned", icon=":material/folder_open:", on_click=take)


def _code(page: Page, home: ModelsHome) -> None:
    subject = page.session.subject
    assert subject is not None and page.session.data is not None
    job = home.job("write")
    path = f"PATH/TO/{home.form.name}"
    if page.local and job is not None and job.state == "done":
        path = str(Path(job.result.path).resolve())
    with st.expander("Code that opens it"):
        st.code(home.form.code(path, len(page.session.data.selection[0].inputs) > 1), language=None, wrap_lines=True)

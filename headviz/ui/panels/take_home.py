"""Taking a mask home: files and code; and opening a mask again."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

import headviz as hv
from headviz.errors import HeadvizError, MaskError
from headviz.mask import Mask
from headviz.mask.origin import changed_after, lineage, prunings
from headviz.ui import numbers, snippets, sources
from headviz.ui.controls import help_of
from headviz.ui.errors import plain, shown
from headviz.ui.grid import head_grid
from headviz.ui.measured import Measured
from headviz.ui.page import Page
from headviz.ui.panels import quality
from headviz.ui.panels.figures import figure, places
from headviz.ui.recorded import title_of
from headviz.ui.taken import Taken

if TYPE_CHECKING:
    from headviz.evaluation import Evaluation
    from headviz.scores import Scores


def with_record(page: Page, mask: Mask) -> Mask:
    """The mask with what its model had been through before, and with what was measured of it, after what and on which
    examples: those to report on, else those it was chosen on. The mask of a file that nobody changed stays what the
    file says."""
    taken, (measured, known) = page.session.choice.taken, _best_known(page, mask)
    if taken is not None and taken.kind == "file" and mask is taken.mask:
        return mask
    mask, record = with_lineage(page, mask), _lineage(page)
    if known is None:
        return mask
    figures = {name: estimate.record() for name, estimate in known.metrics.items()}
    data, opened = measured.whole_data, page.session.data
    assert opened is not None
    after = "masking" if mask.pruned else "recovery" if record.get("recovery") else "cutting"
    on = {
        **({"after": after} if mask.pruned or record else {}),
        "part": measured.part,
        "name": data.name,
        "split": data.split,
        "fingerprint": data.fingerprint,
        **({"half_drawn_with_seed": 0} if opened.halved else {}),
    }
    return mask.with_provenance(measured=figures, measured_on=on)


def with_lineage(page: Page, mask: Mask) -> Mask:
    """The mask with what its model had been through before."""
    record, cut = _lineage(page), page.session.subject.cut if page.session.subject is not None else None
    told: dict[str, Any] = {} if cut is None else {"before": prunings(record, cut.count)}
    if "recovery" in record:
        told["recovery"] = record["recovery"]
    return mask.with_provenance(**told) if told else mask


def _lineage(page: Page) -> dict[str, Any]:
    """The record of the cut, and of the recovery, that the model in hand came of; nothing of one as it was made."""
    subject = page.session.subject
    return subject.cut.provenance if subject is not None and subject.cut is not None else _recovered_here(page)


def _recovered_here(page: Page) -> dict[str, Any]:
    """The record of how a model of which nothing is cut was recovered here; else nothing."""
    from headviz.checkpoint import MASK_FILE

    session = page.session
    for run in list(session.runs.values()):
        done = run.recovery
        if done is None or not done.saved or session.subject is None:
            continue
        if done.subject.fingerprint == session.subject.fingerprint:
            told = Mask.open(done.folder / "model" / MASK_FILE).provenance
            return {"recovery": told["recovery"]} if "recovery" in told else {}
    return {}


def _best_known(page: Page, mask: Mask) -> tuple[Measured, Evaluation | None]:
    """What is measured of ``mask``: the final figure where there is one, else that on which it was chosen."""
    report, selection = Measured(page.results, "report", final=True), Measured(page.results)
    return (report, known) if (known := report.evaluation(mask)) else (selection, selection.evaluation(mask))


def summary(page: Page, mask: Mask) -> None:
    record = mask.provenance
    criterion = record.get("criterion") or {}
    title = hv.criteria[criterion["name"]].title if criterion.get("name") in hv.criteria else None
    options = ", ".join(
        f"{name} {numbers.small(value) if isinstance(value, float) else value}"
        for name, value in (criterion.get("options") or {}).items()
    )
    by_hand = criterion.get("by_hand") or []
    columns = places(4, "summary")
    figure(
        columns[0],
        "Heads cut",
        f"{len(mask.pruned)} of {sum(mask.heads)}",
        f"{numbers.share(1 - mask.share)} of heads",
        "mask",
    )
    none = "none recorded" if mask.pruned else "none needed"
    figure(columns[1], "Criterion", title or none, options, "criterion")
    named = page.session.told(", ".join(by_hand[:6])) + (" …" if len(by_hand) > 6 else "")
    figure(columns[2], "By hand", numbers.many(len(by_hand), "head"), named, "mask")
    measured, known = _best_known(page, mask)
    if known is None:
        figure(columns[3], "Quality", "unknown", "measure it below", "evaluation")
    else:
        name = quality.metric_of(page, known)
        estimate = known.metrics[name]
        value, around = numbers.quantity(estimate.value, name), numbers.interval(estimate, name)
        of = {"report": "final", "selection": "chosen on these"}[measured.part]
        figure(columns[3], numbers.title_of(name), value, f"{around}, n = {len(known):,}, {of}", name)
    _story(page, mask)


def _story(page: Page, mask: Mask) -> None:
    """What the model had been through before, and what else than a criterion and a hand led to the mask."""
    taken, subject = page.session.choice.taken, page.session.subject
    if subject is not None and subject.cut is not None:
        steps = lineage(subject.cut.provenance, subject.cut.count, sum(subject.cut.heads), title_of)
        st.markdown(plain(" ".join(steps)))
    told = [] if taken is None else [f"The current mask is {taken.owner}."]
    told += [f"{part[0].upper()}{part[1:]}." for part in changed_after(mask.provenance)]
    if told:
        st.markdown(page.session.told(plain(" ".join(told))))


def heads(page: Page, mask: Mask) -> None:
    """The mask as it will be written, to look at."""
    scores = page.results.scores_behind(mask)
    st.header("Heads", help=help_of("mask", "head"), anchor=False)
    head_grid(
        "head_grid_to_read", mask.keep, mask.heads, editable=False, locks=page.session.choice.locks,
        hand=list(mask.by_hand), whole=page.session.whole_names,
        values=None if scores is None else scores.values,
        score_title="" if scores is None else hv.criteria[scores.criterion].title,
    )  # fmt: skip


def files(page: Page, mask: Mask) -> None:
    st.header("Mask file", help=help_of("head_mask", "provenance"), anchor=False)
    st.markdown(
        "The JSON names the model, how the heads were chosen and what was measured; the .npz holds `keep` and "
        "`head_mask` "
        "for other tools. headviz opens both."
    )
    with st.container(horizontal=True):
        for suffix, title, mime in (
            (".json", "Download JSON", "application/json"),
            (".npz", "Download .npz", "application/octet-stream"),
        ):
            st.download_button(
                title, mask.content(suffix), f"mask{suffix}", mime, key=f"download{suffix}", on_click="ignore",
                icon=":material/download:",
            )  # fmt: skip
        if (base := page.results.base()) is not None:
            st.download_button(
                "Download scores", lambda: _parquet(base.scores), "scores.parquet", "application/vnd.apache.parquet",
                key="download.parquet", on_click="ignore", icon=":material/download:",
                help="Per example: gate gradients, entropy and loss, for hv.open_scores or pandas.",
            )  # fmt: skip
    with st.expander("See the JSON"):
        st.code(mask.content(".json").decode("utf-8"), language=None, wrap_lines=True)


def _parquet(scores: Scores) -> bytes:
    with tempfile.TemporaryDirectory(prefix="headviz-") as folder:
        path = Path(folder) / "scores.parquet"
        scores.save(path)
        return path.read_bytes()


def code(page: Page, mask: Mask) -> None:
    session = page.session
    assert session.model is not None and session.data is not None and session.subject is not None
    st.header("Code", anchor=False)
    source = _source(page)
    data_source = session.data.link and session.data.link.partition("@")[0]
    if data_source is None and page.local and Path(session.data.source).is_file():
        data_source = session.data.source
    ours, plain_torch = st.tabs(["With headviz", "With torch and transformers only"])
    with ours:
        st.code(
            snippets.with_headviz(source[0], session.subject.revision, session.data.report, data_source),
            language=None,
            wrap_lines=True,
        )
    with plain_torch, shown():
        pair = len(session.data.report[0].inputs) > 1
        text = snippets.with_transformers(source[1], session.subject.revision, session.subject, mask, pair=pair)
        st.code(text, language=None, wrap_lines=True)


def _source(page: Page) -> tuple[str, str]:
    """How code names the model: for headviz, and for transformers, which needs a folder for a demo. Visitors from
    elsewhere are told no path of this server."""
    model = page.session.model
    assert model is not None
    if model.source == sources.DEMO:
        from headviz.demo.reviews import MODEL_FOLDER

        return model.source, str(MODEL_FOLDER) if page.local else "PATH/TO/MODEL"
    if Path(model.source).exists():
        path = "PATH/TO/MODEL" if not page.local else str(Path(model.source).resolve())
        if sources.is_passing(path):  # a run's own folder, which goes with the visit: it is downloaded as this
            path = "PATH/TO/recovered-model"
        return path, path
    return model.source, model.source


def open_again(page: Page) -> None:
    """Open a mask file for the model in hand."""
    st.header("Open a mask", anchor=False)
    key = "mask_file"

    def read() -> None:
        file = st.session_state[key]
        if file is None:
            return
        try:
            take(page, file.getvalue(), file.name)
        except HeadvizError as error:
            page.session.commit()
            page.session.troubles.append(str(error))

    st.file_uploader(
        "A mask saved by headviz, .json or .npz", type=["json", "npz"], key=key, max_upload_size=5, on_change=read,
        help="Its heads become the current mask, with the criterion and settings that it records. "
        "Undo on the Mask page takes that back.",
    )  # fmt: skip


def take(page: Page, content: bytes, name: str) -> None:
    """Make the mask of a file the one in hand, with the settings it records. Raises MaskError."""
    session = page.session
    if session.subject is None:
        raise MaskError("Open the model first; a mask belongs to one.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its warnings are shown from mask.warnings
        mask = Mask.read(content, sources.display_name(name), session.subject)
    page.results.take(Taken("file", mask, sources.display_name(name)))
    session.notes.extend(mask.warnings)
    session.notes.append(f"{sources.display_name(name)} is open: {len(mask.pruned)} of {session.heads} heads cut.")

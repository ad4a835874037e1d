"""Is the pruned model faster? Measured here, in turns with the whole one, beside what its FLOPs promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

import headviz as hv
from headviz.ui import engine, speeds
from headviz.ui.controls import help_of
from headviz.ui.jobs import Job
from headviz.ui.page import Page
from headviz.ui.waiting import wait_for

if TYPE_CHECKING:
    import pandas as pd

    from headviz.mask import Mask
    from headviz.subject import Subject
    from headviz.ui.results import Results

_LENGTHS = (32, 128)
_ROUNDS = 15


def speed(page: Page, mask: Mask) -> None:
    """A button, progress, and the table with what it means."""
    st.subheader("Is it faster?", help=help_of("flops", "pruning"), anchor=False)
    subject = page.session.subject
    assert subject is not None
    key = _key(subject, mask)
    table = known_speed(page.results, mask)
    if table is not None:
        _told(table)
        return
    job = page.jobs.get(key)
    if job is not None and job.state != "done":
        wait_for(job, page)
        return
    if whole_of(page) is None:
        st.markdown(
            "This model was cut before, and the whole one that it comes from is not open here, so there is nothing to "
            "compare it with. Open the whole model on Home, then this one again."
        )
        return
    st.markdown(
        "Fewer FLOPs are not always less time. Both models are run in turns on this machine, one text at a time and 32 "
        "together; other work on it makes the figures vary."
    )

    def start() -> None:
        _ask(page, key, mask)

    st.button("Measure the speed", key="measure_speed", icon=":material/speed:", on_click=start)


def whole_of(page: Page) -> Subject | None:
    """What a cut is compared with: the model itself where it is whole, else the whole one that it was cut from, where
    that is open on this server."""
    subject = page.session.subject
    assert subject is not None
    if subject.cut is None:
        return subject
    wanted = (subject.cut.provenance.get("model") or {}).get("fingerprint")
    opened = [one.subject for one in page.results.shelf.models.values()]
    return next((one for one in opened if one.cut is None and one.fingerprint == wanted), None)


def known_speed(results: Results, mask: Mask) -> pd.DataFrame | None:
    """What was measured, or None."""
    assert results.session.subject is not None
    known: pd.DataFrame | None = results.shelf.views.get(_key(results.session.subject, mask))
    return known


def _key(subject: Subject, mask: Mask) -> tuple[str, str, str]:
    return "speed", subject.fingerprint, mask.code


def _ask(page: Page, key: Any, mask: Mask) -> Job:
    subject, shelf, whole = page.session.subject, page.results.shelf, whole_of(page)
    assert subject is not None and whole is not None

    def work(on_progress: Any, cancel: Any) -> None:
        from headviz.latency import measure_latency

        engine.wait()
        pruned = hv.prune(subject, mask)
        lengths = [length for length in _LENGTHS if length <= subject.max_length] or [subject.max_length]
        models = dict(zip(speeds.NAMES, (whole, pruned), strict=True))
        follow = {"on_progress": on_progress, "cancel": cancel}
        shelf.views.put(key, measure_latency(models, lengths=lengths, repeat=_ROUNDS, **follow))

    return page.jobs.start(key, "Measuring the speed", work, kind="speed", alone=True)


def _told(table: pd.DataFrame) -> None:
    lines = [
        "| " + " | ".join(speeds.COLUMNS) + " |",
        "|" + "--:|" * len(speeds.COLUMNS),
        *("| " + " | ".join(row) + " |" for row in speeds.rows(table)),
    ]
    st.markdown("\n".join(lines))
    st.markdown(speeds.about(table))

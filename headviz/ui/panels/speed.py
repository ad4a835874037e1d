"""Is the pruned model faster? Measured here, in turns with the whole one, beside what its FLOPs promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

import headviz as hv
from headviz.ui import engine, numbers
from headviz.ui.controls import help_of
from headviz.ui.jobs import Job
from headviz.ui.page import Page
from headviz.ui.waiting import wait_for

if TYPE_CHECKING:
    import pandas as pd

    from headviz.mask import Mask

_LENGTHS = (32, 128)
_ROUNDS = 15
_NAMES = ("whole model", "pruned")


def speed(page: Page, mask: Mask) -> None:
    """A button, progress, and the table with what it means."""
    st.subheader("Is it faster?", help=help_of("flops", "pruning"), anchor=False)
    subject = page.session.subject
    assert subject is not None
    key = ("speed", subject.fingerprint, mask.code)
    table: pd.DataFrame | None = page.results.shelf.views.get(key)
    if table is not None:
        _told(table)
        return
    job = page.jobs.get(key)
    if job is not None and job.state != "done":
        wait_for(job, page)
        return
    st.markdown(
        "Fewer FLOPs are not always less time. Both models are run in turns on this machine, one text at a time and 32 "
        "together; other work on it makes the figures scatter."
    )

    def start() -> None:
        _ask(page, key, mask)

    st.button("Measure the speed", key="measure_speed", icon=":material/speed:", on_click=start)


def _ask(page: Page, key: Any, mask: Mask) -> Job:
    subject, shelf = page.session.subject, page.results.shelf
    assert subject is not None

    def work(on_progress: Any, cancel: Any) -> None:
        from headviz.latency import measure_latency

        engine.wait()
        pruned = hv.prune(subject, mask)
        lengths = [length for length in _LENGTHS if length <= subject.max_length] or [subject.max_length]
        models = dict(zip(_NAMES, (subject, pruned), strict=True))
        follow = {"on_progress": on_progress, "cancel": cancel}
        shelf.views.put(key, measure_latency(models, lengths=lengths, repeat=_ROUNDS, **follow))

    return page.jobs.start(key, "Measuring the speed", work, kind="speed", alone=True)


def _told(table: pd.DataFrame) -> None:
    lines = [
        "| texts at once | tokens each | whole, ms | pruned, ms | speed-up (quartiles) | by FLOPs | gain reached |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (length, size), rows in table.groupby(["length", "batch_size"], sort=False):
        whole, pruned = (rows[rows["name"] == name].iloc[0] for name in _NAMES)
        spread = f"{pruned['speedup']:.2f} ({pruned['speedup_low']:.2f} to {pruned['speedup_high']:.2f})"
        lines.append(
            f"| {size} | {length} | {1000 * whole['seconds']:.2f} | {1000 * pruned['seconds']:.2f} | {spread} | "
            f"{pruned['flops_ratio']:.2f} | {numbers.share(pruned['gain_reached'], 0)} |"
        )
    st.markdown("\n".join(lines))
    pruned = table[table["name"] == _NAMES[1]]
    about = table.attrs
    st.markdown(
        f"Medians of {about['rounds']} rounds on {about['device']}, {about['dtype']}, {about['threads']} threads. "
        + _verdict(float(pruned["speedup_low"].min()), float(pruned["speedup_high"].max()))
    )


def _verdict(slowest: float, fastest: float) -> str:
    """What the quartiles of all settings say together."""
    if slowest > 1:
        return "It is faster in every setting measured here."
    if fastest <= 1:
        return "It is not faster here: the time goes elsewhere than into the heads that were cut."
    return "It is not faster in every setting beyond the spread of the measurement."

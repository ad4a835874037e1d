"""What a recovery gave: quality before and after, the model to go on with, what it cost, and files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from headviz.files import size_of
from headviz.ui import charts, numbers
from headviz.ui.controls import emphasis, help_of
from headviz.ui.draw import draw
from headviz.ui.errors import plain
from headviz.ui.models_home import LARGEST_DOWNLOAD
from headviz.ui.page import Page
from headviz.ui.panels.figures import figure, places
from headviz.ui.panels.quality import metric_choice, metric_of
from headviz.ui.recoveries import Levels, Recoveries, RecoveryRun
from headviz.ui.recovery_files import history_csv, importance_csv, record_json, zipped
from headviz.ui.recovery_tables import from_the_bottom, run_table
from headviz.ui.state import OpenedModel
from headviz.ui.waiting import wait_for
from headviz.units import in_bytes

if TYPE_CHECKING:
    from headviz.data import Data


def result(page: Page, run: RecoveryRun) -> None:
    """All of a run that is done; of another one, its files alone."""
    recoveries = Recoveries(page.results)
    stage = recoveries.stage(run)
    if stage == "done":
        _before_and_after(page, run)
        _use(page, run)
        _report(page, run)
        _beside_lora(page, run)
        _side_by_side(page, run)
        _slice(page, run)
    if stage not in ("waiting", "running") and run.history() is not None:
        _files(page, run, done=stage == "done")


# -- quality -----------------------------------------------------------------------------------------------------------


def _before_and_after(page: Page, run: RecoveryRun) -> None:
    st.header("Before and after", help=help_of("recovery", "selection_split"), anchor=False)
    best = run.recovery.history.best if run.recovery is not None else None
    chosen = "" if best is None else f" The weights are those of step {best:,}, the best on them."
    st.markdown(
        f"On {_examples(run.validation)}.{chosen} The step was chosen on these texts, so the recovered "
        "model looks a little better on them than it is."
    )
    levels = run.levels["selection"]
    metric_choice(page, levels.whole)
    _figures(page, levels, "recovered_selection")


def _examples(data: Data) -> str:
    split = f" (split {plain(data.split)})" if data.split else ""
    return f"{len(data):,} validation texts of {plain(data.name)}{split}"


def _figures(page: Page, levels: Levels, key: str) -> None:
    """Quality of the three models, what recovery changed, and how often the recovered one answers like the whole."""
    whole, masked, recovered = levels.whole, levels.masked, levels.recovered
    assert recovered is not None
    metric = metric_of(page, whole)
    title, named = numbers.title_of(metric), {"Unpruned": whole, "Pruned": masked, "Recovered": recovered}
    columns = places(6, key)
    for place, (name, known) in zip(columns, named.items(), strict=False):
        estimate = known.metrics[metric]
        value, around = numbers.quantity(estimate.value, metric), numbers.interval(estimate, metric)
        figure(place, f"{title}, {name.lower()}", value, f"{around}, n = {len(known):,}", metric)
    change = recovered.against(masked, metric)
    figure(
        columns[3], "Change by recovery", numbers.change(change, metric),
        numbers.change_interval(change, metric), "paired_difference",
    )  # fmt: skip
    for place, name, other in ((columns[4], "recovered", recovered), (columns[5], "pruned", masked)):
        agreement = other.agreement(whole)
        figure(
            place, f"Agreement, {name}", numbers.share(agreement.value),
            numbers.interval(agreement, "agreement"), "agreement",
        )  # fmt: skip
    rows = [(name, *(getattr(known.metrics[metric], end) for end in ("value", "low", "high")))
            for name, known in named.items()]  # fmt: skip
    drawing = charts.quality(
        pd.DataFrame(rows, columns=["what", "value", "low", "high"]), title=title,
        constant=whole.constant_in(metric), percent=metric in numbers.SHARES,
    )  # fmt: skip
    draw(drawing, key=f"{key}_chart", alt=f"{title} unpruned, pruned and recovered, with 95 % intervals")


def _report(page: Page, run: RecoveryRun) -> None:
    st.subheader("Final figure", help=help_of("report_split"), anchor=False)
    recoveries = Recoveries(page.results)
    levels, job = run.levels.get("report"), recoveries.report_job(run)
    if levels is not None and levels.recovered is not None:
        st.markdown(
            f"On {len(run.report):,} examples of {plain(run.report.name)}, which neither run nor mask has seen."
        )
        _figures(page, levels, "recovered_report")
    elif job is not None and job.state != "done":
        wait_for(job, page)
    else:
        split = f" (split {plain(run.report.split)})" if run.report.split else ""
        st.markdown(
            f"To be measured on {len(run.report):,} examples of {plain(run.report.name)}{split}. They are left alone "
            "while masks and runs are chosen, so that the figure is fair: look once you have decided."
        )
        st.button(
            "Measure before and after", key="recover_report", icon=":material/flag:", on_click=recoveries.ask_report,
            args=(run,),
        )  # fmt: skip


def _use(page: Page, run: RecoveryRun) -> None:
    """The recovered model as the one in hand: scored, cut further, exported."""
    assert run.recovery is not None
    session, subject = page.session, run.recovery.subject
    if session.subject is not None and session.subject.fingerprint == subject.fingerprint:
        st.success(f"{plain(subject.name)} is the current model.")
        st.page_link("pages/export.py", label="Export it", icon=":material/save:", query_params=session.written or None)
        return

    def take() -> None:
        source = str(run.folder / "model") if run.recovery is not None and run.recovery.saved else subject.name
        opened = OpenedModel(subject, source, subject.fingerprint)
        session.own_run = True
        session.open_model(page.results.shelf.take_in(opened))
        session.choice.prune = 0  # as it came out of the run; cut further on Mask
        session.notes[:] = [f"{subject.name} is open, with nothing more cut. Score it, cut further or export it."]

    st.button("Use this model", key="recover_use", type=emphasis(), icon=":material/check:", on_click=take)


# -- what it cost ------------------------------------------------------------------------------------------------------


def _beside_lora(page: Page, run: RecoveryRun) -> None:
    """Every figure of cost beside the run that differs in its freezing alone."""
    recoveries = Recoveries(page.results)
    twin = recoveries.twin(run)
    if twin is None:
        return
    st.header("Beside LoRA", help=help_of("lora"), anchor=False)
    if recoveries.stage(twin) == "done":
        _differences(page, run, twin)
        return
    job = recoveries.job(twin)
    if job is not None and job.state != "done":
        wait_for(job, page, again="Go on")
        return
    st.markdown("What freezing saves shows beside LoRA with the same settings, texts and seed, which freezes nothing.")
    st.button(
        "Run LoRA with the same settings", key="recover_twin", icon=":material/compare_arrows:",
        on_click=lambda: recoveries.start(twin, show=False), disabled=recoveries.under_way() is not None,
    )  # fmt: skip


def _differences(page: Page, run: RecoveryRun, twin: RecoveryRun) -> None:
    assert run.recovery is not None and twin.recovery is not None
    own, other = run.levels["selection"].recovered, twin.levels["selection"].recovered
    assert own is not None and other is not None
    st.markdown(f"{run.title} minus LoRA, on {_examples(run.validation)}, on which both chose their best step.")
    columns = places(2, "recover_beside")
    metric = metric_of(page, own)
    change = own.against(other, metric)
    figure(
        columns[0], f"Difference in {numbers.named(metric)}", numbers.change(change, metric),
        numbers.change_interval(change, metric), "paired_difference",
    )  # fmt: skip
    if checks := run.recovery.history.checks:
        figure(
            columns[1], "Frozen from the bottom", f"{from_the_bottom(run.recovery.history)} of {len(checks)} checks",
            "no live block below a frozen one",
            explained="The number of checks at which the frozen blocks were the lowest ones: only those save memory.",
        )  # fmt: skip
    table = run.recovery.cost.against(twin.recovery.cost)
    draw(charts.meters(table), key="recover_cost", alt=f"Cost of {run.title} as differences to LoRA")
    st.markdown("Times were taken on this machine, one run each, and vary with what else it does; counts do not.")


def _side_by_side(page: Page, run: RecoveryRun) -> None:
    """A row for every finished run of the same model, mask, texts and seed."""
    recoveries = Recoveries(page.results)
    others = [one for one in recoveries.runs.values() if one.problem == run.problem and recoveries.stage(one) == "done"]
    if len(others) > 1:
        st.subheader("Runs side by side", anchor=False)
        st.markdown(
            f"On {_examples(run.validation)}, with 95 % intervals. Settings are those that are not the defaults."
        )
        st.dataframe(run_table(others, page.session.metric), hide_index=True, key="recover_runs")


def _slice(page: Page, run: RecoveryRun) -> None:
    """The loss around the weights, on request."""
    recoveries = Recoveries(page.results)
    known, job = run.slices.get(recoveries.slice_key(run)), recoveries.slice_job(run)
    names = " and ".join(one.title for one in recoveries.sliced(run))
    with st.expander("Loss around the weights"):
        if known is not None:
            draw(charts.loss_slice(known.frame), key="recover_slice", alt=f"Loss along random directions, {names}")
            rises = ", ".join(
                f"{row.name} {row.rise:z.3f} nats ({row.lowest:z.3f} to {row.highest:z.3f} by direction)"
                for row in known.rise.itertuples(index=False)
            )
            st.markdown(
                f"On {known.examples:,} validation texts, half-way along a direction the loss rises by {rises}. A few "
                "directions say little about flatness."
            )
        elif job is not None and job.state != "done":
            wait_for(job, page)
        else:
            st.markdown(
                f"{names}: the loss along 3 random directions, each row of a direction as long as that row of the "
                "weights, at 21 points, on at most 512 validation texts."
            )
            st.button(
                "Measure the loss around the weights", key="recover_ask_slice", icon=":material/terrain:",
                on_click=recoveries.ask_slice, args=(run,),
            )  # fmt: skip


# -- files -------------------------------------------------------------------------------------------------------------


def _files(page: Page, run: RecoveryRun, *, done: bool) -> None:
    st.header("Files", anchor=False)
    history = run.history()
    assert history is not None
    with st.container(horizontal=True, key="recover_files"):
        _download("Download history, CSV", lambda: history_csv(history), "history.csv", "text/csv")
        if history.checks:
            _download("Download importance, CSV", lambda: importance_csv(history), "importance.csv", "text/csv")
        _download("Download the run, JSON", lambda: record_json(run), "recovery.json", "application/json")
        if not done or run.recovery is None or not run.recovery.saved:
            return
        for name, what in (("model", "Download the model, zip"), ("adapter", "Download the adapter, zip")):
            folder = run.folder / name
            size = size_of(folder)
            if 0 < size <= LARGEST_DOWNLOAD:
                label = f"{what} ({in_bytes(size)})"
                _download(label, partial(zipped, folder), f"recovered-{name}.zip", "application/zip")
            elif size and page.local:
                st.markdown(f"The {name} is too large for a download; it lies at {plain(str(folder))}.")


def _download(label: str, make: Callable[[], bytes], name: str, kind: str) -> None:
    st.download_button(label, make, name, kind, key=f"recover {name}", on_click="ignore", icon=":material/download:")

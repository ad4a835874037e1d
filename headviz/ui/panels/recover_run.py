"""A recovery as it trains, and as it went: how far it is, the threshold player, curves, blocks and meters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from headviz.recovery.methods import schedule_of
from headviz.recovery.settings import total_steps
from headviz.ui import charts, numbers
from headviz.ui.controls import answer, help_of, show
from headviz.ui.draw import draw
from headviz.ui.errors import note, plain, sentence, shown
from headviz.ui.kept_runs import ENDED, how_far
from headviz.ui.page import Page
from headviz.ui.panels.figures import figure, places
from headviz.ui.recoveries import Recoveries, RecoveryRun
from headviz.ui.waiting import describe
from headviz.units import in_bytes

if TYPE_CHECKING:
    from headviz.recovery import Cost, History

_EVERY = 1.0  # seconds between looks at a run under way
_ACTIVE = ("waiting", "running")


def run(page: Page) -> RecoveryRun | None:
    """The run that is looked at, with all its pictures; the run itself, None where none was started."""
    recoveries = Recoveries(page.results)
    chosen = recoveries.shown()
    if chosen is None:
        return None
    st.header("Run", anchor=False)
    if len(recoveries.runs) > 1:
        _pick(page)
    st.markdown(_in_words(chosen))
    if recoveries.stage(chosen) in _ACTIVE:
        _live(page, chosen)
    else:
        _ended(page, chosen)
    return chosen


def _pick(page: Page) -> None:
    recoveries, key = Recoveries(page.results), "_w_recover_run"
    runs = list(recoveries.runs.values())
    shown_run = recoveries.shown()
    show(key, runs.index(shown_run) if shown_run in runs else 0)

    def chosen(place: int) -> None:
        page.session.shown_recovery = runs[place].key

    st.selectbox(
        "Runs of this visit", range(len(runs)), key=key, on_change=answer(key, chosen),
        format_func=lambda place: f"{place + 1}. {_short(runs[place])}, {recoveries.stage(runs[place])}",
    )  # fmt: skip


def _short(run: RecoveryRun) -> str:
    cut = f"{len(run.mask.pruned)} of {sum(run.mask.heads)} heads cut"
    return f"{run.title}: {run.subject.name}, {cut}, {len(run.train):,} texts, seed {run.seed}"


def _in_words(run: RecoveryRun) -> str:
    cut = f"{len(run.mask.pruned)} of {sum(run.mask.heads)} heads cut"
    return (
        f"**{run.title}** on **{plain(run.subject.name)}** with {cut}: {len(run.train):,} training texts, "
        f"{len(run.validation):,} validation texts, seed {run.seed}."
    )


# -- under way ---------------------------------------------------------------------------------------------------------


@st.fragment(run_every=_EVERY)
def _live(page: Page, run: RecoveryRun) -> None:
    recoveries = Recoveries(page.results)
    job = recoveries.job(run)
    if job is None or not job.active:
        page.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(job.share, text=plain(describe(job)))
        st.button("Stop", key="recover_stop", on_click=recoveries.stop, args=(run,), width="content")
    st.markdown(
        "Other pages stay usable, and it goes on while you are there; closing or reloading this tab ends it. Stopping "
        "writes a checkpoint to go on from."
        if run.place is None
        else "Other pages stay usable, and it goes on without this tab. If headviz itself ends, it goes on later from "
        "its last checkpoint."
    )
    with shown():
        _pictures(run, run.history(), check=None)


# -- ended -------------------------------------------------------------------------------------------------------------


def _ended(page: Page, run: RecoveryRun) -> None:
    recoveries = Recoveries(page.results)
    stage, job, history = recoveries.stage(run), recoveries.job(run), run.history()
    ended = run.place is not None and how_far(run.folder) == ENDED
    if stage == "failed":
        sentence((job.error if job is not None else None) or "It failed.")
    elif stage == "stopped":
        at = "before the first step" if history is None else f"at step {history.step:,} of {history.total:,}"
        st.info(
            "It has ended. Its result is opened from its folder, and measured."
            if ended
            else f"Stopped {at}. Nothing is lost: it goes on from its last checkpoint."
        )
    with st.container(horizontal=True, key="recover_ended"):
        if stage != "done":
            st.button(
                "Open the result" if ended else "Go on", key="recover_go_on", icon=":material/play_arrow:",
                on_click=recoveries.go_on, args=(run,), disabled=recoveries.under_way() is not None,
            )  # fmt: skip
        st.button(
            "Forget this run", key="recover_forget", icon=":material/delete:", on_click=recoveries.forget, args=(run,)
        )
    if history is not None:
        for text in history.notes:
            note(text)
    with shown():
        _player(run, history)
    with shown():
        _pictures(run, history, check=None, player=False)


@st.fragment
def _player(run: RecoveryRun, history: History | None) -> None:
    """The player of a run that has ended, to move through its checks."""
    if history is None or not _has_threshold(run) or not history.checks:
        return
    steps, key = [check.step for check in history.checks], f"recover_check {hash(run.key)}"
    _player_title()
    step = steps[-1]
    if len(steps) > 1:
        step = st.select_slider(
            "Check at step", steps, value=steps[-1], key=key, persist_state="session",
            format_func=lambda at: f"{at:,}",
        )  # fmt: skip
    _threshold(run, history, step)


# -- pictures ----------------------------------------------------------------------------------------------------------


def _pictures(run: RecoveryRun, history: History | None, *, check: int | None, player: bool = True) -> None:
    """All that is known of a run by now; ``player``: with the threshold player at its last check."""
    if player and _has_threshold(run):
        _player_title()
        _threshold(run, history, check)
    if history is None:
        return
    _curves(run, history)
    _blocks(run, history)
    _meters(run, history)


def _has_threshold(run: RecoveryRun) -> bool:
    return "warmup" in run.settings


def _player_title() -> None:
    st.subheader("Threshold player", help=help_of("freezing_threshold", "warm_up", "cka"), anchor=False)


def _threshold(run: RecoveryRun, history: History | None, check: int | None) -> None:
    """The threshold with where the run is, and each block's importance at a check (None: the last one)."""
    schedule = schedule_of(run.settings)
    total = history.total if history is not None else total_steps(len(run.train), run.settings)
    now = check if check is not None else (history.step if history is not None else 0)
    sides = st.grid(2, min_column_width=300, gap=("small", "large"))
    with sides.cell():
        drawing = charts.threshold_curve(schedule.frame(total), warm_up=schedule.ramp(total)[0], now=now)
        draw(drawing, key="recover_threshold", alt=f"The threshold over {total:,} steps, and where the run is")
    with sides.cell():
        if history is None or not history.checks:
            st.markdown(f"Importance is first checked at step {schedule.check_steps(total)[0]:,}.")
            return
        frame = history.importance_frame()
        at = check if check is not None else history.checks[-1].step
        absolute = schedule.scale != "relative"
        top = float(max(frame["importance"].max(), schedule.level)) if absolute else None
        drawing = charts.importance_bars(frame[frame["step"] == at], relative=not absolute, top=top)
        draw(drawing, key="recover_bars", alt="Importance of each block at that check, with the threshold")


def _curves(run: RecoveryRun, history: History) -> None:
    st.subheader("Quality and loss", help=help_of("selection_split", "loss"), anchor=False)
    quality, levels = history.quality_frame(), run.levels.get("selection")
    known = [] if levels is None else [("unpruned", levels.whole), ("pruned", levels.masked)]
    lines = pd.DataFrame(
        [(name, one.metrics[history.metric].value) for name, one in known], columns=["name", "value"]
    ).astype({"value": float})
    sides = st.grid(2, min_column_width=300, gap=("small", "large"))
    title = numbers.title_of(history.metric)
    with sides.cell():
        drawing = charts.recovery_quality(
            quality, lines, title=title, total=history.total, percent=history.metric in numbers.SHARES
        )
        draw(drawing, key="recover_quality", alt=f"{title} on {len(run.validation):,} validation texts by step")
    with sides.cell():
        drawing = charts.loss_curve(history.loss_frame(), quality, total=history.total)
        draw(drawing, key="recover_loss", alt="Loss in training and on the validation texts by step")


def _blocks(run: RecoveryRun, history: History) -> None:
    if not history.checks:
        return
    st.subheader("Blocks", help=help_of("cka", "adapter"), anchor=False)
    frame = history.importance_frame()
    sides = st.grid(2, min_column_width=300, gap=("small", "large"))
    if _has_threshold(run):
        with sides.cell():
            st.markdown("How far each block's output has moved, absolute; the player shows shares of the greatest.")
            draw(charts.importance_map(frame), key="recover_map", alt="1 − CKA of each block at each check")
    with sides.cell():
        st.markdown("Only frozen blocks at the bottom, with nothing live below them, save memory and arithmetic.")
        drawing = charts.prefix_strip(frame, layers=history.layers, total=history.total, step=history.step)
        draw(drawing, key="recover_strip", alt="Which blocks are live, frozen and free, or frozen and carrying")


def _meters(run: RecoveryRun, history: History) -> None:
    """Memory and time, as of the last checkpoint while it runs."""
    cost = run.cost()
    if cost is None or not cost.segments:
        return
    st.subheader("Memory and time", help=help_of("saved_activations"), anchor=False)
    measured = sum(segment.steps for segment in cost.segments)
    if run.recovery is None:
        st.markdown(f"As of step {measured:,}, its last checkpoint.")
    columns, peak = places(5, "recover_meters"), cost.activations.peak
    for place, name in zip(columns, ("mean", "peak", "end"), strict=False):
        value = getattr(cost.activations, name)
        below = f"{numbers.signed(100 * (value / peak - 1), 0)} % of the peak" if value < peak else "per step"
        figure(place, f"Saved activations, {name}", in_bytes(value), below, "saved_activations")
    figure(
        columns[3], "A training step", f"{1000 * cost.step_seconds:,.0f} ms", f"median of {measured:,}",
        explained="By the clock of this machine, which other work shares.",
    )  # fmt: skip
    figure(columns[4], "Time", f"{cost.total_seconds:,.0f} s", seconds_in_words(cost), explained=_SECONDS)


_SECONDS = "By the clock: training steps, checks of importance, evaluation on the validation texts, saving checkpoints."


def seconds_in_words(cost: Cost) -> str:
    """ "training 12 s, scoring 1 s, evaluation 3 s"."""
    return ", ".join(f"{kind} {seconds:,.0f} s" for kind, seconds in cost.seconds.items() if round(seconds))

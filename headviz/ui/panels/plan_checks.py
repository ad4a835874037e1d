"""How far to trust a plan: what it shares with another criterion, and how much of it stays when seed and examples
change."""

from __future__ import annotations

import streamlit as st

import headviz as hv
from headviz.complementarity.plan import Plan
from headviz.ui import charts, numbers, plan_frames
from headviz.ui.controls import help_of
from headviz.ui.draw import draw, draw_pickable
from headviz.ui.page import Page
from headviz.ui.plans import RESAMPLES, SEEDS, Plans
from headviz.ui.waiting import wait_for

_KINDS = {"seed": "other seeds", "resample": "resampled examples"}


def _start(plans: Plans, plan: Plan) -> None:
    plans.ask_stability(plan)


def overlap(page: Page, plan: Plan) -> None:
    st.header("Shared with another criterion", help=help_of("overlap", "chance_line"), anchor=False)
    plans = Plans(page.results)
    criteria = plans.overlap_criteria()
    criterion = st.selectbox(
        "Criterion", criteria, key="overlap_criterion", persist_state="session", width=320,
        index=criteria.index("his"), format_func=lambda name: hv.criteria[name].title,
    )  # fmt: skip
    curve = plans.overlap(criterion)
    if curve is None:
        waiting = plans.ask_overlap(criterion)
        curve = plans.overlap(criterion)
        if curve is None:
            wait_for(waiting, page)
            return
    title = hv.criteria[criterion].title
    draw(charts.shared(curve, plan.mask.count), key="overlap", alt=f"Heads shared with {title} over heads kept")
    if curve.attrs["chance"] == "salience":
        band = (
            f"Grey: what random clusters of the same sizes share with {title}, 200 draws. Salience picks within "
            "clusters, so much is shared whatever the clusters are."
        )
    else:
        band = "Grey: what two unrelated choices of these sizes share, with its 95 % band (hypergeometric)."
    st.markdown(band)


def stability(page: Page, plan: Plan) -> None:
    st.header("Stability", help=help_of("stability", "bootstrap", "jaccard"), anchor=False)
    plans = Plans(page.results)
    table, job = plans.stability(plan), plans.stability_job(plan)
    if table is None and job is not None and job.state != "done":
        wait_for(job, page)
        return
    if table is None:
        st.button(
            "Repeat the choice",
            key="stability",
            icon=":material/replay:",
            on_click=_start,
            args=(plans, plan),
        )
        st.markdown(
            f"Groups the heads again under {SEEDS} other seeds, and on {RESAMPLES} draws of the same examples with "
            f"replacement, at {numbers.many(plan.k or 0, 'cluster')}: one more pass over the examples."
        )
        return
    mean, low, high = table.attrs["chance"]
    own_knees = table["k"].to_numpy(dtype=float, na_value=float("nan"))
    runs = table.assign(kind=table["kind"].map(_KINDS), k=own_knees)[["kind", "run", "k", "jaccard"]]
    draw(
        charts.steadiness(runs, table.attrs["chance"]), key="steadiness",
        alt="Jaccard index of each repeat with this choice of heads",
    )  # fmt: skip
    means = runs.groupby("kind", sort=False)["jaccard"].mean()
    said = "; ".join(f"{kind} {value:.2f} in the mean" for kind, value in means.items())
    st.markdown(f"Jaccard index: {said}. By chance, with salience picking: {mean:.2f} ({low:.2f} to {high:.2f}), grey.")
    drawing = charts.heatmap(
        plan_frames.kept_shares(plan, table, page.session.picked), "share", title="Kept in", domain=(0, 1), number=".0%"
    )
    draw_pickable(page, drawing, key="kept_shares", alt="The share of repeats that keep each head")
    st.markdown("The share of repeats that keep each head; × marks heads that this plan prunes.")

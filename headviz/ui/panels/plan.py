"""The plan at a degree: the graph of heads, the curve that says how many, which heads stay, and what that leaves per
layer. Fragments, so that a move of the degree draws these and nothing else again."""

from __future__ import annotations

import streamlit as st

from headviz.complementarity.noise import compared
from headviz.complementarity.plan import Plan
from headviz.ui import charts, numbers, plan_frames
from headviz.ui.controls import help_of
from headviz.ui.draw import draw, draw_pickable
from headviz.ui.errors import note, shown
from headviz.ui.page import Page
from headviz.ui.panels import plan_settings
from headviz.ui.plans import Plans
from headviz.ui.waiting import wait_for

_MOST_JOINED = 40


@st.fragment(key=plan_settings.PARTS[0])
def first_part(page: Page) -> None:
    """The degree, the graph and the curve."""
    with shown():
        plans = Plans(page.results)
        left, right = st.columns([3, 1], gap="large", vertical_alignment="top")
        with left:
            plan_settings.degree_slider(page)
        with right:
            plan_settings.count_field(page)
        plan = plans.plan()
        if plan is None:
            return
        with st.container(key="in_force"):  # a place of its own: a sentence more must not move the charts to new ones
            _in_force(page, plans, plan)
        left, right = st.columns(2, gap="large")
        with left, shown():
            _graph(page, plan)
        with right, shown():
            _curve(page, plans, plan)


def _in_force(page: Page, plans: Plans, plan: Plan) -> None:
    trouble = plans.knee_trouble()
    if trouble is not None:
        note(trouble)
    if plan.k is None:
        st.markdown("No head is kept or pruned in the pictures below until there is a number of heads.")
        return
    kept, rescued = plan.picked
    total, brought = len(plan), int(rescued.sum())
    if page.session.plan.count is not None:
        why = "as asked"
    elif trouble is not None:
        why = "the last number of heads that there was"
    else:
        why = "no smoothing" if plan.degree is None else f"the knee at degree {plan.degree}"
    clusters = numbers.many(plan.k, "cluster")
    text = f"**{int(kept.sum())} of {total} heads kept** ({numbers.share(kept.mean())}): {clusters}, {why}"
    text += f", and {brought} brought back by the layer guard." if brought else "; no layer lost all of its heads."
    if not plan.options.guard:
        text = text.replace("; no layer lost all of its heads.", "; the layer guard is off.")
    st.markdown(text)
    differs = plan.provenance["plan"]["differs"]
    differs = [name for name in differs if name != "degree"]
    st.markdown(
        f'Preset "{plan.preset}"' + (f", other than it: {', '.join(differs)}." if differs else ", unchanged.")
        + (" There is no salience: medoids stand for their clusters." if plan.salience is None else "")
    )  # fmt: skip


def _graph(page: Page, plan: Plan) -> None:
    st.header("Heads that do similar work", help=help_of("complementarity", "cluster", "medoid"), anchor=False)
    session = page.session
    with st.container(horizontal=True, gap="medium", key="graph_choices"):
        colours = [name for name in charts.COLOURS if plan.salience is not None or name != "salience"]
        colour = st.selectbox(
            "Colour", colours, key="graph_colour", persist_state="session", width=160,
            format_func=lambda name: charts.COLOURS[name].lower(),
        )  # fmt: skip
        many = plan.k is not None and int(plan.picked[0].sum()) > _MOST_JOINED
        kept = st.toggle(
            "Edges between kept heads", key="graph_kept", persist_state="session", disabled=many,
            help=f"Drawn up to {_MOST_JOINED} kept heads; more would be a grey cloud.",
        )  # fmt: skip
    points = plan_frames.graph_points(plan, session.picked)
    edges = plan_frames.graph_edges(plan, kept=bool(kept) and not many)
    drawing = charts.graph(points, edges, colour=colour or "role")
    draw_pickable(page, drawing, key="graph", alt="Heads in the space they were grouped in, a mark per head")
    st.markdown(
        "Hollow: a medoid that is kept. Solid: kept for its cluster. Faint: pruned. Dashed ring: brought back by the "
        "layer guard. Lines join heads that are among each other's three nearest before any reduction. "
        + _of_the_space(plan)
    )


def _of_the_space(plan: Plan) -> str:
    if plan.placed.space == "tsne":
        return "The axes have no unit, and distances on a t-SNE plane are not to scale."
    if plan.placed.space == "features":
        return "Heads were grouped without a plane: these are two principal coordinates, for looking only."
    return "Axes are principal coordinates and have no unit."


def _curve(page: Page, plans: Plans, plan: Plan) -> None:
    st.header("How many: the silhouette curve", help=help_of("mss", "knee", "noise_curve"), anchor=False)
    noise = plans.noise()
    unasked = plans.noise_is_quick or plans.noise_job() is not None
    waiting = plans.ask_noise() if noise is None and unasked else None
    noise = plan_frames.noise_at((plans.noise() or {}) if noise is None else noise, plan.degree)
    curve, knees = plan.curve.round(5), plan_frames.knees(plan)
    if not len(curve):
        note("There are too few different heads for a curve.")
        return
    drawing = charts.silhouettes(curve, knees, plan_frames.noise_bands(noise), plan_frames.noise_knees(noise))
    draw(charts.difference(curve, knees), key="difference", alt="How far the scaled fit rises above the diagonal")
    draw(drawing, key="silhouettes", alt="Mean simplified silhouette over the number of clusters, with fit and knee")
    if noise:
        st.markdown(compared(plan.silhouettes.k, len(plan), plan.degree, noise["columns"]))
        if "labels" not in noise:
            st.markdown("Permuted labels have no band here: the signatures or the distance know none.")
    elif unasked:
        wait_for(waiting, page)
    else:
        st.button(
            "Compare with matched noise", key="ask_noise", on_click=_ask_noise, args=(plans,),
            help=help_of("noise_curve"),
        )  # fmt: skip
        st.markdown("With so many classes the same procedure on noise, 5 seeds each, takes some minutes.")
    st.markdown(
        "Points: the curve; line: the fit; faint dashes: the nearest form, which never decides. Bands: the same "
        "procedure on matched noise, 5 seeds each, with triangles at their knees. Above: how far the scaled fit rises "
        "over the diagonal; its top is the knee."
    )


def _ask_noise(plans: Plans) -> None:
    plans.ask_noise()


@st.fragment(key=plan_settings.PARTS[1])
def second_part(page: Page) -> None:
    """What stays, per layer, and the ways to take it along."""
    with shown():
        plan = Plans(page.results).plan()
        if plan is None or plan.k is None:
            return
        left, right = st.columns(2, gap="large")
        with left, shown():
            _roles(page, plan)
        with right, shown():
            _layers(plan)
        from headviz.ui.panels import plan_checks, plan_home, plan_quality

        with shown():
            plan_home.take_home(page, plan)
        left, right = st.columns(2, gap="large")
        with left, shown():
            plan_checks.overlap(page, plan)
        with right, shown():
            plan_checks.stability(page, plan)
        with shown():
            plan_quality.quality(page, plan)


def _roles(page: Page, plan: Plan) -> None:
    st.header("Which heads stay", help=help_of("mask", "layer_guard", "representative"), anchor=False)
    points = plan_frames.graph_points(plan, page.session.picked)
    draw_pickable(page, charts.roles(points), key="roles", alt="Role of each head, one row per layer")
    st.markdown("M: a medoid, kept. K: kept for its cluster. R: brought back by the layer guard. No letter: pruned.")


def _layers(plan: Plan) -> None:
    st.header("What is pruned per layer", help=help_of("proximity_bias"), anchor=False)
    table, depths = plan_frames.layer_shares(plan)
    draw(charts.shares(table), key="shares", alt="Pruned share of each layer, with top salience and random")
    of_salience = f"top salience {depths['salience'][0]:.2f}, " if "salience" in depths else ""
    middle, low, high = depths["random"]
    st.markdown(
        f"Bars: CAHP; diamonds: top salience; grey: 95 % of 20 random choices of as many heads. Mean depth of kept "
        f"heads, 0 the input and 1 the output: CAHP {depths['cahp'][0]:.2f}, {of_salience}random {middle:.2f} "
        f"({low:.2f} to {high:.2f})."
    )

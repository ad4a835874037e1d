"""The settings of CAHP: what signatures are taken on, how heads are grouped, and how many are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

import headviz as hv
from headviz.complementarity.presets import PRESETS, PROBE, PlanOptions, SignatureOptions, option_of
from headviz.ui import controls
from headviz.ui.controls import answer, emphasis, help_of, show
from headviz.ui.errors import note, plain
from headviz.ui.page import Page
from headviz.ui.panels import by_class
from headviz.ui.plan_choice import DEGREES
from headviz.ui.plans import Plans
from headviz.ui.shell import NAVIGATION
from headviz.ui.waiting import wait_for

if TYPE_CHECKING:
    from headviz.complementarity.signature import Signatures

PARTS = ("plan_first", "plan_second")  # the fragments that show a plan
_FEW_HEADS = 8
_NO_COUNT = 0


def settings(page: Page) -> None:
    """What signatures and groups rest on; a change of the first asks for a new pass."""
    st.header("What is compared, and how", help=help_of("separability", "cluster", "plan"), anchor=False)
    with st.container(horizontal=True, gap="medium", key="plan_settings"):
        _named(page, "preset", "Preset", PRESETS, _PRESET_HELP)
        _grid(page)
        _registered(page, "space", "Space", hv.spaces)
        _registered(page, "distance", "Distance", hv.distances)
        option = option_of(PlanOptions, "representative")
        _named(page, "representative", "Representative", option.choices, help_of("representative", "salience"))
        _seed(page)
        _guard(page)


_PRESET_HELP = (
    "headviz: a grid of at most 24 that fits the texts, shares of attention that add up to one, and permuted labels "
    "for the noise floor. reference: the steps of the authors' implementation (grid 32, bilinear, seed 42). The "
    "settings beside it win over either."
)


def _chosen(page: Page, name: str) -> Any:
    key = f"_w_plan_{name}"
    return answer(key, lambda value: page.session.choose_plan(**{name: value}))


def _named(page: Page, name: str, label: str, names: Any, explained: str) -> None:
    key = f"_w_plan_{name}"
    show(key, getattr(page.session.plan, name))
    st.segmented_control(
        label, list(names), key=key, required=True, on_change=_chosen(page, name), help=explained, width="content"
    )


def _registered(page: Page, name: str, label: str, registry: Any) -> None:
    key = f"_w_plan_{name}"
    show(key, getattr(page.session.plan, name))
    explained = "\n\n".join(f"**{entry.title}**: {entry.explain}" for entry in registry.values())
    st.selectbox(
        label, list(registry), key=key, width=240, format_func=lambda one: registry[one].title,
        on_change=_chosen(page, name), help=explained,
    )  # fmt: skip


def _grid(page: Page) -> None:
    option, key = option_of(SignatureOptions, "grid"), "_w_plan_grid"
    show(key, page.session.plan.grid)
    st.number_input(
        "Grid", int(option.low or 2), int(option.high or 128), value=None, step=1, key=key, width=150,
        placeholder=str(page.session.plan.with_(grid=None).asked_grid),
        on_change=lambda: page.session.choose_plan(grid=st.session_state[key]),
        help=f"{option.sentence} Empty: the preset's, at most the median length of the texts.",
    )  # fmt: skip


def _seed(page: Page) -> None:
    option, key = option_of(PlanOptions, "seed"), "_w_plan_seed"
    show(key, page.session.plan.seed_in_use)
    st.number_input(
        "Seed", int(option.low or 0), int(option.high or 0), step=1, key=key, width=150,
        on_change=_chosen(page, "seed"),
        help=f"{option.sentence} On a t-SNE plane the seed moves the choice of heads; the check of stability below "
        "says how far.",
    )  # fmt: skip


def _guard(page: Page) -> None:
    key = "_w_plan_guard"
    show(key, page.session.plan.guard)
    st.toggle("Layer guard", key=key, on_change=_chosen(page, "guard"), help=help_of("layer_guard"))


def examples(page: Page) -> None:
    """What the pass runs over: how many examples, and how many of each class."""
    controls.calibration_choice(page)
    counts, data = Plans(page.results).class_counts(), page.results.calibration_data()
    named = by_class.in_sentence(counts, lambda count: f"**{count:,}**")
    st.markdown(f"{len(data):,} examples of {plain(data.name)}, by class: {named}.")
    by_class.table(counts, "Examples", key="class_counts")


def signatures_part(page: Page) -> bool:
    """The button that takes signatures and what came of them; True once there are some."""
    plans = Plans(page.results)
    known, job = plans.signatures(), plans.signature_job()
    if known is None:
        if job is not None and job.state != "done":
            wait_for(job, page)
            return False
        st.button(
            "Take signatures", key="take_signatures", type=emphasis(), icon=":material/fingerprint:",
            on_click=_start, args=(plans,),
            help=help_of("signature") + "\n\nOne forward and one backward pass, in the background.",
        )  # fmt: skip
        outputs = f" The distance compares head outputs, so {PROBE} examples' outputs are kept." * (
            page.session.plan.distance == "cka"
        )
        st.markdown(
            "A signature says what a head's attention looks like on each class, whatever the length of the text. "
            f"Taking them is one forward and one backward pass over these examples.{outputs}"
        )
        return False
    asked = page.session.plan.asked_grid
    used, lengths = f"{known.grid} x {known.grid} cells", _lengths(known)
    st.markdown(
        f"Signatures of {len(known)} heads on {int(known.counts.sum()):,} examples, {used}"
        + (f" ({asked} asked for, {known.grid} used)." if asked != known.grid else " as asked.")
        + f" Mean length by class: {by_class.in_sentence(lengths, '{:.1f}'.format)} tokens; where these differ, part "
        "of what tells classes apart is length."
    )
    by_class.table(lengths, "Mean length", key="class_lengths")
    return True


def _lengths(known: Signatures) -> dict[str, float]:
    named = zip(known.classes, known.lengths.tolist(), known.counts, strict=True)
    return {name: round(length, 1) for name, length, count in named if count}


def _start(plans: Plans) -> None:
    plans.ask_signatures()


def degree_slider(page: Page) -> None:
    """The degree of the fit, 1 to 8 and no smoothing: a move seeks the knee again and nothing else."""
    session, key = page.session, "_w_plan_degree"

    def chosen() -> None:
        session.choose_plan(degree=int(st.session_state[key]) or None, count=None)
        controls.draw_again((*PARTS, NAVIGATION))

    controls.slider(
        st.select_slider,
        "Degree of the fit",
        [degree or 0 for degree in DEGREES],
        key=key,
        value=session.plan.degree or 0,
        format_func=lambda degree: str(degree) if degree else "no smoothing",
        on_change=chosen,
        help=help_of("degree", "knee", "mss"),
    )
    st.markdown(
        "The degree sets the kept share almost alone: from about half of the heads at 2 to a fifth at 8, on noise as "
        "on real heads. Without smoothing the number follows the data more and is less stable."
    )


def count_field(page: Page) -> None:
    """A number of heads in the place of the knee's."""
    session, key = page.session, "_w_plan_count"
    show(key, session.plan.count)

    def chosen() -> None:
        session.choose_plan(count=st.session_state[key])
        controls.draw_again((*PARTS, NAVIGATION))

    st.number_input(
        "Number of heads", 1, session.heads, value=None, step=1, key=key, placeholder="by the knee", width=200,
        on_change=chosen,
        help="Clusters to make, one head of each is kept; heads that the layer guard brings back come on top. "
        "Empty: what the knee says. A move of the degree empties it.",
    )  # fmt: skip


def shape_notes(page: Page) -> None:
    """What to know of a small model."""
    subject = page.session.subject
    assert subject is not None
    if len(subject.heads) == 1:
        note("This model has one layer, so the layer guard has nothing to do.")
    if sum(subject.heads) < _FEW_HEADS:
        note(
            f"This model has {sum(subject.heads)} heads: too few for a knee. Say a number of heads yourself; "
            "everything else works."
        )

"""Masks under names: put the one in hand aside, and see two of them side by side, head by head and measured."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

import headviz as hv
from headviz.ui import charts, numbers
from headviz.ui.controls import help_of
from headviz.ui.draw import draw
from headviz.ui.errors import sentence
from headviz.ui.frames import heads_frame
from headviz.ui.measured import Measured
from headviz.ui.page import Page
from headviz.ui.panels import quality, take_home
from headviz.ui.panels.answers import loss_change, loss_interval
from headviz.ui.panels.figures import figure, places
from headviz.ui.taken import Taken
from headviz.ui.waiting import wait_for

if TYPE_CHECKING:
    from headviz.evaluation import Evaluation
    from headviz.mask import Mask
    from headviz.stats import Estimate

MOST = 20  # names
LONGEST = 60  # characters of a name
IN_HAND = ""  # among names, which are never empty
_IN_HAND_TITLE = "Current mask"
_NAME, _SUGGESTED, _TROUBLE = "mask_name", "_suggested_name", "_name_trouble"
_SIDES = {"A": "side_a", "B": "side_b"}
_WANTED = "_measure_sides"  # codes of the masks that the visitor wants measured


def side_by_side(page: Page, mask: Mask) -> None:
    """Name the mask in hand, choose two, and compare them."""
    st.header("Masks side by side", help=help_of("mask", "overlap"), anchor=False)
    _naming(page, mask)
    if not page.session.named:
        st.markdown(
            "No mask is named yet. Save the current one under a name, change heads or the criterion, and compare the "
            "two here."
        )
        return
    a, b = _chosen(page, mask)
    if a.code == b.code:
        st.markdown("**A and B cut the same heads.** Choose another mask, or change heads of the current one.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        _heads(a, b)
    with right:
        _quality(page, mask, a, b)


# -- names -------------------------------------------------------------------------------------------------------------


def _naming(page: Page, mask: Mask) -> None:
    named, state = page.session.named, st.session_state
    if len(named) >= MOST:
        st.markdown(f"{MOST} masks are named, which is the most; delete one to name another.")
        return
    suggested, before = suggested_name(mask, list(named)), state.setdefault(_SUGGESTED, [])
    # What was typed stays. All suggestions count as not typed: of a run that was broken off, the field never came.
    if state.get(_NAME) is None or (suggested not in before[-1:] and state[_NAME] in ("", *before)):
        state[_NAME] = suggested
    if suggested not in before[-1:]:
        before[:] = [*before[-20:], suggested]
    with st.container(horizontal=True, vertical_alignment="bottom", key="naming"):
        st.text_input(
            "Name for the current mask", key=_NAME, width=360, on_change="ignore", persist_state="session",
        )  # fmt: skip
        st.button(
            "Save under this name",
            key="put_aside",
            icon=":material/bookmark_add:",
            on_click=_put_aside,
            args=(page, mask),
        )
    if trouble := state.pop(_TROUBLE, None):
        sentence(trouble)


def _put_aside(page: Page, mask: Mask) -> None:
    named, state = page.session.named, st.session_state
    name = " ".join(str(state[_NAME] or "").split())
    if trouble := trouble_with(name, list(named)):
        state[_TROUBLE] = trouble
        return
    named[name] = mask
    state[_NAME], state[_SIDES["A"]], page.session.own_run = None, name, True


def trouble_with(name: str, named: list[str]) -> str | None:
    """The sentence on why a mask cannot go by ``name``, or None."""
    if not name:
        return "The name is empty; type one."
    if len(name) > LONGEST:
        return f"The name has {len(name)} characters; {LONGEST} is the most."
    if name.lower() == _IN_HAND_TITLE.lower():
        return f"{name} is what the mask in the grid is called; choose another name."
    if name in named:
        return f"There is a mask named {name} already, and it stays as it is; choose another name."
    if len(named) >= MOST:
        return f"{MOST} masks are named, which is the most; delete one first."
    return None


def suggested_name(mask: Mask, named: list[str]) -> str:
    """ "HIES 0.970, 22 cut", "Random, 3 by hand, 22 cut": a name that is not there yet."""
    criterion = mask.provenance.get("criterion") or {}
    parts = ["Mask"]
    if criterion.get("name") in hv.criteria:
        alpha = (criterion.get("options") or {}).get("alpha")
        told = f" {alpha:.3f}" if isinstance(alpha, float) else ""
        parts = [f"{hv.criteria[criterion['name']].title}{told}"]
    if by_hand := criterion.get("by_hand"):
        parts.append(f"{len(by_hand)} by hand")
    name = ", ".join([*parts, f"{len(mask.pruned)} cut"])
    further = (f"{name} ({number})" for number in range(2, len(named) + 3))
    return next(one for one in (name, *further) if one not in named)


# -- the two -----------------------------------------------------------------------------------------------------------


def _chosen(page: Page, mask: Mask) -> tuple[Mask, Mask]:
    """The two masks that stand side by side, each with what can be done with it."""
    named, state = page.session.named, st.session_state
    options = [*named, IN_HAND]
    for side, default in (("A", options[-2]), ("B", IN_HAND)):
        if state.get(_SIDES[side]) not in options:
            state[_SIDES[side]] = default
    masks = []
    for side, column in zip(_SIDES, st.columns(2, gap="large"), strict=True):
        with column:
            name = st.selectbox(
                side, options, key=_SIDES[side], format_func=lambda one: one or _IN_HAND_TITLE,
                persist_state="session",
            )  # fmt: skip
            masks.append(named.get(name, mask))
            _about(page, mask, side, name, masks[-1])
    return masks[0], masks[1]


def _about(page: Page, in_hand: Mask, side: str, name: str, mask: Mask) -> None:
    session = page.session
    text = f"{mask.count} of {sum(mask.heads)} heads kept, {len(mask.pruned)} cut."
    against = [head for head, kept in session.choice.locks.items() if kept != (head in mask.kept)]
    if against:
        heads = "1 locked head differs" if len(against) == 1 else f"{len(against)} locked heads differ"
        text += f" {heads} here; using the mask leaves locks as they are."
    st.markdown(text)
    with st.container(horizontal=True, key=f"side_actions_{side}"):
        st.button(
            f"Use {side}", key=f"use_{side}", icon=":material/check:", on_click=_use, args=(page, mask, name),
            disabled=mask.code == in_hand.code, help="Make it the current mask; undo takes that back.",
        )  # fmt: skip
        st.download_button(
            f"Download {side} (JSON)", take_home.with_lineage(page, mask).content(".json"),
            file_name(name or _IN_HAND_TITLE), "application/json",
            key=f"download_{side}", on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        st.button(
            f"Delete {side}", key=f"delete_{side}", icon=":material/delete:", on_click=_delete, args=(page, name),
            disabled=name == IN_HAND, help="Forget this name. The current mask stays.",
        )  # fmt: skip


def _use(page: Page, mask: Mask, name: str) -> None:
    page.results.take(Taken("earlier", mask, name))


def _delete(page: Page, name: str) -> None:
    page.session.named.pop(name, None)
    page.session.own_run = True


def file_name(name: str) -> str:
    """A mask file's name, of letters, digits and points alone."""
    return (re.sub(r"[^\w.]+", "-", name).strip("-.") or "mask") + ".json"


# -- what differs ------------------------------------------------------------------------------------------------------


def _heads(a: Mask, b: Mask) -> None:
    st.subheader("Heads that differ", help=help_of("jaccard", "chance_line"), anchor=False)
    drawing = charts.difference_map(heads_frame(a.heads, in_a=a.keep, in_b=b.keep))
    draw(drawing, key="difference_map", alt="Which heads A and B keep: both, one of them, or neither")
    st.markdown(in_words(a, b))


def in_words(a: Mask, b: Mask) -> str:
    """How many heads two masks share, as counts, as Jaccard index and beside chance; Markdown."""
    from headviz.complementarity.overlap import hypergeometric

    total, shared = sum(a.heads), len(set(a.kept) & set(b.kept))
    either = a.count + b.count - shared
    by_chance, low, high = hypergeometric(a.count, b.count, total)
    verdict = "more than" if shared > high else "fewer than" if shared < low else "within what"
    return (
        f"Kept in both (no letter): {shared}. Only in A (A): {a.count - shared}. Only in B (B): {b.count - shared}. "
        f"Cut in both (×): {total - either}.\n\n"
        f"A and B share {shared} of the {either} heads that either keeps: Jaccard index {a.overlap(b):.2f}. Two "
        f"unrelated choices of these sizes share {by_chance:.1f} on average and {low} to {high} in 95 % of cases, so "
        f"that is {verdict} chance gives."
    )


def _quality(page: Page, in_hand: Mask, a: Mask, b: Mask) -> None:
    measured = Measured(page.results)
    st.subheader("Quality of both", help=help_of("evaluation", "paired_difference"), anchor=False)
    st.markdown(f"On {quality.examples_in_words(measured)}. {quality.caveat(page)}")
    known = measured.evaluation(a), measured.evaluation(b)
    if known[0] is None or known[1] is None:
        _measure(page, measured, in_hand, [one for one, there in zip((a, b), known, strict=True) if there is None])
        return
    _figures(known[0], known[1], quality.metric_of(page, known[0]))


def _measure(page: Page, measured: Measured, in_hand: Mask, missing: list[Mask]) -> None:
    """Measure what is missing, one after another: the newest measurement stops an older one, and the mask in hand,
    which is measured by itself, goes first."""
    others = [one for one in missing if one.code != in_hand.code]
    wanted: set[str] = st.session_state.setdefault(_WANTED, set())

    def want() -> None:
        wanted.update(one.code for one in others)
        page.session.own_run = True

    if any(one.code not in wanted for one in others):
        st.button("Measure both", key="measure_sides", icon=":material/balance:", on_click=want)
        return
    job = measured.job(in_hand) if measured.evaluation(in_hand) is None else None
    if not others or (job is not None and job.active):
        st.markdown("The current mask is measured first; the figures follow.")
    else:
        wait_for(measured.ask(others[0]), page)


def _figures(a: Evaluation, b: Evaluation, name: str) -> None:
    columns = places(5, "side_figures")
    quality.metric(columns[0], a, name, when="of A")
    quality.metric(columns[1], b, name, when="of B")
    change, loss, agreement = b.against(a, name), b.loss_against(a), b.agreement(a)
    told = f"{numbers.change_interval(change, name)}{_noise(change)}"
    figure(columns[2], f"{numbers.title_of(name)}: B less A", numbers.change(change, name), told, "paired_difference")
    told = f"{loss_interval(loss)}{_noise(loss)}"
    figure(columns[3], "Loss: B less A", loss_change(loss.value), told, "paired_difference", "loss")
    told = f"{numbers.interval(agreement, 'agreement')}, n = {len(a):,}"
    figure(
        columns[4], "Agreement of A and B", numbers.share(agreement.value), told,
        explained="The share of examples on which A and B predict the same class, whatever the true label.",
    )  # fmt: skip


def _noise(change: Estimate) -> str:
    """Whether an interval holds 0 and something else."""
    return ": could be noise" if change.low <= 0 <= change.high and change.low < change.high else ""

"""The mask: how it is chosen, the grid in which heads are cut and restored by hand, and what that leaves per layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

import headviz as hv
from headviz.ui import controls, numbers
from headviz.ui.controls import help_of
from headviz.ui.errors import note, plain
from headviz.ui.grid import Edit, head_grid, picture_of
from headviz.ui.page import Page
from headviz.ui.rules import locked_too_often, rules_of
from headviz.ui.waiting import wait_for

if TYPE_CHECKING:
    from headviz.mask import Mask

_TALL = 16  # layers
_MOST_NAMED = 12


def choice(page: Page) -> None:
    """Criterion, its options, and how many heads go."""
    if page.session.choice.taken is not None:
        _taken(page)
    controls.prune_slider(page)
    controls.criterion_choice(page)
    controls.calibration_choice(page)
    session, results = page.session, page.results
    if results.is_slow(session.choice.criterion) and results.preset() is None:
        _ask_slow(page)


def _taken(page: Page) -> None:
    """A mask stands in the criterion's place until one is chosen again."""
    assert page.session.choice.taken is not None
    note(
        f"The current mask is {plain(page.session.choice.taken.owner)}. Another criterion, option or number of heads "
        "below takes its place."
    )
    st.button(
        "Go by the criterion instead", key="drop_taken", icon=":material/undo:",
        on_click=lambda: page.session.commit(taken=None, edits={}, by_link=()),
    )  # fmt: skip


def _ask_slow(page: Page) -> None:
    """A criterion that runs the model many times waits for a click."""
    results, criterion = page.results, hv.criteria[page.session.choice.criterion]
    job = results.criterion_job()
    if job is not None and job.state != "done":
        wait_for(job, page)
        return

    def compute() -> None:
        results.ask_head_scores()

    size = results.calibration_size(page.session.choice.calibration)
    st.markdown(
        f"{criterion.title}: this runs the model many times over the {size:,} calibration examples, so it starts on "
        "a click."
    )
    st.button(
        "Compute it", key="compute", type=controls.emphasis(), on_click=compute,
        icon=":material/calculate:",
    )  # fmt: skip


def is_tall(mask: Mask) -> bool:
    """Whether the grid reaches far below the controls beside it, so that there is room for figures under them."""
    return len(mask.heads) > _TALL


def grid(page: Page, mask: Mask) -> None:
    """The head grid with locks, undo, redo and what was changed by hand."""
    session, scores = page.session, page.results.scores_behind(mask)
    heads, locks = mask.heads, session.choice.locks
    if session.grid_code != (picture := picture_of(mask.keep, heads, locks)):  # changed by something else than the grid
        session.rev, session.grid_code = session.rev + 1, picture
    st.header("Heads", help=help_of("mask", "head", "lock"), anchor=False)
    st.markdown(_summary(page, mask))
    head_grid(
        "head_grid", mask.keep, heads, session.rev, on_edit=lambda edit: _edited(page, mask, edit), locks=locks,
        hand=list(mask.by_hand), rescued=_rescued(page), picked=session.picked, whole=session.whole_names,
        values=None if scores is None else scores.values,
        score_title="" if scores is None else hv.criteria[scores.criterion].title,
    )  # fmt: skip
    _history(page)


def earlier(page: Page) -> Mask | None:
    """While a criterion is not computed yet: the mask that stood before it, to look at; None where there was none."""
    results, choice = page.results, page.session.choice
    st.header("Heads", help=help_of("mask", "head", "lock"), anchor=False)
    if not page.session.steps:
        st.markdown("The heads show here once the criterion is computed.")
        return None
    mask = page.session.steps[-1].mask
    before, now = mask.provenance.get("criterion") or {}, hv.criteria[choice.criterion].title
    of = hv.criteria[before["name"]].title if before.get("name") in hv.criteria else "the earlier criterion"
    job = results.criterion_job()
    running = job is not None and job.active
    note(
        f"The heads and figures here are still those of {of}. "
        + (f"{now} is being computed." if running else f"{now} takes their place once it is computed.")
    )
    whole = page.session.whole_names
    head_grid("head_grid_earlier", mask.keep, mask.heads, editable=False, locks=choice.locks, whole=whole)
    return mask


def _edited(page: Page, mask: Mask, edit: Edit | None) -> None:
    """Take over what was made of ``mask`` in the grid, or have the grid show the mask that stands again."""
    session = page.session
    if edit is not None and locked_too_often(edit.locks, session.choice.least, mask.heads):
        session.troubles[:] = [
            f"With this lock a layer could not keep the {session.choice.least} heads that the rules ask for. Lower "
            "that number, or lock fewer cut heads."
        ]
        edit = None
    under = page.results.preset()
    if edit is None or under is None:
        session.rev += 1
        return
    session.toggle(mask.differing(hv.Mask(edit.keep, subject=session.subject)), mask, under, edit.locks)
    session.grid_code = picture_of(edit.keep, mask.heads, edit.locks)
    session.picked = edit.last or session.picked


def _rescued(page: Page) -> list[str]:
    """The heads that the preset keeps only because their layers must keep some; a plan's are in its record."""
    choice, scores, preset = page.session.choice, page.results.head_scores(), page.results.preset()
    if choice.taken is not None:
        named = choice.taken.mask.provenance.get("rescued")
        return [head for head in choice.taken.mask.kept if head in named] if isinstance(named, list) else []
    if not choice.least or scores is None or preset is None:
        return []
    by_rank = hv.select(scores, len(preset.pruned), **rules_of(choice.locks, 0))
    return [head for head in preset.differing(by_rank) if head in by_rank.pruned]


def _summary(page: Page, mask: Mask) -> str:
    total, choice = sum(mask.heads), page.session.choice
    text = f"**{mask.count} of {total} heads kept**, {len(mask.pruned)} cut ({numbers.share(1 - mask.share)})."
    if choice.taken is not None:
        text += f" It is {plain(choice.taken.owner)}{', changed since' if choice.edits else ''}."
    linked = [head for head in mask.by_hand if head in choice.by_link]
    for said, heads in (("As the link says", linked), ("By hand", [h for h in mask.by_hand if h not in linked])):
        if heads:
            named = [f"{head} {'kept' if head in mask.kept else 'cut'}" for head in heads[:_MOST_NAMED]]
            more = f" and {len(heads) - _MOST_NAMED} more" if len(heads) > _MOST_NAMED else ""
            text += f" {said}: {page.session.told(', '.join(named))}{more}."
    if choice.locks:
        kept = sum(choice.locks.values())
        text += f" Locked: {kept} kept, {len(choice.locks) - kept} cut."
    return text


def _history(page: Page) -> None:
    session = page.session
    with st.container(horizontal=True, key="history"):
        st.button("Undo", key="undo", icon=":material/undo:", disabled=not session.past, on_click=session.undo,
                  help="Take back the last change; the browser's Back does the same.")  # fmt: skip
        st.button("Redo", key="redo", icon=":material/redo:", disabled=not session.future, on_click=session.redo)
        st.button(
            "Drop changes by hand", key="drop_edits", icon=":material/restart_alt:",
            disabled=not session.choice.edits, on_click=lambda: session.commit(edits={}, by_link=()),
            help="Go back to what stood before them: what the criterion gives, or the mask that stands in its place.",
        )  # fmt: skip


def per_layer(page: Page, mask: Mask) -> None:
    from headviz.ui import charts
    from headviz.ui.draw import draw
    from headviz.ui.frames import heads_frame

    frame = heads_frame(mask.heads, mask)
    kept = frame.loc[~frame["cut"], "layer"]
    st.header("What is left per layer", help=help_of("proximity_bias"), anchor=False)
    draw(charts.layers(frame), key="layers", alt="Kept and cut heads per layer")
    if len(kept):
        st.markdown(
            f"Mean depth of kept heads: layer {kept.mean():.1f} of {len(mask.heads) - 1}; "
            f"of all heads {frame['layer'].mean():.1f}."
        )

"""What stands on a page while something is missing: the one next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from headviz.ui import opening, sources
from headviz.ui.calibration import Base
from headviz.ui.controls import emphasis
from headviz.ui.errors import note, plain, sentence
from headviz.ui.page import Page
from headviz.ui.waiting import wait_for

if TYPE_CHECKING:
    from headviz.mask import Mask


def ready(page: Page) -> bool:
    """Whether a model and data are in hand that go together; if not, the next step stands on the page."""
    if opening.is_under_way(page):
        return False
    session = page.session
    if session.wanted_model is not None:
        asked_for(page)
    elif session.model is None:
        if session.data is None:
            st.markdown("This page needs a model and data.")
        else:
            st.markdown(f"{plain(session.data.calibration.name)} is open; next, open a model.")
        demo_button(page)
        st.page_link("app.py", label="Open a model of your own on Home", icon=":material/home:")
    elif session.data is None:
        st.markdown(
            f"{plain(session.model.subject.name)} is open; next, open data to score heads and to measure quality on."
        )
        st.page_link("app.py", label="Open data on Home", icon=":material/home:", query_params=session.written or None)
    elif (misfit := page.results.misfit()) is not None:
        sentence(opening.in_words_of_the_form(misfit))
        st.page_link(
            "app.py",
            label="Say what the labels mean on Home" if session.data.raw_labels else "Open data with labels on Home",
            icon=":material/home:",
            query_params=session.written or None,
        )
    else:
        return True
    return False


def demo_button(page: Page, label: str = "Open the demo") -> None:
    """The demo in one click."""

    def open_it() -> None:
        opening.ask_open(page, sources.DEMO, sources.DEMO)

    st.button(
        label,
        key="open_demo",
        type=emphasis(),
        icon=":material/play_arrow:",
        on_click=open_it,
        help="A small bundled classifier of product reviews with data of its own; nothing is downloaded.",
    )


STEPS = (
    (
        "Home",
        ":material/folder_open:",
        "Open a text classifier and labelled data: the demo, a Hugging Face id, your own folder.",
    ),
    (
        "Scores",
        ":material/grid_on:",
        "See what each head is worth: importance (HIS), attention entropy (AE), and both as HIES.",
    ),
    (
        "Complementarity",
        ":material/hub:",
        "Group heads that do similar work, keep one of each group (CAHP), and see how far to trust the groups.",
    ),
    ("Mask", ":material/content_cut:", "Cut heads by a criterion and by hand, and watch quality with its interval."),
    ("Recover", ":material/healing:", "Fine-tune what is left, in full, by LoRA or by SAFE, and watch it train."),
    ("Export", ":material/save:", "Take home the mask as a file, a smaller model, or code."),
)


def welcome(page: Page) -> None:
    """What a first visitor sees: the demo in one click, and what there is to do."""
    demo_button(page)
    st.markdown("The demo is a small bundled classifier of product reviews with its data; nothing is downloaded.")
    steps = st.grid(3, min_column_width=165, border=True)  # six steps in rows of three, two or one
    for name, icon, text in STEPS:
        steps.markdown(f"{icon} **{name}**  \n{text}")


def asked_for(page: Page) -> None:
    """What a link names and may not load by itself."""
    from headviz.ui import links

    session = page.session
    wanted, data = session.wanted_model or "", session.wanted_data
    if session.belongs is not None and session.belongs.link == wanted and links.is_fingerprint(wanted):
        note(
            f"This visit is of the model {session.belongs.name} from a folder, with the fingerprint {wanted}, which "
            "is not open. Open that folder on Home, and its masks, history and settings are here again."
        )
        st.page_link(
            "app.py", label="Open a model on Home", icon=":material/home:", query_params=session.written or None
        )
        return
    if links.is_fingerprint(wanted):
        note(
            f"The link is for a model from a folder, with the fingerprint {wanted}. This server does not have it open: "
            "open that folder on Home, and the link's settings are applied to it."
        )
        st.page_link(
            "app.py", label="Open a model on Home", icon=":material/home:", query_params=session.written or None
        )
        return
    source, revision = links.split_source(wanted)
    st.markdown(
        f"The link asks for the model **{plain(source)}**"
        + (f" at revision {plain(revision)}" if revision else "")
        + (f" and the data **{plain(links.split_source(data)[0])}**" if data else "")
        + " from the Hugging Face hub. A link downloads nothing by itself."
    )

    def open_it() -> None:
        opening.ask_open(page, source, links.split_source(data)[0] if data else None, revision=revision)

    st.button("Open it", key="open_asked_for", type=emphasis(), icon=":material/download:", on_click=open_it)


def mask(page: Page) -> Mask | None:
    """The mask that stands; where scores or its criterion are missing, the one next step. Nothing is computed for a
    mask that needs no criterion: one that cuts nothing, or one that stands in the criterion's place."""
    standing = page.results.mask()
    if standing is not None and not _is_unsettled(page):
        return standing
    base, standing = scores(page), page.results.mask()
    if standing is None and base is not None:
        st.markdown("There is no mask yet: its criterion has to be computed first.")
        settings = page.session.written or None
        st.page_link("pages/mask.py", label="Compute it on Mask", icon=":material/content_cut:", query_params=settings)
    return standing


def _is_unsettled(page: Page) -> bool:
    """Whether a link's mask stands of which it is not known what the criterion would give."""
    taken = page.session.choice.taken
    return taken is not None and taken.kind == "link"


def scores(page: Page) -> Base | None:
    """The scores, taken in the background when they are not there yet; None while they are not."""
    base = page.results.base()
    if base is None:
        job = page.results.ask_scores()
        wait_for(job, page)
        if job is not None and job.state in ("failed", "stopped") and st.session_state.get("_page") != "Scores":
            settings = page.session.written or None
            st.page_link(
                "pages/scores.py", label="Choose how many examples on Scores", icon=":material/grid_on:",
                query_params=settings,
            )  # fmt: skip
    page.results.settle_link()
    return base

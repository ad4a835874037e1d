"""HIES and the cut as alpha moves: a fragment, so that a move draws this and nothing else again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

import headviz as hv
from headviz.ui import charts, numbers
from headviz.ui.calibration import Base, hies_of
from headviz.ui.controls import alpha_slider, help_of, prune_slider
from headviz.ui.draw import draw, draw_pickable
from headviz.ui.errors import note, plain, shown
from headviz.ui.frames import heads_frame
from headviz.ui.page import Page
from headviz.ui.panels.head import NUMBERS
from headviz.ui.shell import NAVIGATION

if TYPE_CHECKING:
    from headviz.mask import Mask

_BLEND = "blend"
_SKEWED = 0.05


@st.fragment(key=_BLEND)
def blend(page: Page, base: Base) -> None:
    """The alpha and cut sliders, the HIES heatmap with the cut, and HIS against AE."""
    with shown():
        _controls(page)
        _charts(page, base)


def _controls(page: Page) -> None:
    st.header("HIES and the cut", help=help_of("hies", "mask"), anchor=False)
    fragments = (_BLEND, NAVIGATION, *([NUMBERS] if page.session.picked else []))
    left, right = st.columns([3, 2], gap="large")
    with left:
        alpha_slider(page, fragments=fragments)
    with right:
        prune_slider(page, fragments=fragments)


def _charts(page: Page, base: Base) -> None:
    session, results = page.session, page.results
    assert session.subject is not None and session.choice.prune is not None
    normalise = results.options("hies")["normalise"]
    scores = hies_of(base, session.choice.alpha, normalise)
    mask = results.cut_by(scores)
    frame = heads_frame(
        session.subject.heads,
        mask,
        picked=session.picked,
        his=base.his,
        ae=base.ae,
        hies=scores.values,
        rank=scores.rank(),
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"HIES from 0 to 1; {_marked(int(frame['cut'].sum()))}")
        chart = charts.heatmap(frame, "hies", title="HIES", domain=(0, 1), number=".2~f")
        draw_pickable(page, chart, key="hies", alt="HIES of every head, one row per layer; cut heads are crossed out")
        spread = charts.distribution(frame, "hies", title="HIES")
        draw(spread, key="hies_spread", alt="How HIES spreads over kept and cut heads")
    with right:
        st.markdown("HIS against AE, a mark per head.")
        lines, line = None, _between(frame)
        if normalise == "global":
            lines = charts.iso_lines(frame["his"].to_numpy(), frame["ae"].to_numpy(), session.choice.alpha, line)
        draw_pickable(
            page, charts.scatter(frame, lines), key="plane", alt="HIS against attention entropy, a mark per head"
        )
        st.markdown(
            "Dashed: lines of equal HIES (0.2, 0.4, 0.6, 0.8)." + " Solid: where the cut falls." * (line is not None)
            if lines is not None
            else f"With Normalise set to {normalise}, heads of equal HIES do not lie on straight lines here."
        )
    for sentence in (_correlation(frame), _skew(base, normalise), _stability(page, mask)):
        if sentence:
            st.markdown(sentence)
    if session.choice.edits or session.choice.taken is not None or session.choice.criterion != "hies":
        _other_mask(page)


def _marked(cut: int) -> str:
    if cut == 0:
        return "no head is cut."
    return "× marks the head that is cut." if cut == 1 else f"× marks the {cut} heads that are cut."


def _between(frame: pd.DataFrame) -> float | None:
    """The HIES between the last head cut and the first one kept."""
    ranked, cut = np.sort(frame["hies"].to_numpy()), int(frame["cut"].sum())
    return float(ranked[cut - 1 : cut + 1].mean()) if 0 < cut < len(ranked) else None


def _correlation(frame: pd.DataFrame) -> str:
    ranks = frame[["his", "ae"]].rank().to_numpy()
    if (ranks.std(axis=0) == 0).any():
        return ""
    correlation = numbers.signed(float(np.corrcoef(ranks.T)[0, 1]), 2)
    return f"Rank correlation of HIS and AE over these {len(frame)} heads: {correlation}."


def _skew(base: Base, normalise: str) -> str:
    """Say so where one head's HIS dwarfs the others, so that alpha does little until it is close to 1."""
    middle = float(np.nanmedian(hies_of(base, 1.0, normalise).values))
    if normalise == "rank" or middle >= _SKEWED:
        return ""
    return (
        f"The median head has {numbers.small(middle)} of the largest HIS, so entropy decides until alpha is close "
        f"to 1. "
        "On the Mask page, Normalise set to rank makes alpha mean the same on every model."
    )


def _stability(page: Page, mask: Mask) -> str:
    """How far a small calibration set agrees with the largest that was passed over, on what to cut."""
    whole, base = page.results.whole_base(), page.results.base()
    prune = page.session.choice.prune
    if whole is None or base is None or len(base.scores) >= len(whole.scores) or not prune:
        return ""
    scores = hies_of(whole, page.session.choice.alpha, page.results.options("hies")["normalise"])
    same = len(set(mask.pruned) & set(page.results.cut_by(scores).pruned))
    few, many = f"{len(base.scores):,}", f"{len(whole.scores):,}"
    cut, are = numbers.many(prune, "head"), "is" if same == 1 else "are"
    return f"Of the {cut} cut with {few} examples, {same} {are} cut with {many} examples, too."


def _other_mask(page: Page) -> None:
    """This part always shows the cut by HIES; say so where the mask in hand is another one."""
    session = page.session
    if session.choice.taken is not None:
        note(f"The current mask is {plain(session.choice.taken.owner)}; this part shows the cut by HIES.")
    elif session.choice.criterion != "hies":
        note(
            f"The current mask goes by {hv.criteria[session.choice.criterion].title}; this part shows the cut by HIES."
        )
    elif session.choice.edits:
        count = numbers.many(len(session.choice.edits), "head")
        note(f"The current mask has {count} changed by hand; this part shows the cut by HIES alone.")

"""One head's signature, step by step: its map on one text and on the grid, then its mean map on each class and how far
each two classes lie apart in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from headviz.complementarity.picture import on_grid
from headviz.mask import parse_head
from headviz.ui import charts, numbers
from headviz.ui.controls import head_choice, help_of
from headviz.ui.draw import draw
from headviz.ui.errors import plain, shown
from headviz.ui.page import Page
from headviz.ui.waiting import wait_for

if TYPE_CHECKING:
    from headviz.complementarity.plan import Plan
    from headviz.complementarity.signature import Signatures

_WORDS = (
    "**Map**: where each token of one text looks. **Valid tokens**: padding is left out. **Grid**: parts of the text "
    "take the place of its tokens, so that texts of any length add up. **Class means**: mean and variance of each "
    "cell over the examples of a class. **JM**: how far two classes lie apart in each cell, from 0 to 2."
)
_STEPS = {"one": "One text", "all": "All texts"}
_LONGEST = 300  # letters of an example's text


def signature(page: Page, known: Signatures, plan: Plan | None) -> None:
    st.header("What one head looks like", help=help_of("signature", "jm_distance"), anchor=False)
    st.markdown(_WORDS)
    with st.container(horizontal=True, gap="medium", key="signature_choices"):
        head_choice(page)
        step = st.segmented_control(
            "Step", list(_STEPS), key="signature_step", default="all", required=True, persist_state="session",
            format_func=lambda name: _STEPS[name],
            help="One text: its map, and the same on the grid. All texts: class means, and JM between classes.",
        )  # fmt: skip
    name = page.session.picked or known.names[0]
    if step == "one":
        _one_text(page, known, name)
    else:
        _all_texts(known, plan, name)


@st.fragment
def _one_text(page: Page, known: Signatures, name: str) -> None:
    with shown():
        data = page.results.calibration_data()
        number = st.number_input(
            f"Example, 1 to {len(data):,}", 1, len(data), key=f"signature_example {data.fingerprint}",
            persist_state="session", width=220,
        )  # fmt: skip
        example = data[int(number) - 1]
        for part in example.inputs:
            st.text(part if len(part) < _LONGEST else f"{part[:_LONGEST]} …")
        text = example.inputs[0] if len(example.inputs) == 1 else example.inputs
        maps, job = page.results.soon(page.results.attention, text, name)
        if maps is None:
            wait_for(job, page)
            return
        weights = maps.maps[parse_head(name)]
        rule = known.provenance["options"]["resize"]
        left, right = st.columns(2, gap="large")
        with left:
            most = charts.MOST_TOKENS
            drawing = charts.attention_map(maps.tokens[:most], weights[:most, :most], title=f"{name}, map")
            draw(drawing, key="one_map", alt=f"Attention map of {name} on one text")
            st.markdown(
                f"{len(maps.tokens)} valid tokens" + (f", the first {most} shown." * (len(weights) > most) or ".")
            )
        with right:
            values = on_grid(weights, known.grid, rule)
            title = f"{name}, {known.grid} x {known.grid} cells"
            drawing = charts.cells(values, title=title, number=".4f", top=float(values.max()))
            draw(drawing, key="one_grid", alt=f"The same map of {name} on the grid")
            kept = "each row still adds up to 1" if rule == "mass" else "bilinear, so values fall with length"
            st.markdown(f"The same on the grid: {kept}. The special tokens stay.")


@st.fragment
def _all_texts(known: Signatures, plan: Plan | None, name: str) -> None:
    with shown():
        at = known.names.index(name)
        left, right = st.columns(2, gap="large")
        with left:
            _means(known, at, name)
        with right:
            _apart(known, plan, at, name)


def _means(known: Signatures, at: int, name: str) -> None:
    usable = [number for number, there in enumerate(known.usable) if there]
    chosen = st.selectbox(
        "Class", usable, key="signature_class", persist_state="session",
        format_func=lambda number: _with_count(known, known.classes[number]),
    )  # fmt: skip
    number = chosen if chosen in usable else usable[0]
    top = float(known.mean[at][known.usable].max())
    title = f"{name}, mean map\n{_with_count(known, known.classes[number])}"
    drawing = charts.cells(known.mean[at, number], title=title, number=".4f", top=top)
    draw(drawing, key="mean_map", alt=f"Mean map of {name} on one class")
    st.markdown(
        f"Mean over {int(known.counts[number]):,} examples of {plain(known.classes[number])}, whose mean length is "
        f"{known.lengths[number]:.1f} tokens. The colours, by the square root, are the same for all classes."
    )


def _apart(known: Signatures, plan: Plan | None, at: int, name: str) -> None:
    names = [name for name, there in zip(known.classes, known.usable, strict=True) if there]
    with st.container(horizontal=True, gap="small"):
        one, other = (_class_of_pair(known, names, side) for side in (0, 1))
    if one == other:
        st.markdown("Choose two classes that differ.")
        return
    features = known.features_of(at, None if plan is None else plan.options)
    pair = known.pairs.index((min(one, other, key=names.index), max(one, other, key=names.index)))
    title = f"{name}, JM distance\n" + " and ".join(_with_count(known, which) for which in (one, other))
    drawing = charts.cells(features[pair], title=title, number=".3f", top=2.0)
    draw(drawing, key="jm_map", alt=f"Jeffries-Matusita distance of two classes in each cell of {name}")
    text = f"Mean of this pair {numbers.small(float(features[pair].mean()))}, of all pairs "
    text += numbers.small(float(features.mean())) + "."
    if plan is None or plan.floor is None or plan.above_floor is None:
        text += " The noise floor is not known: no permuted labels."
    else:
        text += (
            f" Noise floor, from permuted labels: {numbers.small(float(plan.floor[at]))}; "
            f"{numbers.share(float(plan.above_floor[at]), 0)} of the cells lie "
            "above three times it."
        )
    st.markdown(text)


def _with_count(known: Signatures, name: str) -> str:
    count = int(known.counts[known.classes.index(name)])
    return f"{name if len(name) <= 24 else name[:23] + '…'} (n = {count:,})"


def _class_of_pair(known: Signatures, names: list[str], side: int) -> str:
    """One of the two classes that are compared: at first the first and the second."""
    chosen = st.selectbox(
        ("First class", "Second class")[side], names, index=min(side, len(names) - 1), key=f"signature_pair {side}",
        persist_state="session", format_func=lambda name: _with_count(known, name),
    )  # fmt: skip
    return str(chosen) if chosen in names else names[side]

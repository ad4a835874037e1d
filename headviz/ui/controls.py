"""Controls that several pages share. Each shows a master value of the session and, in its callback, changes it.

A callback may name fragments to draw again; then nothing else of the page runs.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st

import headviz as hv
from headviz.glossary import glossary
from headviz.ui import numbers
from headviz.ui.choice import CALIBRATION_SIZES
from headviz.ui.errors import plain
from headviz.ui.page import Page
from headviz.ui.recorded import controls_of, title_of

_ALL = 0  # "all" among sizes; None would be no choice at all
_STEPS = 60  # of the alpha slider between 0 and 0.999
_NAMED = (0.0, 0.5, 0.9, 0.97, 1.0)  # values of alpha that the ruler under the slider names
_LAST = 3.0  # -log10(1 - alpha) at the last stop before 1


def show(key: str, value: Any) -> None:
    """Give a widget its master value, in each run: one whose first run was broken off stands there without."""
    st.session_state[key] = value


def show_changed(key: str, value: Any) -> None:
    """Give a widget its master value where it holds another one: what is set goes to the browser, where it would undo
    what was typed since this run began."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def slider(kind: Callable[..., Any], *arguments: Any, key: str, value: Any, **options: Any) -> None:
    """A slider (``kind``: st.slider or st.select_slider) with its master ``value``.

    Python sets the value only where the slider holds another one. What is set goes to the browser, where it would undo
    a move made since this run began, of a held key or after another control. Else it is what a slider begins with that
    the browser does not have yet.
    """
    if st.session_state.get(key, value) == value:
        options["value"] = value
    else:
        st.session_state[key] = value
    kind(*arguments, key=key, **options)


def answer(key: str, take: Callable[[Any], None]) -> Callable[[], None]:
    """A widget's callback: ``take`` its value. No value is no answer: a choice whose first run was broken off can send
    that, and an emptied field does."""

    def changed() -> None:
        if st.session_state[key] is not None:
            take(st.session_state[key])

    return changed


def help_of(*keys: str) -> str:
    """The glossary's sentences on some terms, for a help bubble."""
    return "\n\n".join(
        f"**{glossary[key].title}**: {glossary[key].sentence}" if len(keys) > 1 else glossary[key].sentence
        for key in keys
    )


def emphasis() -> Literal["primary", "secondary"]:
    """The look of a page's main button: the filled one, where white on the primary colour can be read."""
    return "secondary" if st.context.theme.type == "dark" else "primary"


def alpha_stops(extra: Sequence[float] = ()) -> list[float]:
    """The slider's values: even steps of -log10(1 - alpha) up to 0.999, then 1, and values that were asked for
    between."""
    exact = [1 - 10 ** (-_LAST * step / _STEPS) for step in range(_STEPS + 1)]
    short = [round(alpha, 3) for alpha in exact]
    stops = [brief if short.count(brief) == 1 else round(alpha, 4) for brief, alpha in zip(short, exact, strict=True)]
    return sorted({*stops, 1.0, *extra})


def alpha_label(alpha: float) -> str:
    """A value of the slider in full: three decimals, more where it has more."""
    return f"{alpha:.3f}" if round(alpha, 3) == alpha else repr(alpha)


def alpha_place(alpha: float, stops: Sequence[float]) -> float:
    """Where alpha stands on a slider of these ``stops``, which lie at even distances, 0 to 1."""
    after = bisect.bisect_left(stops, alpha)
    if after >= len(stops) or stops[after] == alpha:
        return min(after, len(stops) - 1) / (len(stops) - 1)
    low, high = stops[after - 1], stops[after]
    return (after - 1 + (alpha - low) / (high - low)) / (len(stops) - 1)


def alpha_slider(page: Page, *, fragments: Sequence[str] = ()) -> None:
    """Alpha on a scale that is fine near 1, and steps to the neighbouring masks with "mask 17 of 50"."""
    session = page.session
    key = "_w_alpha"

    def chosen() -> None:
        session.set_alpha(float(st.session_state[key]))
        draw_again(fragments)

    slider(
        st.select_slider,
        "Alpha",
        _stops(page),
        key=key,
        value=session.choice.alpha,
        format_func=alpha_label,
        on_change=chosen,
        help=help_of("alpha", "hies")
        + "\n\nThe scale is finer near 1: one head often has by far the largest HIS, so entropy decides until alpha is "
        "close to 1. The paper prints no value of alpha; 0.5 is only where this page starts. 1 is HIS alone.",
    )
    _breaks(page)
    _mask_steps(page, fragments)


def _stops(page: Page) -> list[float]:
    return alpha_stops([*page.session.alpha_stops, page.session.choice.alpha])


def _breaks(page: Page) -> None:
    """A ruler under the slider: its bent scale by a few values, and a tick wherever the mask changes."""
    from headviz.ui import charts
    from headviz.ui.draw import draw

    breaks, here = page.results.breaks(), page.results.alpha_interval()
    if breaks is None or here is None:
        return
    stops = _stops(page)

    def place(alpha: float) -> float:
        return round(alpha_place(alpha, stops), 4)

    places = [place(low) for low, _, _ in breaks[1:]]
    scale = [(place(alpha), f"{alpha:g}") for alpha in _NAMED]
    drawing = charts.ticks(places, place(here[1]), place(here[2]), scale)
    draw(drawing, key="alpha_ticks", alt=f"{len(places)} values of alpha at which the mask changes")


def _mask_steps(page: Page, fragments: Sequence[str]) -> None:
    session, breaks, here = page.session, page.results.breaks(), page.results.alpha_interval()
    if breaks is None or here is None:
        return
    place, low, high = here
    cut = numbers.many(session.choice.prune or 0, "head")

    def go(to: int) -> None:
        session.set_alpha(inside(*breaks[to][:2]))
        draw_again(fragments)

    with st.container(horizontal=True, vertical_alignment="center", key="mask_steps"):
        st.button(
            "Previous mask", key="_w_mask_back", icon=":material/chevron_left:", on_click=go, args=(place - 1,),
            disabled=place == 0, help="Alpha just far enough down for another set of heads to be cut.",
        )  # fmt: skip
        st.button(
            "Next mask", key="_w_mask_next", icon=":material/chevron_right:", on_click=go, args=(place + 1,),
            disabled=place == len(breaks) - 1, help="Alpha just far enough up for another set of heads to be cut.",
        )  # fmt: skip
        which, same = f"mask {place + 1} of {len(breaks)}", f"the same from {_edge(low)} to {_edge(high)}"
        if (other := _not_by_alpha(page)) is None:
            st.markdown(
                f"**{which.capitalize()}** that alpha can give at {cut} cut, with a tick at each change: {same}"
            )
        else:
            st.markdown(f"The current mask is {other}. Alpha would give {which} at {cut} cut, {same}.")


def _not_by_alpha(page: Page) -> str | None:
    """Whose the mask in hand is where alpha did not give it, as the end of a sentence; else None."""
    choice = page.session.choice
    if choice.taken is not None:
        return plain(choice.taken.owner)
    return None if choice.criterion == "hies" else f"by {title_of(choice.criterion)}"


def inside(low: float, high: float) -> float:
    """The shortest decimal, of three places or more, within an interval of alpha."""
    if low == high:
        return low
    middle = (low + high) / 2
    for places in range(3, 16):
        candidate = round(middle, places)
        if low < candidate < high:
            return candidate
    return middle


def prune_slider(page: Page, *, fragments: Sequence[str] = ()) -> None:
    """How many heads go, in heads and percent."""
    session, total, key = page.session, page.session.heads, "_w_prune"

    def chosen() -> None:
        session.commit(prune=int(st.session_state[key]))
        draw_again(fragments)

    slider(
        st.select_slider,
        "Heads to cut",
        range(total + 1),
        key=key,
        value=session.choice.prune,
        format_func=lambda heads: f"{heads} of {total} ({100 * heads / total:.0f} %)",
        on_change=chosen,
        help=help_of("pruning", "sparsity"),
    )


def calibration_choice(page: Page) -> None:
    """How many examples scores rest on; sizes up to the largest that was passed over need no new pass."""
    session, key = page.session, "_w_calibration"
    total = page.results.calibration_size(None)
    sizes = {size for size in (*CALIBRATION_SIZES, session.choice.calibration) if size is not None and size < total}
    current = session.choice.calibration
    show(key, current if current in sizes else _ALL)

    st.segmented_control(
        f"Calibration examples, of {total:,}",
        [*sorted(sizes), _ALL],
        key=key,
        format_func=lambda size: f"{size:,}" if size else "all",
        required=True,
        on_change=answer(key, lambda size: session.commit(calibration=size or None)),
        help=help_of("calibration_set", "stability")
        + "\n\nSmaller sets are drawn from the scores already taken, with no new pass.",
    )


def criterion_choice(page: Page) -> None:
    """Which criterion decides, with controls for its options as the criterion declares them."""
    session, key = page.session, "_w_criterion"
    show(key, session.choice.criterion)
    st.selectbox(
        "Criterion",
        list(hv.criteria),
        key=key,
        format_func=lambda name: hv.criteria[name].title,
        on_change=lambda: session.commit(criterion=st.session_state[key]),
        help=help_of("criterion") + f"\n\n{_explained(session.choice.criterion)}",
    )
    criterion = hv.criteria[session.choice.criterion]
    for name, option in controls_of(criterion.name).items():
        if name == "alpha":
            alpha_slider(page)
        else:
            _option(page, criterion.name, name, option)


def _explained(criterion: str) -> str:
    return f"**{hv.criteria[criterion].title}**: {hv.criteria[criterion].explain}"


def _option(page: Page, criterion: str, name: str, option: Any) -> None:
    session, key = page.session, f"_w_{criterion}_{name}"
    value = session.option(criterion, name, option.default)

    chosen = answer(key, lambda given: session.set_option(criterion, name, given, option.default))
    label = name.replace("_", " ").capitalize()
    if option.choices:
        show(key, value)
        st.segmented_control(
            label, option.choices, key=key, on_change=chosen, help=option.sentence, required=True,
            format_func=lambda choice: choice.replace("_", " "),
        )  # fmt: skip
        return
    kind = int if option.whole else float
    show(key, kind(value))
    st.number_input(
        label,
        min_value=None if option.low is None else kind(option.low),
        max_value=None if option.high is None else kind(option.high),
        step=1 if option.whole else None,
        key=key,
        on_change=chosen,
        help=option.sentence,
    )


def head_choice(page: Page) -> None:
    """Pick a head by name."""
    session, key = page.session, "_w_head"
    names = hv_head_names(page)
    show(key, session.picked)
    st.selectbox(
        "Head",
        names,
        key=key,
        index=None,
        width=220,
        placeholder="Pick a head",
        format_func=session.told,
        on_change=lambda: session.pick(st.session_state[key]),
        help="L3H7 is head 7 of layer 3, both counted from 0. A click on a head in any chart picks it, too.",
    )


def hv_head_names(page: Page) -> list[str]:
    from headviz.mask import head_names

    assert page.session.subject is not None
    return head_names(page.session.subject.heads)


def draw_again(fragments: Sequence[str]) -> None:
    """In a callback: draw these fragments, and nothing else, again."""
    if fragments:
        st.rerun(list(fragments))


def _edge(alpha: float) -> str:
    """An end of an interval of alpha, short: breaks are exact, their text need not be."""
    return f"{alpha:.4f}".rstrip("0").rstrip(".") if alpha < 0.999 else f"{alpha:.6f}".rstrip("0").rstrip(".")

"""What is recovered, on which texts, by which method and with which settings; and the button that starts it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from headviz.errors import HeadvizError, RunError
from headviz.extras import require_packages
from headviz.recovery import methods
from headviz.recovery.forecast import best_saving
from headviz.recovery.methods import schedule_of
from headviz.recovery.settings import ADAPTERS, COUNTS_FROM, SAFE, SETTINGS, TRAINING, total_steps
from headviz.ui import charts
from headviz.ui.controls import answer, emphasis, help_of, show, slider
from headviz.ui.draw import draw
from headviz.ui.errors import note, plain, shown
from headviz.ui.numbers import many
from headviz.ui.page import Page
from headviz.ui.recover_choice import FEW
from headviz.ui.recoveries import Recoveries, RecoveryRun

if TYPE_CHECKING:
    from headviz.mask import Mask
    from headviz.option import Option

_ALL = 0  # "all" among sizes; None would be no choice at all
_SIZES = (500, FEW, 10_000)
_SLIDERS = {
    "warmup": ("End of the warm-up, % of the steps", 0.01, 100),
    "end": ("End of the rise, % of the steps", 0.01, 100),
    "level": ("Level of the threshold", 0.01, 1),
    "checks": ("Checks of importance", 1, 1),
}
_LABELS = {
    "lr": "Learning rate",
    "lr_warmup": "Warm-up of the learning rate",
    "clip": "Clipping of the gradient",
    "max_length": "Longest training text, tokens",
    "evaluations": "Evaluations in an epoch",
    "r": "Rank of the adapters",
    "alpha": "Scale of the adapters",
    "dropout": "Dropout of the adapters",
    "mlp": "Adapters in the MLP",
    "at_least": "Blocks that stay live",
    "scale": "Scale of the threshold",
    "reference": "Compared with the output at",
    "site": "Compared output",
    "probe": "Texts of the probe",
    "lowest": "Blocks frozen from the start",
}


def settings(page: Page, mask: Mask) -> None:
    """All that a run rests on, and the button."""
    require_packages("Recovery", "recover", "accelerate", "peft", error=RunError)
    st.header("What is recovered, and how", help=help_of("recovery"), anchor=False)
    subject = page.session.subject
    if subject is not None and subject.task != "text-classification":
        note(f"Recovery trains classifiers of texts, and {subject.name} is for {subject.task}.")
        return
    if not mask.keep.any():
        note("The mask cuts every head, so nothing is left to recover. Keep at least one head.")
        _to_mask(page, "Restore heads on Mask")
        return
    page.session.recovering = page.session.recovering.settled()
    _in_words(page, mask)
    with st.expander("Settings of a run", expanded=Recoveries(page.results).shown() is None):
        with st.container(horizontal=True, gap="medium", key="recover_choice"):
            _method(page)
            _texts(page)
            _seed(page)
        method = methods[page.session.recovering.method]
        st.markdown(method.sentence)
        if "warmup" in method.takes:
            _threshold(page, mask)
        with st.expander("More settings"):
            _more(page)
        with shown():
            _start(page, mask)


def _in_words(page: Page, mask: Mask) -> None:
    recoveries, subject = Recoveries(page.results), page.session.subject
    assert subject is not None
    train, validation = recoveries.texts()
    whole = len(recoveries.training_texts())
    count = f"{len(train):,} of {whole:,}" if len(train) < whole else f"{whole:,}"
    drawn = ", drawn with seed 0" if len(train) < whole else ""
    if mask.pruned:
        what = f"{len(mask.pruned)} of {sum(mask.heads)} heads are cut out of the weights first"
    else:
        what = "Nothing is cut"
    of = "the other half of the same rows" if recoveries.is_split else _named(validation)
    st.markdown(
        f"**{plain(subject.name)}**: {what}. Trained on {count} texts of {_named(train)}{drawn}; the best step is "
        f"chosen on {len(validation):,} texts of {of}. The final figures come from neither."
    )
    if not mask.pruned:
        note("Nothing is cut, so there is nothing to recover. Fine-tuning the whole model serves as a comparison only.")
        _to_mask(page, "Cut heads on Mask")


def _to_mask(page: Page, label: str) -> None:
    settings = page.session.written or None
    st.page_link("pages/mask.py", label=label, icon=":material/content_cut:", query_params=settings)


def _named(data: Any) -> str:
    return plain(data.name) + (f" (split {plain(data.split)})" if data.split else "")


def _method(page: Page) -> None:
    key = "_w_recover_method"
    show(key, page.session.recovering.method)
    explained = "\n\n".join(f"**{one.title}**: {one.sentence}" for one in methods.values())
    st.selectbox(
        "Method", list(methods), key=key, width=240, format_func=lambda name: methods[name].title,
        on_change=answer(key, lambda name: _choose(page, method=name)), help=explained,
    )  # fmt: skip


def _texts(page: Page) -> None:
    key, total = "_w_recover_texts", len(Recoveries(page.results).training_texts())
    sizes, chosen = [size for size in _SIZES if size < total], page.session.recovering.texts
    if not sizes:
        return
    show(key, chosen if chosen in sizes else _ALL)
    st.segmented_control(
        f"Training texts, of {total:,}", [*sizes, _ALL], key=key, required=True, width="content",
        format_func=lambda size: f"{size:,}" if size else "all",
        on_change=answer(key, lambda size: _choose(page, texts=size or None)),
        help="Fewer are quicker and recover less. They are drawn with seed 0.",
    )  # fmt: skip


def _seed(page: Page) -> None:
    key = "_w_recover_seed"
    show(key, page.session.recovering.seed)
    st.number_input(
        "Seed", 0, 2**31 - 1, step=1, key=key, width=150, on_change=answer(key, lambda seed: _choose(page, seed=seed)),
        help="Of the order of the texts, the adapters' first weights and dropout. Another seed, another run.",
    )  # fmt: skip


def _choose(page: Page, **changes: Any) -> None:
    session = page.session
    session.recovering = session.recovering.with_(**changes)
    session.troubles.clear()


# -- settings of the method --------------------------------------------------------------------------------------------


def _value(page: Page, name: str) -> Any:
    choice = page.session.recovering
    return choice.given.get(name, _default(page, name))


def _default(page: Page, name: str) -> Any:
    return methods[page.session.recovering.method].defaults.get(name, SETTINGS[name].default)


def _set(page: Page, name: str, value: Any) -> None:
    session = page.session
    session.recovering = session.recovering.with_setting(name, value, _default(page, name))
    session.troubles.clear()


@st.fragment
def _threshold(page: Page, mask: Mask) -> None:
    """The schedule and what it can save, before anything is trained."""
    st.subheader("When blocks freeze", help=help_of("freezing_threshold", "warm_up"), anchor=False)
    sides = st.grid(2, min_column_width=300, gap=("small", "large"))
    with sides.cell():
        for name in _SLIDERS:
            _slider(page, name)
    with sides.cell(), shown():
        chosen = methods[page.session.recovering.method].settings(page.session.recovering.given)
        schedule, total = schedule_of(chosen), total_steps(len(Recoveries(page.results).texts()[0]), chosen)
        drawing = charts.threshold_curve(schedule.frame(total), warm_up=schedule.ramp(total)[0])
        draw(drawing, key="recover_schedule", alt=f"The threshold over {total:,} steps, as it will be")
        layers = _layers(mask, mlp=chosen["mlp"])
        st.markdown(best_saving(schedule, len(layers), total, layers=layers, depth=len(mask.heads)).sentence())


def _layers(mask: Mask, *, mlp: bool) -> tuple[int, ...]:
    """The layers whose blocks have adapters: those with heads left, or all where the MLP has some, too."""
    return tuple(layer for layer, kept in enumerate(mask.keep) if mlp or kept.any())


def _slider(page: Page, name: str) -> None:
    label, step, scale = _SLIDERS[name]
    option, key = SETTINGS[name], f"_w_recover_{name}"
    kind: Any = int if scale == 100 or option.whole else float
    assert option.low is not None and option.high is not None

    def chosen() -> None:
        _set(page, name, st.session_state[key] / scale if kind is float or scale > 1 else st.session_state[key])

    slider(
        st.slider, label, kind(scale * option.low), kind(scale * option.high), step=kind(scale * step), key=key,
        value=kind(round(scale * _value(page, name), 4)), on_change=chosen, help=option.sentence,
    )  # fmt: skip


def _more(page: Page) -> None:
    """Every other setting of the method, as its option declares it."""
    takes = methods[page.session.recovering.method].takes
    cells = st.grid(3, min_column_width=220, gap=("small", "large"))
    for names in (TRAINING, ADAPTERS, SAFE, ("lowest",)):
        for name in names:
            if name in takes and name not in _SLIDERS:
                with cells.cell():
                    _setting(page, name, SETTINGS[name])


def _setting(page: Page, name: str, option: Option) -> None:
    key, value = f"_w_recover_{page.session.recovering.method}_{name}", _value(page, name)
    label = _LABELS.get(name, name.replace("_", " ").capitalize())
    chosen = answer(key, lambda given: _set(page, name, given))
    show(key, value)
    if option.switch:
        st.toggle(label, key=key, on_change=chosen, help=option.sentence)
        return
    if option.choices:
        st.segmented_control(label, option.choices, key=key, required=True, on_change=chosen, help=option.sentence)
        return
    kind: Any = int if option.whole else float
    if value is not None:
        show(key, kind(value))
    taken = (lambda: _set(page, name, st.session_state[key])) if option.optional else chosen
    field: Any = st.number_input  # its stubs tie the types of all arguments to each other
    field(
        label,
        min_value=None if option.low is None else kind(option.low),
        max_value=None if option.high is None else kind(option.high),
        value=None if option.optional else "min",
        step=1 if option.whole else _step(value),
        format=None if option.whole else "%g",
        placeholder="none" if option.optional else None,
        key=key,
        on_change=taken,
        help=option.sentence,
    )


def _step(value: float) -> float:
    """A step of a field: one in the first digit of its value."""
    return 0.1 if not value else 10.0 ** math.floor(math.log10(value))


# -- the start ---------------------------------------------------------------------------------------------------------


def _start(page: Page, mask: Mask) -> None:
    recoveries, choice = Recoveries(page.results), page.session.recovering
    run = _asked(page, mask)
    under_way, known = recoveries.under_way(), recoveries.runs.get(run.key)
    missing = COUNTS_FROM in methods[choice.method].takes and run.parent is None and not run.settings.get("lowest")
    if missing:
        st.markdown(
            "This control freezes as many blocks at the same steps as a SAFE run did. Run SAFE on the same mask, texts "
            "and seed first."
        )

    def start() -> None:
        try:
            asked = _asked(page, mask)
            _require_fit(asked)
            recoveries.start(asked)
        except HeadvizError as error:
            page.session.troubles[:] = [str(error)]

    with st.container(horizontal=True, vertical_alignment="center", key="recover_start"):
        st.button(
            "Recover", key="recover", type=emphasis(), icon=":material/healing:", on_click=start,
            disabled=missing or under_way is not None or (known is not None and recoveries.stage(known) == "done"),
        )  # fmt: skip
        st.markdown(_about(page, run, known, under_way))


def _asked(page: Page, mask: Mask) -> RecoveryRun:
    """The run that the settings ask for; a control with the run that it copies."""
    recoveries, choice = Recoveries(page.results), page.session.recovering
    run = recoveries.new(mask, choice.given)
    if COUNTS_FROM in methods[choice.method].takes and (parent := recoveries.safe_run_like(run)) is not None:
        run = recoveries.new(mask, {**choice.given, COUNTS_FROM: str(parent.folder)}, parent=parent)
    return run


def _require_fit(run: RecoveryRun) -> None:
    """Raises RunError for settings with which the method cannot freeze so many blocks over so many steps."""
    freezing = methods[run.method].freezing
    if freezing is not None:
        units = len(_layers(run.mask, mlp=run.settings["mlp"]))
        freezing(run.settings, units, total_steps(len(run.train), run.settings), run.seed)


def _about(page: Page, run: RecoveryRun, known: RecoveryRun | None, under_way: RecoveryRun | None) -> str:
    """What the button will do, in a sentence."""
    recoveries = Recoveries(page.results)
    if under_way is not None:
        return "A run is under way; the next can start once it has ended or is stopped."
    if known is not None and recoveries.stage(known) == "done":
        return "This run is done; change a setting for another."
    steps = total_steps(len(run.train), run.settings)
    seconds = recoveries.step_seconds(run)
    time = "" if seconds is None else f", about {_duration(steps * seconds)} of training by an earlier run's steps"
    return f"{many(steps, 'step')} of {run.settings['batch_size']} texts{time}. It runs in the background."


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"

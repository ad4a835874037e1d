"""The panels of the workshop on the page Mask: rules, suggestions, answers, history and improving."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from headviz.mask import head_names
from headviz.prediction import predicted_change, toggle_changes
from headviz.ui import numbers, steps
from headviz.ui.measured import Measured
from headviz.ui.page import Page
from headviz.ui.panels.history import _how_well
from headviz.ui.results import Results
from tests.ui.conftest import said


@pytest.fixture
def at(opened: Any) -> Any:
    return opened.switch_page("pages/mask.py").run()


def session_of(at: Any) -> Any:
    return at.session_state["headviz"]


def figures(at: Any) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def button(at: Any, start: str) -> Any:
    return next(one for one in at.button if one.label.startswith(start))


def text(at: Any) -> str:
    return "\n".join(block.value for block in at.markdown)


def page_of(made: Results) -> Page:
    made.ask_scores()
    return Page(made.session, made, made.jobs, local=True)


# -- rules -------------------------------------------------------------------------------------------------------------


def test_least_heads_per_layer_leave_so_many_and_say_how_many_can_go(at: Any) -> None:
    at.number_input(key="_w_least").set_value(2).run()
    at.select_slider(key="_w_prune").set_value(12).run()
    assert not at.exception and "leave room for 6; 6 are cut" in said(at)
    assert "**6 of 12 heads kept**" in text(at)


def test_rules_that_locks_cannot_bear_are_refused_with_a_sentence_and_the_mask_stays(at: Any) -> None:
    session_of(at).choice.locks = {f"L1H{head}": False for head in range(3)}
    at.number_input(key="_w_least").set_value(2).run()
    assert not at.exception and session_of(at).choice.least == at.number_input(key="_w_least").value == 0
    assert said(at).startswith("Layer 1 cannot keep 2 heads: 3 of its 4 are locked as cut.")
    assert "heads kept**" in text(at)
    at.number_input(key="_w_least").set_value(1).run()
    assert not at.error and session_of(at).choice.least == 1
    button(at, "Unlock all").click().run()
    assert not at.error and session_of(at).choice.locks == {}
    assert "heads kept**" in text(at)


# -- suggestions -------------------------------------------------------------------------------------------------------


def test_suggestions_are_the_least_predicted_changes_and_leave_locked_heads_alone(at: Any) -> None:
    session = session_of(at)
    results, mask = Results(session, *_shelf_and_jobs(at)), session.steps[-1].mask
    changes = toggle_changes(results.base().scores, mask, order=2)  # type: ignore[union-attr]
    of = dict(zip(head_names(mask.heads), changes.ravel(), strict=True))
    cheapest, best = (min(heads, key=lambda head: of[head]) for heads in (mask.kept, mask.pruned))
    assert button(at, "Cut L").label.startswith(f"Cut {cheapest} ({numbers.signed(of[cheapest], 4)}")
    assert button(at, "Restore L").label.startswith(f"Restore {best} ({numbers.signed(of[best], 4)}")
    assert "Suggested next, by the predicted change of the loss" in text(at)
    session.choice.locks = {cheapest: True}
    at.run()
    assert button(at, "Cut L").label.split()[1] != cheapest
    button(at, "Cut L").click().run()
    assert len(session.steps[-1].mask.pruned) == len(mask.pruned) + 1


# -- answers -----------------------------------------------------------------------------------------------------------


def test_answers_are_measured_first_and_predicted_in_one_small_line(at: Any) -> None:
    shown = figures(at)
    assert shown["Measured change of the loss"].endswith("nats") and not any("redicted" in label for label in shown)
    assert "n = 20" in next(one.delta for one in at.metric if one.label == "Measured change of the loss")
    session = session_of(at)
    base, mask = Results(session, *_shelf_and_jobs(at)).base(), session.steps[-1].mask
    told = [one.value for one in at.caption if "redicted" in one.value]
    change = predicted_change(base.scores, mask, order=2)  # type: ignore[union-attr]
    assert len(told) == 1 and told[0].startswith(
        f"Predicted change of the loss: {numbers.signed(change.value, 4)} nats, from 20 scored examples."
    )
    assert "shows here after a few measured edits" in told[0]


def test_prediction_says_how_far_it_was_off_on_the_last_measured_edits(at: Any) -> None:
    session, toggled = session_of(at), ("L0H0", "L0H1", "L1H2", "L2H3", "L0H0")
    for head in toggled:
        results = Results(session, *_shelf_and_jobs(at))
        session.toggle([head], session.steps[-1].mask, results.preset())
        at.run()
    at.run()  # suggestions come before the measuring of their run
    results = Results(session, *_shelf_and_jobs(at))
    table = steps.frame(page_of(results)).dropna()
    assert len(table) == len(toggled)
    off = sorted(abs(table["predicted"] - table["measured"]))
    told = next(one.value for one in at.caption if "redicted" in one.value)
    assert f"Usually within {off[3]:.4f} nats on your last 5 edits (4 of them)." in told
    missed = int((~table["predicted"].between(table["low"], table["high"])).sum())
    assert missed, "a random model's predictions miss"
    assert f"A guess at what is next, by the predicted change of the loss, in nats. {missed} of your last 5" in text(at)


def test_every_figure_is_of_the_chosen_metric(at: Any) -> None:
    button(at, "Cut L").click().run()
    session = session_of(at)
    results = Results(session, *_shelf_and_jobs(at))
    for part in ("selection", "report"):
        Measured(results, part).ask()  # type: ignore[arg-type]
        Measured(results, part).ask(session.steps[-1].mask)  # type: ignore[arg-type]
    for name, title in (("macro_f1", "Macro-F1"), ("matthews", "Matthews")):
        at.segmented_control(key="_w_metric").set_value(name).run()
        shown, within = figures(at), numbers.named(name)
        now, whole, last = (
            Measured(results).evaluation(mask)
            for mask in (session.steps[-1].mask, None, session.steps[-2].mask)
        )  # fmt: skip
        assert now is not None and whole is not None and last is not None
        assert shown[f"{title} now"] == numbers.quantity(now.metrics[name].value, name)
        assert shown[f"Change in {within}"] == numbers.change(now.against(whole, name), name)
        assert shown["Against the last mask"] == numbers.change(now.against(last, name), name)
        assert shown["Constant classifier"] in {
            numbers.quantity(Measured(results, part).evaluation().constant_in(name), name)  # type: ignore[arg-type,union-attr]
            for part in ("selection", "report")
        }
        assert f"Final {within}" in shown and f"Final change in {within}" in shown
        assert not {"Accuracy now", "Change in accuracy", "Final change in accuracy"} & set(shown)


def test_difference_from_the_last_mask_is_paired_and_says_where_it_could_be_noise(at: Any) -> None:
    assert "Against the last mask" not in figures(at)
    session = session_of(at)
    button(at, "Cut L").click().run()
    before, now = (step.mask for step in session.steps[-2:])
    results = Results(session, *_shelf_and_jobs(at))
    change = Measured(results).evaluation(now).against(Measured(results).evaluation(before))  # type: ignore[union-attr,arg-type]
    assert figures(at)["Against the last mask"] == numbers.change(change, "accuracy")


def _shelf_and_jobs(at: Any) -> tuple[Any, Any]:
    from headviz.ui import page

    return page._shelf(), page._jobs()


def test_measuring_that_fails_shows_a_sentence_and_keeps_the_mask(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **more: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("headviz.replay.Replay.evaluate", fail)
    at = opened.switch_page("pages/mask.py").run()
    assert not at.exception and "needs more memory than this machine has free" in said(at)
    assert "heads kept**" in text(at) and session_of(at).steps
    monkeypatch.undo()


def test_data_that_went_away_shows_the_next_step_and_keeps_the_mask(at: Any) -> None:
    session = session_of(at)
    button(at, "Cut L").click().run()
    edits, data = dict(session.choice.edits), session.data
    session.data = None
    at.run()
    assert not at.exception and "next, open data to score heads and to measure quality on" in text(at)
    session.data = data
    at.run()
    assert session.choice.edits == edits and "heads kept**" in text(at)


def test_criterion_that_is_not_computed_leaves_mask_and_figures_of_the_earlier_one(at: Any) -> None:
    session, before, cut = session_of(at), figures(at), session_of(at).steps[-1].mask
    at.selectbox(key="_w_criterion").select("ablation").run()
    assert not at.exception and figures(at) == before
    assert "heads and figures here are still those of HIES" in said(at)
    assert "takes their place once it is computed" in said(at)
    assert any(one.label == "Compute it" for one in at.button) and any(
        one.key == "view" for one in at.segmented_control
    )
    assert session.steps[-1].mask == cut and session.choice.taken is None
    button(at, "Compute it").click().run()
    at.run()
    assert "still those of" not in said(at) and session.steps[-1].mask != cut


# -- history -----------------------------------------------------------------------------------------------------------


def test_history_holds_what_was_changed_predicted_and_measured(made: Results) -> None:
    page = page_of(made)
    full = hv.Mask.full(made.session.subject)
    masks = [full.with_toggled("L0H0"), full.with_toggled("L0H0", "L1H1"), full.with_toggled("L1H1")]
    for mask in [masks[0], *masks]:  # the same one twice is one step
        steps.take(made.session, mask)
        Measured(made).ask(mask)
    table = steps.frame(page)
    assert table["what"].tolist() == ["1 head cut", "L1H1 cut", "L0H0 restored"]
    scores = made.base().scores  # type: ignore[union-attr]
    losses = [float(hv.evaluate(made.session.subject, Measured(made).data(), mask).loss.mean()) for mask in masks]
    predicted = [predicted_change(scores, mask, order=2).value for mask in masks]
    assert table["predicted"].tolist()[1:] == pytest.approx(np.diff(predicted).tolist(), abs=1e-6)
    assert table["measured"].tolist()[1:] == pytest.approx([losses[1] - losses[0], losses[2] - losses[1]], abs=1e-6)
    assert (table["low"] <= table["measured"])[1:].all() and table["predicted"].isna()[0]


def test_many_changed_heads_are_counted(made: Results) -> None:
    page_of(made)
    full = hv.Mask.full(made.session.subject)
    steps.take(made.session, full.with_toggled("L0H0"))
    steps.take(made.session, full.with_toggled("L1H0", "L1H1", "L1H2", "L1H3"))
    assert made.session.steps[-1].what == "4 cut, 1 restored"


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([(0.1, 0.0, -0.1, 0.1)], "No edit so far changed the loss by more than noise"),
        ([(0.1, 0.2, 0.1, 0.3), (-0.1, 0.2, 0.1, 0.3), (0.2, 0.0, -1, 1)], "Of 2 edits"),
    ],
)
def test_trust_counts_only_edits_beyond_noise(edits: list[tuple[float, ...]], told: str) -> None:
    text = _how_well(pd.DataFrame(edits, columns=["predicted", "measured", "low", "high"]))
    assert told in text
    if "Of 2" in told:
        assert "had the right direction for 1" in text


# -- improving ---------------------------------------------------------------------------------------------------------


def test_improved_mask_can_be_taken_and_is_not_worse_where_it_was_chosen(at: Any) -> None:
    at.segmented_control(key="view").set_value("Improve").run()
    before = session_of(at).steps[-1].mask
    button(at, "Start improving").click().run()
    assert not at.exception
    if not any(one.label == "Use the improved mask" for one in at.button):
        pytest.fail("no swap made a random model's mask better, which 50 examples make most unlikely")
    change = figures(at)["Change of the loss"]
    assert change.startswith(("\u2212", "0"))
    button(at, "Use the improved mask").click().run()
    after = session_of(at).steps[-1].mask
    assert after != before and after.count == before.count
    at.button(key="undo").click().run()
    assert session_of(at).steps[-1].mask == before


@pytest.mark.parametrize("prune", [0, 12])
def test_nothing_to_swap_is_said(at: Any, prune: int) -> None:
    at.select_slider(key="_w_prune").set_value(prune).run()
    at.segmented_control(key="view").set_value("Improve").run()
    assert not at.exception and "There is nothing to swap" in text(at)


# -- every view --------------------------------------------------------------------------------------------------------


def test_every_view_stands_without_an_error(at: Any) -> None:
    for view in at.segmented_control(key="view").options:
        at.segmented_control(key="view").set_value(view).run()
        assert not at.exception and not at.error, view


def test_final_figure_is_measured_on_a_click_and_counts_the_looks(at: Any) -> None:
    session = session_of(at)
    assert "Final accuracy" not in figures(at)
    button(at, "Measure the final figure").click().run()
    assert figures(at)["Final accuracy"].endswith("%") and len(session.reported) == 1
    button(at, "Cut L").click().run()
    assert "Final accuracy" not in figures(at)
    button(at, "Measure the final figure").click().run()
    assert "2 masks were measured on these examples" in text(at)

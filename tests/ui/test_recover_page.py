"""The Recover page without a browser, in every state a run can be in; background work is done at once."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from headviz.errors import RunError
from headviz.files import size_of
from headviz.mask import Mask
from headviz.ui import numbers, recovery_files
from headviz.ui.jobs import Jobs
from headviz.ui.recover_choice import RecoverChoice
from headviz.ui.recoveries import Recoveries, RecoveryRun
from headviz.ui.results import Results
from headviz.ui.taken import Taken
from tests.ui.conftest import said
from tests.ui.test_recoveries import SHORT, STEPS, Held


def panels() -> None:
    """The panels of the page alone."""
    from headviz.ui.errors import note, shown
    from headviz.ui.page import current
    from headviz.ui.panels import recover_result, recover_run, recover_settings

    page = current()
    for text in page.session.troubles:
        note(text)
    if (mask := page.results.mask()) is not None:
        with shown():
            recover_settings.settings(page, mask)
    with shown():
        run = recover_run.run(page)
    if run is not None:
        with shown():
            recover_result.result(page, run)


@pytest.fixture
def page(made: Results, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The page with three of twelve heads cut, or those named."""
    from streamlit.testing.v1 import AppTest

    monkeypatch.setattr("headviz.ui.page._jobs", lambda: made.jobs)
    monkeypatch.setattr("headviz.ui.page._shelf", lambda: made.shelf)
    # fragments alone need a page list that AppTest does not keep, and links one that this page is not in
    monkeypatch.setattr("streamlit.page_link", lambda *_, **__: None)
    made.session.recovering = RecoverChoice(texts=None, values={"safe": SHORT})

    def show(*heads: str) -> Any:
        assert made.session.subject is not None
        made.session.choice.taken = Taken(
            "earlier", Mask.full(made.session.subject).with_toggled(*(heads or ("L0H1", "L1H0", "L1H2")))
        )
        at = AppTest.from_function(panels, default_timeout=60)
        at.session_state["headviz"] = made.session
        at.run()
        assert not at.exception
        return at

    return show


@pytest.fixture
def recoveries(made: Results) -> Recoveries:
    return Recoveries(made)


def press(at: Any, key: str) -> Any:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def figures(at: Any) -> dict[str, tuple[str, str]]:
    return {metric.label: (metric.value, metric.delta) for metric in at.metric}


def text_of(at: Any) -> str:
    return "\n".join(block.value for block in at.markdown).replace("\\", "")


def charts_of(at: Any) -> int:
    return len(at.get("vega_lite_chart"))


def bars_at(at: Any) -> int:
    """The step of which the player shows the importances."""
    tables = [table for chart in at.get("vega_lite_chart") for table in chart.proto.datasets if table.name == "now"]
    marked = [pa.ipc.open_stream(table.data.data).read_all().to_pydict()["step"] for table in tables]
    return int(next(steps[0] for steps in marked if steps))


def shown_run(recoveries: Recoveries) -> RecoveryRun:
    run = recoveries.shown()
    assert run is not None
    return run


# -- before a run ------------------------------------------------------------------------------------------------------


def test_page_says_what_is_cut_and_which_texts_are_for_what(page: Callable[..., Any]) -> None:
    text = text_of(page())
    assert "3 of 12 heads are cut out of the weights first" in text
    assert "Trained on 15 texts of many.tsv; the best step is chosen on 15 texts of the other half" in text
    assert "The final figures come from neither" in text
    assert f"{STEPS} steps of 4 texts" in text


def test_page_notes_that_an_uncut_model_has_nothing_to_recover(page: Callable[..., Any], made: Results) -> None:
    at = page()
    assert "Nothing is cut" not in said(at)
    made.session.choice.taken = Taken("earlier", Mask.full(made.session.subject))
    assert "Fine-tuning the whole model serves as a comparison only" in said(at.run())


def test_page_says_that_nothing_is_left_where_every_head_is_cut(page: Callable[..., Any]) -> None:
    at = page(*(f"L{layer}H{head}" for layer in range(3) for head in range(4)))
    assert said(at) == "The mask cuts every head, so nothing is left to recover. Keep at least one head."
    assert not at.button and not at.selectbox


def test_run_of_one_step_is_said_to_have_one(page: Callable[..., Any], made: Results) -> None:
    made.session.recovering = RecoverChoice(texts=None, values={"safe": {**SHORT, "batch_size": 16}})
    assert "1 step of 16 texts" in text_of(page())


def test_schedule_and_what_it_saves_stand_before_anything_starts(page: Callable[..., Any]) -> None:
    at = page()
    assert charts_of(at) == 1
    assert "Predicted, where importance rises evenly" in text_of(at)
    at.slider(key="_w_recover_level").set_value(0.0).run()
    assert "This schedule freezes nothing" in text_of(at)


def test_warm_up_after_the_rise_is_a_sentence_and_starts_nothing(page: Callable[..., Any], made: Results) -> None:
    at = page()
    at.slider(key="_w_recover_warmup").set_value(50).run()
    at.slider(key="_w_recover_end").set_value(20).run()
    assert "The warm-up ends at 0.5 of the run" in said(at)
    assert "The warm-up ends at 0.5 of the run" in said(press(at, "recover")) and not made.session.recoveries


@pytest.mark.parametrize("method", ["full", "lora", "safe", "safe-prefix", "prefix", "random"])
def test_each_method_has_its_own_settings(page: Callable[..., Any], made: Results, method: str) -> None:
    from headviz.recovery import methods
    from headviz.recovery.settings import SETTINGS

    at = page()
    made.session.recovering = RecoverChoice(method=method)
    at.run()
    assert not at.exception and not at.error
    shown = {widget.key for kind in ("number_input", "slider", "toggle", "button_group") for widget in at.get(kind)}
    offered = {name for name in SETTINGS if {f"_w_recover_{name}", f"_w_recover_{method}_{name}"} & shown}
    assert offered == {name for name in methods[method].takes if name in SETTINGS}


def test_halves_of_rows_that_repeat_texts_share_none_and_lose_none(made: Results) -> None:
    assert made.session.data is not None
    rows = made.session.data.selection
    twice = rows.take([*range(len(rows)), 0, 1, 2])
    made.session.data = replace(made.session.data, calibration=twice, selection=twice)
    train, validation = Recoveries(made).texts()
    assert len(train) + len(validation) == len(twice) and not set(train.inputs) & set(validation.inputs)


def test_setting_is_kept_where_it_is_not_the_default(page: Callable[..., Any], made: Results) -> None:
    at = page()
    at.number_input(key="_w_recover_safe_r").set_value(2).run()
    assert made.session.recovering.given["r"] == 2
    at.number_input(key="_w_recover_safe_r").set_value(8).run()
    assert "r" not in made.session.recovering.given


def test_control_without_a_safe_run_says_what_to_run_first(page: Callable[..., Any], made: Results) -> None:
    at = page()
    made.session.recovering = RecoverChoice(method="random", texts=None)
    at.run()
    assert "Run SAFE on the same mask, texts and seed first" in text_of(at)
    assert at.button(key="recover").disabled


def test_control_copies_the_safe_run_of_this_visit(
    page: Callable[..., Any], made: Results, recoveries: Recoveries
) -> None:
    at = press(page(), "recover")
    safe = shown_run(recoveries)
    short = {name: SHORT[name] for name in ("batch_size", "evaluations")}
    made.session.recovering = RecoverChoice(method="random", texts=None, values={"random": short})
    press(at.run(), "recover")
    control = shown_run(recoveries)
    assert control.parent is safe and recoveries.stage(control) == "done"
    counts = [[sum(check.frozen) for check in run.history().checks] for run in (safe, control)]  # type: ignore[union-attr]
    assert counts[0] == counts[1] and sum(counts[0])
    assert str(safe.folder) not in recovery_files.record_json(control).decode()


# -- a run -------------------------------------------------------------------------------------------------------------


def test_run_under_way_shows_how_far_it_is_and_can_be_stopped(
    page: Callable[..., Any], made: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Held()
    made.jobs = Jobs(pool)
    monkeypatch.setattr("headviz.ui.page._jobs", lambda: made.jobs)
    at = press(page(), "recover")
    assert "Recovering by SAFE" in at.get("progress")[0].proto.text
    assert at.button(key="recover").disabled and charts_of(at) == 2  # the schedule, and the player
    press(at, "recover_stop")
    pool.held[0].run()
    at.run()
    assert "Stopped before the first step" in said(at) and not at.button(key="recover_go_on").disabled


def test_finished_run_shows_pictures_figures_and_files(page: Callable[..., Any], recoveries: Recoveries) -> None:
    at = press(page(), "recover")
    run = shown_run(recoveries)
    assert not at.error and recoveries.stage(run) == "done"
    # the schedule; the player's two; quality and loss; map and strip; before and after
    assert charts_of(at) == 8
    found, levels = figures(at), run.levels["selection"]
    assert levels.recovered is not None
    for name, known in (("unpruned", levels.whole), ("pruned", levels.masked), ("recovered", levels.recovered)):
        value, below = found[f"Accuracy, {name}"]
        assert value == f"{100 * known.metrics['accuracy'].value:.1f} %" and "n = 15" in below
    at.segmented_control(key="_w_metric").set_value("macro_f1").run()
    chosen, change = figures(at), levels.recovered.against(levels.masked, "macro_f1")
    assert chosen["Macro-F1, recovered"][0] == f"{100 * levels.recovered.metrics['macro_f1'].value:.1f} %"
    assert chosen["Change by recovery"][0] == numbers.change(change, "macro_f1")
    assert {"Saved activations, mean", "Saved activations, peak", "A training step"} <= set(found)
    assert at.button(key="recover").disabled  # it is done
    assert "To be measured on 30 examples" in text_of(at)


def test_player_goes_back_to_an_earlier_check(page: Callable[..., Any], recoveries: Recoveries) -> None:
    at = press(page(), "recover")
    slider = next(one for one in at.select_slider if one.label == "Check at step")
    assert [int(step) for step in slider.options] == [1, 3]  # a quarter and three quarters of four steps
    assert bars_at(at) == 3
    slider.set_value(1).run()
    assert not at.exception and bars_at(at) == 1


def test_failed_run_shows_its_sentence_and_goes_on(
    page: Callable[..., Any], recoveries: Recoveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise RunError("The disk is full.")

    at = page()
    with monkeypatch.context() as patched:
        patched.setattr("headviz.ui.recoveries.hv.recover", full)
        press(at, "recover")
        assert "The disk is full." in said(at)
    press(at, "recover_go_on")
    assert not at.error and recoveries.stage(shown_run(recoveries)) == "done"


def test_final_figure_is_measured_on_a_click(page: Callable[..., Any], recoveries: Recoveries) -> None:
    at = press(page(), "recover")
    assert "report" not in shown_run(recoveries).levels
    press(at, "recover_report")
    assert "On 30 examples of many.tsv, which neither run nor mask has seen" in text_of(at)


def test_lora_beside_safe_shows_the_differences(page: Callable[..., Any], recoveries: Recoveries) -> None:
    at = press(page(), "recover")
    before = charts_of(at)
    press(at, "recover_twin")
    assert recoveries.shown() is not None and shown_run(recoveries).method == "safe"
    assert charts_of(at) == before + 1 and "Difference in accuracy" in figures(at)
    checks = shown_run(recoveries).history()
    table = at.dataframe[0].value
    assert table["Method"].tolist() == ["SAFE", "LoRA"]
    assert table["Frozen from the bottom"].tolist()[1] == "" and table["Accuracy"].str.contains(" to ").all()
    assert checks is not None and figures(at)["Frozen from the bottom"][0].endswith(f"of {len(checks.checks)} checks")


def test_recovered_model_is_used_as_it_is(page: Callable[..., Any], made: Results, recoveries: Recoveries) -> None:
    at = press(page(), "recover")
    recovered = shown_run(recoveries).recovery
    assert recovered is not None
    press(at, "recover_use")
    assert made.session.subject is recovered.subject and made.session.choice.prune == 0
    assert not made.session.choice.edits and made.session.choice.taken is None


def test_forgotten_run_leaves_the_page(page: Callable[..., Any], made: Results) -> None:
    at = press(press(page(), "recover"), "recover_forget")
    assert not made.session.recoveries and "Before and after" not in [header.value for header in at.header]


def test_another_run_can_be_looked_at(page: Callable[..., Any], recoveries: Recoveries) -> None:
    at = press(page(), "recover")
    first = shown_run(recoveries)
    at.slider(key="_w_recover_level").set_value(0.5).run()
    press(at, "recover")
    assert shown_run(recoveries) is not first
    at.selectbox(key="_w_recover_run").set_value(0).run()
    assert not at.exception and shown_run(recoveries) is first


def test_runs_side_by_side_say_where_they_differ_and_on_which_texts(
    page: Callable[..., Any], made: Results, recoveries: Recoveries
) -> None:
    at = press(page(), "recover")
    made.session.recovering = made.session.recovering.with_setting("level", 0.5, 0.8).with_setting("lr", 0.001, 5e-4)
    at.run()
    press(at, "recover")
    assert len(recoveries.runs) == 2
    table = at.dataframe[-1].value
    assert table["Method"].tolist() == ["SAFE", "SAFE"]
    first, second = table["Settings"]
    assert "level 0.99" in first and "lr" not in first
    assert "level 0.5" in second and "lr 0.001" in second
    assert "On 15 validation texts of many.tsv, with 95 % intervals" in text_of(at)


def test_difference_to_lora_says_on_which_texts(page: Callable[..., Any]) -> None:
    at = press(press(page(), "recover"), "recover_twin")
    assert "SAFE minus LoRA, on 15 validation texts of many.tsv" in text_of(at)


def test_run_stays_in_sight_while_another_model_has_no_data_that_fit(opened: Any) -> None:
    session = opened.session_state["headviz"]
    session.recovering = RecoverChoice(texts=None, values={"safe": SHORT})
    at = press(opened.switch_page("pages/recover.py").run(), "recover")
    assert "Before and after" in [header.value for header in at.header]
    session.data = None
    at.run()
    assert not at.exception
    assert "next, open data to score heads and to measure quality on" in text_of(at)
    assert [header.value for header in at.header][:2] == ["Run", "Before and after"]
    press(at, "recover_forget")
    assert not session.recoveries and not at.header


# -- files -------------------------------------------------------------------------------------------------------------


def test_files_hold_the_run_and_no_path(page: Callable[..., Any], recoveries: Recoveries) -> None:
    press(page(), "recover")
    run = shown_run(recoveries)
    history = run.history()
    assert history is not None
    table = pd.read_csv(io.BytesIO(recovery_files.history_csv(history)))
    assert table["step"].tolist() == [0, 1, 2, 3, 4]
    assert table["training_loss"].notna().tolist() == [False, True, True, True, True]
    assert table.loc[table["validation_loss"].notna(), "step"].tolist() == [one["step"] for one in history.evaluations]
    importance = pd.read_csv(io.BytesIO(recovery_files.importance_csv(history)))
    assert len(importance) == 3 * len(history.checks)

    content = recovery_files.record_json(run).decode()
    record = json.loads(content, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert record["method"] == "safe" and record["mask"]["pruned"] == ["L0H1", "L1H0", "L1H2"]
    assert set(record["measured"]["selection"]) == {"whole", "masked", "recovered"}
    assert str(run.folder) not in content
    history.notes.append(f"The recovered model is in no folder, since {str(run.folder / 'model')!r} cannot be written")
    assert str(run.folder.parent) not in recovery_files.record_json(run).decode()

    with zipfile.ZipFile(io.BytesIO(recovery_files.zipped(run.folder / "model"))) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert "model/config.json" in names and size_of(run.folder / "model") > 0


def test_settings_of_a_file_that_none_takes_are_left_out(page: Callable[..., Any], made: Results) -> None:
    odd = {"epochs": "abc", "r": 0, "mlp": "yes", "scale": "x", "lr": None, "counts_from": "/etc", "other": 1}
    made.session.recovering = RecoverChoice(
        texts=None, values={"safe": {**odd, "clip": 2, "level": 7, "checks": True}, "none": {"r": 4}}
    )
    at = page()
    assert not at.exception and not said(at)
    assert made.session.recovering.values == {"safe": {"clip": 2.0}}
    made.session.recovering = RecoverChoice(method="none", texts=None)
    assert not page().exception and made.session.recovering.method == "safe"

"""The Complementarity page in every state, without a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headviz.mask import Mask
from headviz.ui import numbers
from tests.tiny import save_tiny, tiny_texts
from tests.ui.conftest import said, send
from tests.ui.test_pages import charts_of, session_of

PAGE = "pages/complementarity.py"
HEADS = 12
PICTURES = 2 + 3 + 2 + 1  # signature; graph, difference, curve; roles, shares; overlap
SETTINGS = ("preset", "grid", "space", "distance", "representative", "seed", "guard")


@pytest.fixture
def planned(opened: Any) -> Any:
    """The page with signatures taken on the tiny model's data."""
    return take(opened.switch_page(PAGE).run())


def take(at: Any) -> Any:
    at.button(key="take_signatures").click().run()
    assert not at.exception
    return at


def text_of(at: Any) -> str:
    return "\n".join(block.value for block in at.markdown)


def kept(at: Any) -> int:
    plan = plans_of(at).plan()
    return int(plan.mask.count)


def plans_of(at: Any) -> Any:
    """What the page works with, over the same session and shelf."""
    from headviz.ui import page
    from headviz.ui.plans import Plans
    from headviz.ui.results import Results

    return Plans(Results(session_of(at), page._shelf(), page._jobs()))


def click(at: Any, key: str) -> Any:
    at.button(key=key).click().run()
    assert not at.exception and not at.error, said(at)
    return at


def test_class_counts_stand_there_before_anything_is_taken(opened: Any) -> None:
    at = opened.switch_page(PAGE).run()
    assert not at.exception and not at.error
    assert "20 examples of reviews.tsv, by class: bad **4**, fine **7**, good **9**." in text_of(at)
    assert charts_of(at) == 0


def test_signatures_bring_all_pictures_that_need_no_click(planned: Any) -> None:
    assert not planned.error
    assert charts_of(planned) == PICTURES
    shown = text_of(planned)
    assert "(24 asked for, 18 used)" in shown
    assert "At degree 6 the knee of this model is at" in shown and "shuffled features" in shown
    assert "The degree sets the kept share almost alone" in shown
    assert "and its code prints none" in shown
    assert "Noise floor, from permuted labels" in shown
    assert planned.selectbox(key="signature_class").options == ["bad (n = 4)", "fine (n = 7)", "good (n = 9)"]
    assert "Few examples of bad (4)" in said(planned)


def test_one_text_shows_its_map_and_the_same_on_the_grid(planned: Any) -> None:
    planned.segmented_control(key="signature_step").set_value("one").run()
    assert not planned.exception and not planned.error
    assert "valid tokens" in text_of(planned) and "each row still adds up to 1" in text_of(planned)
    assert charts_of(planned) == PICTURES


def test_every_degree_moves_the_plan_and_nothing_is_grouped_again(planned: Any, monkeypatch: Any) -> None:
    import headviz as hv

    monkeypatch.setattr(hv, "cahp", None)
    for degree in (2, 3, 4, 5, 6, 7, 8, 0):
        planned.select_slider(key="_w_plan_degree").set_value(degree).run()
        assert not planned.exception
        base = plans_of(planned).base().with_degree(degree or None)
        if base.k is not None:
            assert kept(planned) == base.mask.count
            assert f"**{base.mask.count} of 12 heads kept**" in text_of(planned)


def test_without_a_knee_the_sentence_stands_and_the_last_number_stays(planned: Any) -> None:
    before = kept(planned)
    planned.select_slider(key="_w_plan_degree").set_value(1).run()
    assert "At degree 1 the curve has no knee" in said(planned)
    assert "the last number of heads that there was" in text_of(planned)
    assert kept(planned) == before and charts_of(planned) == PICTURES


def test_degree_one_by_a_link_says_so_and_draws_what_there_is(opened: Any) -> None:
    opened.query_params["cahp"] = "degree:1"
    at = take(opened.switch_page(PAGE).run())
    assert "At degree 1 the curve has no knee" in said(at)
    assert "until there is a number of heads" in text_of(at)
    assert not at.error and charts_of(at) == 2 + 3


def test_number_of_heads_overrides_the_knee_until_the_degree_moves(planned: Any) -> None:
    planned.number_input(key="_w_plan_count").set_value(10).run()
    assert session_of(planned).plan.count == 10 and kept(planned) >= 10
    assert planned.query_params["cahp"] in ("count:10", ["count:10"])
    planned.select_slider(key="_w_plan_degree").set_value(3).run()
    assert session_of(planned).plan.count is None
    assert planned.number_input(key="_w_plan_count").value is None


@pytest.mark.parametrize("space", ["pca", "features"])
def test_another_space_groups_again_with_the_same_signatures(planned: Any, space: str) -> None:
    planned.selectbox(key="_w_plan_space").set_value(space).run()
    assert not planned.exception and not planned.error
    assert plans_of(planned).plan().placed.space == space
    assert charts_of(planned) == PICTURES


def test_distance_of_outputs_asks_for_a_pass_that_keeps_them_and_others_go_on_with_it(planned: Any) -> None:
    planned.selectbox(key="_w_plan_distance").set_value("cka").run()
    assert "compares head outputs" in text_of(planned)
    take(planned)
    assert not planned.error and plans_of(planned).plan().options.distance == "cka"
    assert "Permuted labels have no band here" in text_of(planned)
    planned.selectbox(key="_w_plan_distance").set_value("jm").run()
    assert plans_of(planned).signatures() is not None


def test_grid_as_asked_is_used_and_needs_a_new_pass(planned: Any) -> None:
    planned.number_input(key="_w_plan_grid").set_value(9).run()
    assert "take_signatures" in {button.key for button in planned.button}
    take(planned)
    assert "9 x 9 cells as asked" in text_of(planned)


def test_reference_preset_is_named_and_has_no_floor(opened: Any) -> None:
    at = opened.switch_page(PAGE).run()
    at.segmented_control(key="_w_plan_preset").set_value("reference").run()
    take(at)
    assert 'Preset "reference", unchanged.' in text_of(at)
    assert "32 x 32 cells as asked" in text_of(at) and "noise floor is not known" in text_of(at)
    assert at.number_input(key="_w_plan_seed").value == 42


def test_stability_quality_and_controls_are_measured_on_a_click(planned: Any) -> None:
    assert "13 evaluations of 20 examples each" in text_of(planned)
    assert "10 evaluations of 20 examples each" in text_of(planned)
    assert charts_of(click(planned, "stability")) == PICTURES + 2
    assert charts_of(click(planned, "quality_curve")) == PICTURES + 3
    assert charts_of(click(planned, "measure_controls")) == PICTURES + 4
    assert "| choice | heads | accuracy | CAHP minus this choice |" in text_of(planned)
    planned.segmented_control(key="_w_metric").set_value("matthews").run()
    assert charts_of(planned) == PICTURES + 4, "nothing is measured again for another metric"
    assert "| choice | heads | Matthews | CAHP minus this choice |" in text_of(planned)
    shown = text_of(planned)
    assert "| top salience |" in shown and "| random per cluster (mean of 5) |" in shown
    assert "Fewest heads within 0.01 of the whole model" in shown
    assert "other seeds" in shown and "resampled examples" in shown


@pytest.mark.parametrize("criterion", ["his", "entropy", "weight_l2", "random"])
def test_overlap_has_the_chance_that_goes_with_the_criterion(planned: Any, criterion: str) -> None:
    planned.selectbox(key="overlap_criterion").set_value(criterion).run()
    assert not planned.exception and not planned.error
    right = "random clusters of the same sizes" if criterion == "his" else "hypergeometric"
    assert right in text_of(planned)


def test_mask_of_the_plan_goes_to_mask_and_export_with_its_record(planned: Any) -> None:
    mask = plans_of(planned).plan().mask
    click(planned, "use_plan")
    assert planned.button(key="use_plan").disabled
    planned.switch_page("pages/mask.py").run()
    assert f"**{mask.count} of 12 heads kept**" in text_of(planned) and "By hand" not in text_of(planned)
    assert "CAHP's, taken over from Complementarity" in said(planned)
    planned.switch_page("pages/export.py").run()
    record = json.loads(next(block.value for block in planned.code if '"headviz.mask"' in block.value))
    assert record["criterion"]["name"] == "cahp" and record["criterion"]["options"]["degree"] == 6
    assert Mask.from_code(session_of(planned).written["mask"], session_of(planned).subject) == mask
    assert {metric.label: metric.value for metric in planned.metric}["Criterion"] == "CAHP"


def test_mask_file_of_a_plan_opens_as_one(planned: Any) -> None:
    from headviz.ui import page
    from headviz.ui.panels.take_home import take as open_file

    mask = plans_of(planned).plan().mask
    results: Any = plans_of(planned).results
    open_file(page.Page(session_of(planned), results, results.jobs, True), mask.content(), "plan.json")
    planned.switch_page("pages/mask.py").run()
    taken = session_of(planned).choice.taken
    assert (taken.kind, taken.mask, taken.name) == ("file", mask, "plan.json") and not session_of(planned).choice.edits
    assert "The current mask is that of the file plan.json" in said(planned)


def test_criterion_or_undo_takes_the_plans_place_again(planned: Any) -> None:
    start = session_of(planned).written["mask"]
    click(planned, "use_plan")
    planned.switch_page("pages/mask.py").run()
    click(planned, "drop_taken")
    assert session_of(planned).choice.taken is None
    click(planned, "undo")
    assert session_of(planned).choice.taken is not None
    click(planned, "undo")
    assert session_of(planned).written["mask"] == start


def test_settings_survive_page_changes_and_come_back_by_link(planned: Any, app: Callable[..., Any]) -> None:
    planned.select_slider(key="_w_plan_degree").set_value(3).run()
    planned.selectbox(key="_w_plan_space").set_value("pca").run()
    planned.toggle(key="_w_plan_guard").set_value(False).run()
    planned.switch_page("pages/scores.py").run().switch_page(PAGE).run()
    chosen = session_of(planned).plan
    assert (chosen.degree, chosen.space, chosen.guard) == (3, "pca", False)
    other = app(PAGE, **{name: session_of(planned).written[name] for name in ("model", "cahp")})
    assert session_of(other).plan == chosen


@pytest.mark.parametrize(
    "text", ["degree:9", "degree:x", "space:moon", "nothing:1", "seed:-1", "guard:maybe", "count:0"]
)
def test_settings_in_a_link_that_there_are_not_are_noted(opened: Any, text: str) -> None:
    before = session_of(opened).plan
    opened.query_params["cahp"] = text
    opened.switch_page(PAGE).run()
    assert not opened.exception and "cahp settings cannot be read" in said(opened)
    assert session_of(opened).plan == before


def test_number_beyond_the_model_in_a_link_counts_as_all_heads(opened: Any) -> None:
    opened.query_params["cahp"] = "count:500"
    at = take(opened.switch_page(PAGE).run())
    assert not at.exception and not at.error
    assert kept(at) == HEADS


# -- data and models that leave little to choose -----------------------------------------------------------------------


def visit(app: Callable[..., Any], folder: Path, file: Path) -> Any:
    at = send(app(), model_source=str(folder))
    send(at, data_source=str(file))
    return take(at.switch_page(PAGE).run())


def test_one_class_ends_in_the_librarys_sentence(app: Callable[..., Any], tiny_folder: Path, tmp_path: Path) -> None:
    rows = "\n".join(f"{text}\tgood" for text in tiny_texts(20))
    (tmp_path / "one.tsv").write_text(f"text\tlabel\n{rows}\n", encoding="utf-8")
    at = visit(app, tiny_folder, tmp_path / "one.tsv")
    assert "CAHP compares classes of at least two examples; this data has one" in said(at)
    assert "did not foresee" not in said(at)


def test_heads_that_are_all_alike_end_in_the_librarys_sentence(
    app: Callable[..., Any], tiny_file: Path, tmp_path: Path
) -> None:
    at = visit(app, alike(tmp_path / "alike"), tiny_file)
    assert "All heads behave alike on this data" in said(at)
    assert "did not foresee" not in said(at)


def alike(folder: Path) -> Path:
    """A model whose queries are 0, so that every head looks everywhere alike."""
    import torch
    from transformers import AutoModelForSequenceClassification

    save_tiny(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if ".query." in name:
                weights.zero_()
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("layers", "heads"), [(1, 4), (1, 12), (2, 3)])
def test_small_models_say_what_they_lack_and_take_a_number_of_heads(
    app: Callable[..., Any], tiny_file: Path, tmp_path: Path, layers: int, heads: int
) -> None:
    at = visit(app, save_tiny(tmp_path / "small", layers=layers, heads=heads, hidden=12 * heads), tiny_file)
    assert not at.error and not at.exception
    if layers == 1:
        assert "one layer, so the layer guard has nothing to do" in said(at)
    if layers * heads < 8:
        assert "too few for a knee" in said(at)
        at.number_input(key="_w_plan_count").set_value(3).run()
        assert not at.error and not at.exception
        assert kept(at) >= 3 and charts_of(at) >= 6


def test_stopped_signatures_can_be_started_again(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from headviz.ui.jobs import Job

    at, run = opened.switch_page(PAGE).run(), Job.run
    monkeypatch.setattr(Job, "run", lambda job: (job.cancel.set(), run(job))[1])
    take(at)
    assert "stopped" in said(at)
    monkeypatch.setattr(Job, "run", run)
    next(button for button in at.button if button.label == "Start again").click().run()
    assert charts_of(take(at)) == PICTURES


# -- many classes ------------------------------------------------------------------------------------------------------

MANY = [f"intent {number}" for number in range(30)]


@pytest.fixture
def many(app: Any, tmp_path: Path) -> Any:
    """The page on data of thirty classes, six examples each in two halves."""
    folder = save_tiny(tmp_path / "model", labels=MANY)
    rows = [f"{text}\t{MANY[number // 6]}" for number, text in enumerate(tiny_texts(180, shortest=3))]
    (tmp_path / "many.tsv").write_text("\n".join(["text\tlabel", *rows]), encoding="utf-8")
    at = app()
    send(at, model_source=str(folder))
    send(at, data_source=str(tmp_path / "many.tsv"))
    return at


def test_many_classes_stand_in_tables_and_sentences_name_a_few(many: Any) -> None:
    assert f"30 labels: {', '.join(MANY)}" in text_of(many)  # as many as a sentence may name
    at = take(many.switch_page(PAGE).run())
    shown = text_of(at) + said(at)
    assert max(line.count("intent ") for line in shown.split("\n")) <= 8
    assert "by class: 30 classes, from **3** (intent" in shown and "Mean length by class: 30 classes, from" in shown
    assert "and 22 more: pairs with them are mostly sampling noise" in shown
    assert [one.label for one in at.expander if "classes" in one.label] == [
        "Examples of all 30 classes", "Mean length of all 30 classes",
    ]  # fmt: skip


def test_noise_waits_for_a_click_where_features_are_streamed(many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headviz.complementarity.streamed.AT_ONCE", 0)
    at = take(many.switch_page(PAGE).run())
    assert "takes some minutes" in text_of(at) and plans_of(at).noise() is None
    at = click(at, "ask_noise")
    assert "takes some minutes" not in text_of(at) and "shuffled features" in text_of(at)


def test_two_classes_of_many_are_compared_by_two_choices(many: Any) -> None:
    at = take(many.switch_page(PAGE).run())
    plan = plans_of(at).base()
    assert plan is not None
    at.selectbox(key="signature_pair 0").select("intent 9").run()
    at.selectbox(key="signature_pair 1").select("intent 4").run()
    assert not at.exception
    known = plan.required_signatures()
    at_head = known.names.index(session_of(at).picked or known.names[0])
    expected = known.features_by(plan.options)[at_head].reshape(-1, known.grid, known.grid)
    value = numbers.small(float(expected[known.pairs.index(("intent 4", "intent 9"))].mean()))
    assert f"Mean of this pair {value}, of all pairs {numbers.small(float(expected.mean()))}" in text_of(at)
    at.selectbox(key="signature_pair 1").select("intent 9").run()
    assert not at.exception and "Choose two classes that differ" in text_of(at)


def test_classes_that_do_not_fit_are_refused_by_their_number_before_anything_runs(
    many: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = many.switch_page(PAGE).run()
    monkeypatch.setenv("HEADVIZ_MEMORY", "1MB")
    at.button(key="take_signatures").click().run()
    assert not at.exception
    assert "30 classes" in said(at) and "one computation may take 1.0 MB" in said(at)
    assert "smaller grid" in said(at) and "fewer examples" not in said(at)

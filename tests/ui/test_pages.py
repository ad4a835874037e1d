"""Every page in every state a visitor can bring it to, without a browser.

Over 400 lines because it is a list of such states, which share the model that is opened for all of them.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import headviz as hv
from headviz.errors import Cancelled
from headviz.mask import Mask
from headviz.ui.allowance import Allowance
from headviz.ui.state import Session
from tests.ui.conftest import ROWS, said, send

PAGES = ("pages/scores.py", "pages/complementarity.py", "pages/mask.py", "pages/recover.py", "pages/export.py")
HEADS = 12  # of the tiny model, 3 x 4


def session_of(at: Any) -> Session:
    return at.session_state["headviz"]


def figures(at: Any) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def press(at: Any, label: str) -> Any:
    next(button for button in at.button if button.label == label).click()
    at.run()
    assert not at.exception
    return at


def charts_of(at: Any) -> int:
    return len(at.get("vega_lite_chart"))


# -- nothing open yet --------------------------------------------------------------------------------------------------


def test_home_without_a_model_offers_the_demo_and_the_forms(app: Callable[..., Any]) -> None:
    at = app()
    assert not at.exception
    assert next(button.label for button in at.button) == "Open the demo"
    assert {"Open model", "Open data"} <= {button.label for button in at.button}


@pytest.mark.parametrize("page", PAGES)
def test_page_without_a_model_says_so_and_offers_the_demo(app: Callable[..., Any], page: str) -> None:
    at = app(page)
    assert not at.exception and not at.error
    assert [button.label for button in at.button] == ["Open the demo"]


@pytest.mark.parametrize("page", PAGES)
def test_page_with_a_model_and_no_data_says_what_is_missing(
    app: Callable[..., Any], tiny_folder: Path, page: str
) -> None:
    at = send(app(), model_source=str(tiny_folder)).switch_page(page).run()
    assert not at.exception
    assert any("next, open data to score heads and to measure quality on" in text.value for text in at.markdown)


def test_home_with_data_and_no_model_shows_the_data_and_asks_for_a_model(
    app: Callable[..., Any], tiny_file: Path
) -> None:
    at = send(app(), data_source=str(tiny_file))
    texts = [block.value for block in at.markdown]
    assert "Open a model next, to score its heads on this data." in texts
    assert "Texts from the column text, labels from label." in "\n".join(texts)
    assert f"**Data**  \n{tiny_file.name}" in [block.value for block in at.sidebar.markdown]
    assert next(button.label for button in at.button) == "Open the demo"


@pytest.mark.parametrize("page", PAGES)
def test_page_with_data_and_no_model_says_what_is_missing(app: Callable[..., Any], tiny_file: Path, page: str) -> None:
    at = send(app(), data_source=str(tiny_file)).switch_page(page).run()
    assert not at.exception
    assert any("next, open a model" in text.value for text in at.markdown)


# -- the way through ---------------------------------------------------------------------------------------------------


def test_home_with_model_and_data_shows_card_columns_and_quality(opened: Any) -> None:
    shown = figures(opened)
    assert shown["Layers × heads"] == "3 × 4"
    assert {"Parameters", "In attention", "Accuracy", "Macro-F1", "Matthews", "Constant classifier"} <= set(shown)
    text = "\n".join(block.value for block in opened.markdown)
    assert "split in halves" in text and f"({ROWS // 2} examples)" in text
    assert "Texts from the column text, labels from label." in text
    assert "both counted from 0" in text


def test_scores_shows_charts_and_alpha_moves_only_the_blend(opened: Any) -> None:
    at = opened.switch_page("pages/scores.py").run()
    assert not at.exception and not at.error
    assert charts_of(at) == 8  # HIS, AE and HIES, each with its spread; the plane; the ticks under alpha
    assert "scale" in [table.name for chart in at.get("vega_lite_chart") for table in chart.proto.datasets]
    at.select_slider(key="_w_alpha").set_value(1.0).run()
    assert not at.exception
    assert session_of(at).choice.alpha == 1.0


def test_mask_shows_the_grid_and_measures(opened: Any) -> None:
    at = opened.switch_page("pages/mask.py").run()
    assert not at.exception and not at.error
    shown = figures(at)
    assert shown["Accuracy before"].endswith("%") and shown["Accuracy now"].endswith("%")
    assert shown["Agreement"].endswith("%")
    assert shown["Change in accuracy"].endswith("pts")


def test_quality_on_a_part_of_the_examples_says_of_how_many_and_how_drawn(opened: Any) -> None:
    session_of(opened).measure_on = 7
    texts = [block.value for block in opened.switch_page("pages/mask.py").run().markdown]
    half = ROWS // 2
    told = f"On 7 of the {half} examples of reviews.tsv, drawn with seed 0. Scores come from these examples, too"
    assert any(text.startswith(told) for text in texts), texts


def test_final_figure_is_on_all_examples_to_report_on_whatever_masks_are_chosen_on(opened: Any) -> None:
    session_of(opened).measure_on = 7
    at = opened.switch_page("pages/mask.py").run()
    at.button(key="measure_final").click().run()
    texts = [block.value for block in at.markdown]
    half = ROWS // 2
    assert any(text.startswith(f"On 7 of the {half} examples") for text in texts)
    assert any(text.startswith(f"On {half} examples of reviews.tsv. Below each figure") for text in texts), texts


def test_pruning_nothing_changes_nothing(opened: Any) -> None:
    at = opened.switch_page("pages/mask.py").run()
    at.select_slider(key="_w_prune").set_value(0).run()
    shown = figures(at)
    assert (shown["Change in accuracy"], shown["Agreement"]) == ("0.0 pts", "100.0 %")
    assert shown["Accuracy now"] == shown["Accuracy before"]


def test_pruning_everything_says_which_layers_are_empty(opened: Any) -> None:
    at = opened.switch_page("pages/mask.py").run()
    at.select_slider(key="_w_prune").set_value(HEADS).run()
    assert "No head is left in L0, L1, L2" in said(at)


def test_state_survives_page_changes(opened: Any) -> None:
    at = opened.switch_page("pages/mask.py").run()
    at.select_slider(key="_w_prune").set_value(7).run()
    at.selectbox(key="_w_criterion").set_value("entropy").run()
    at.switch_page("pages/scores.py").run()
    at.select_slider(key="_w_alpha").set_value(0.0).run()
    at.switch_page("pages/export.py").run()
    at.switch_page("pages/mask.py").run()
    assert at.select_slider(key="_w_prune").value == 7
    assert at.selectbox(key="_w_criterion").value == "entropy"
    assert session_of(at).choice.alpha == 0.0


def test_undo_and_redo_go_over_every_choice(opened: Any) -> None:
    at = opened.switch_page("pages/mask.py").run()
    start = at.select_slider(key="_w_prune").value
    at.select_slider(key="_w_prune").set_value(9).run()
    at.selectbox(key="_w_criterion").set_value("random").run()
    press(press(at, "Undo"), "Undo")
    assert (at.select_slider(key="_w_prune").value, at.selectbox(key="_w_criterion").value) == (start, "hies")
    press(at, "Redo")
    assert at.select_slider(key="_w_prune").value == 9


@pytest.mark.parametrize("criterion", ["his", "entropy", "hies", "fisher", "weight_l2", "random"])
def test_every_quick_criterion_gives_a_mask_at_once(opened: Any, criterion: str) -> None:
    at = opened.switch_page("pages/mask.py").run()
    at.selectbox(key="_w_criterion").set_value(criterion).run()
    assert not at.exception and not at.error
    assert any("of 12 heads kept" in text.value for text in at.markdown)


@pytest.mark.parametrize("criterion", ["integrated_gradients", "ablation", "shapley", "cahp"])
def test_slow_criterion_waits_for_a_click(opened: Any, criterion: str) -> None:
    at = opened.switch_page("pages/mask.py").run()
    at.selectbox(key="_w_criterion").set_value(criterion).run()
    assert not any("heads kept" in text.value for text in at.markdown)
    assert any(text.value.startswith(f"{hv.criteria[criterion].title}: this runs") for text in at.markdown)
    at.button(key="compute").click().run()
    assert not at.exception and not at.error
    assert any("of 12 heads kept" in text.value for text in at.markdown)


def test_seed_of_random_gives_another_mask_and_stands_in_the_file(opened: Any) -> None:
    at = opened.switch_page("pages/mask.py").run()
    at.selectbox(key="_w_criterion").set_value("random").run()
    first = at.query_params["mask"]
    at.number_input(key="_w_random_seed").set_value(3).run()
    assert at.query_params["mask"] != first
    at.switch_page("pages/export.py").run()
    assert '"seed": 3' in next(block.value for block in at.code if '"headviz.mask"' in block.value)


def test_export_shows_the_record_and_the_snippets(opened: Any, tiny_folder: Path) -> None:
    at = opened.switch_page("pages/mask.py").run().switch_page("pages/export.py").run()
    assert not at.exception and not at.error
    record, opening, ours, plain = (block.value for block in at.code)
    assert '"format": "headviz.mask"' in record and '"measured"' in record
    assert "import headviz as hv" in ours and str(tiny_folder) in ours
    assert "headviz" not in plain and "headviz" not in opening


def test_masked_folder_is_written_where_asked_and_refused_where_something_is(opened: Any, tmp_path: Path) -> None:
    at = opened.switch_page("pages/export.py").run()
    at.text_input(key="folder_path").input(str(tmp_path / "masked"))
    press(at, "Write the folder")
    assert (tmp_path / "masked" / "config.json").exists()
    assert "Written to" in said(at)
    press(at, "Write the folder")
    assert at.error and "Written to" not in said(at)


def test_folder_written_by_a_relative_path_is_told_in_full_and_of_its_own_mask_alone(
    opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    at = opened.switch_page("pages/export.py").run()
    at.text_input(key="folder_path").input("masked")
    assert f"Written to {tmp_path / 'masked'}." in said(press(at, "Write the folder"))
    session_of(at).commit(prune=1)
    assert "Written to" not in said(at.run())


def test_opening_a_mask_file_brings_its_mask_and_settings(opened: Any) -> None:
    from headviz.ui.page import Page
    from headviz.ui.panels.take_home import take
    from headviz.ui.results import Results

    at = opened.switch_page("pages/mask.py").run()
    at.selectbox(key="_w_criterion").set_value("his").run()
    at.select_slider(key="_w_prune").set_value(5).run()
    session = session_of(at)
    code = at.query_params["mask"]
    content = Mask.from_code(code, session.subject).with_provenance(criterion={"name": "his", "options": {}}).content()
    at.selectbox(key="_w_criterion").set_value("entropy").run()
    at.select_slider(key="_w_prune").set_value(2).run()

    results: Any = Results(session, None, None)  # type: ignore[arg-type]
    take(Page(session, results, None, True), content, "mine.json")  # type: ignore[arg-type]
    at.run()
    assert at.query_params["mask"] == code
    assert (at.select_slider(key="_w_prune").value, at.selectbox(key="_w_criterion").value) == (5, "his")
    assert "mine.json is open: 5 of 12 heads cut" in said(at)


# -- one head ----------------------------------------------------------------------------------------------------------


def test_a_picked_head_shows_numbers_text_prediction_and_both_views(opened: Any) -> None:
    at = opened.switch_page("pages/scores.py").run()
    at.selectbox(key="_w_head").set_value("L2H1").run()
    assert not at.exception and not at.error
    assert {"HIS", "AE", "HIES", "In the mask"} <= set(figures(at))
    assert any(re.match(r"Predicted \*\*(bad|fine|good)\*\* .* true label", text.value) for text in at.markdown)
    assert charts_of(at) == 8 + 2


def test_a_typed_text_has_a_prediction_and_no_true_label(opened: Any) -> None:
    at = opened.switch_page("pages/scores.py").run()
    at.selectbox(key="_w_head").set_value("L0H0").run()
    at.segmented_control(key="text_source").set_value("typed").run()
    assert not at.exception
    at.text_area(key="typed").input("the film was not bad :red[x] $y$").run()
    assert not at.exception and not at.error
    predicted = next(text.value for text in at.markdown if text.value.startswith("Predicted"))
    assert "true label" not in predicted


def test_a_blank_example_says_that_it_is_blank(opened: Any) -> None:
    at = opened.switch_page("pages/scores.py").run()
    session = at.session_state["headviz"]
    data = session.data.selection
    rows = dataclasses.replace(data._rows, inputs=((" ",), *data.inputs[1:]))
    session.data = dataclasses.replace(session.data, selection=dataclasses.replace(data, _rows=rows))
    at.selectbox(key="_w_head").set_value("L0H0").run()
    assert not at.exception and not at.error
    assert "This example is blank: it has no text to look at." in [text.value for text in at.markdown]


def test_stopped_scores_lead_to_where_fewer_examples_are_chosen(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise Cancelled

    monkeypatch.setattr("headviz.score", stopped)
    for page, there in (("mask", True), ("export", True), ("scores", False)):
        at = opened.switch_page(f"pages/{page}.py").run()
        assert not at.exception and "stopped" in said(at)
        links = [link.proto.label for link in at.get("page_link")]
        assert ("Choose how many examples on Scores" in links) is there, page


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source", ["", "/no/such/folder", "no/such-model-here", "demo/nothing", "x" * 3000, "$a_b*[c](d)"]
)
def test_bad_model_shows_its_sentence(app: Callable[..., Any], source: str) -> None:
    at = send(app(), model_source=source)
    assert len(at.error) == 1
    assert "did not foresee" not in said(at)


@pytest.mark.parametrize("source", ["", "/no/such/file.csv", "no/such-data-here"])
def test_bad_data_shows_its_sentence(app: Callable[..., Any], source: str) -> None:
    at = send(app(), data_source=source)
    assert len(at.error) == 1
    assert "did not foresee" not in said(at)


def test_refusal_leaves_the_forms_open_and_stays_on_its_page(opened: Any) -> None:
    assert not opened.expander[0].proto.expanded
    at = send(opened, data_source="/no/such/file.csv")
    assert at.expander[0].proto.expanded
    at = at.switch_page("pages/mask.py").run()
    assert not at.error
    assert not at.switch_page("app.py").run().error


def test_upload_beside_a_named_source_is_refused(opened: Any) -> None:
    opened.file_uploader[0].upload("rows.csv", b"text,label\na,b\n", "text/csv")
    at = send(opened, data_source="demo/reviews")
    assert "remove the file or empty the field" in said(at)
    assert session_of(at).data.source != "demo/reviews"


def test_columns_that_cannot_be_guessed_are_told_in_the_words_of_the_form(opened: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,good film\n3,bad film\n", encoding="utf-8")
    told = said(send(opened, data_source=str(tmp_path / "rows.csv")))
    assert 'Say which to take, such as Text columns "b"' in told
    assert "inputs=" not in told and "label=" not in told


def test_folder_path_on_a_server_for_others_is_refused(
    app: Callable[..., Any], tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headviz.ui.page._visitor_is_local", lambda: False)
    at = send(app(), model_source=str(tiny_folder))
    assert "opens only demos and uploaded files" in said(at)
    assert session_of(at).model is None


def test_folder_path_under_the_data_root_opens_on_a_server_for_others(
    app: Callable[..., Any], tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headviz.ui.page._visitor_is_local", lambda: False)
    monkeypatch.setenv("HEADVIZ_DATA_ROOT", str(tiny_folder.parent))
    assert session_of(send(app(), model_source=tiny_folder.name)).model is not None
    assert session_of(send(app(), model_source=str(tiny_folder.parent.parent))).model is None


def test_visitor_writes_under_the_data_root_where_the_owner_lets_them_and_never_learns_where_it_lies(
    app: Callable[..., Any], tiny_folder: Path, tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    shutil.copytree(tiny_folder, root / "mine")
    shutil.copy(tiny_file, root / "rows.tsv")
    monkeypatch.setattr("headviz.ui.page._visitor_is_local", lambda: False)
    monkeypatch.setenv("HEADVIZ_DATA_ROOT", str(root))
    at = send(send(app(), model_source=str(root / "mine")), data_source="rows.tsv")
    assert session_of(at).model is not None and session_of(at).data is not None
    for page in ("app.py", "pages/scores.py", "pages/mask.py", "pages/recover.py", "pages/export.py"):
        sent = everything(at.switch_page(page).run())
        assert "mine" in sent and "rows.tsv" in sent and str(root) not in sent
    assert not [field for field in at.text_input if field.key == "folder_path"]
    monkeypatch.setenv("HEADVIZ_ALLOW_WRITE", "1")
    at.run().text_input(key="folder_path").input("mine/new")
    press(at, "Write the folder")
    assert "Written to mine/new." in said(at) and (root / "mine" / "new" / "config.json").is_file()
    assert str(root) not in everything(at)
    monkeypatch.setattr("headviz.ui.allowance.OF_VISITORS", Allowance(0, 10**9))
    at.text_input(key="folder_path").input("another")
    press(at, "Write the folder")
    assert "as much written as this server allows" in said(at) and not (root / "another").exists()


def everything(at: Any) -> str:
    """All that a run of a page sends to the browser, but for pictures' data."""

    def parts(node: Any) -> Iterator[str]:
        if hasattr(node, "children"):
            for child in node.children.values():
                yield from parts(child)
        else:
            yield str(node.proto)

    return "\n".join(parts(at._tree))


def test_integer_labels_without_names_are_asked_about(
    app: Callable[..., Any], tiny_folder: Path, tiny_file: Path, tmp_path: Path
) -> None:
    text = tiny_file.read_text("utf-8")
    for number, name in enumerate(("bad", "fine", "good")):
        text = re.sub(rf"\t{name}$", f"\t{number}", text, flags=re.MULTILINE)
    (tmp_path / "numbers.tsv").write_text(text, encoding="utf-8")
    at = send(app(), model_source=str(tiny_folder))
    send(at, data_source=str(tmp_path / "numbers.tsv"))
    assert "integer without a name" in said(at)
    at.switch_page("pages/scores.py").run()
    assert not at.exception and "integer without a name" in said(at)
    at.switch_page("app.py").run()
    at.button(key="labels_ids").click().run()
    assert not at.error
    assert "Accuracy" in figures(at)


def test_uploaded_files_are_no_part_of_the_next_upload(app: Callable[..., Any], tiny_file: Path) -> None:
    at = app()
    at.file_uploader[0].upload("first.tsv", tiny_file.read_bytes(), "text/tab-separated-values")
    next(button for button in at.button if button.label == "Open data").click()
    at.run()
    assert session_of(at).data.report.name == "first.tsv"
    assert not at.file_uploader[0].value  # a second file would be opened as a pair with the first


def test_data_without_labels_says_so_in_the_words_of_the_form(
    app: Callable[..., Any], tiny_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "plain.csv").write_text(
        "\n".join(["text", *(f"film {number} was good" for number in range(9))]), encoding="utf-8"
    )
    at = send(app(), model_source=str(tiny_folder))
    send(at, data_source=str(tmp_path / "plain.csv"))
    assert "plain.csv has no label column" in said(at) and "Choose the label column on Home" in said(at)
    assert "label=" not in said(at) and "targets=" not in said(at)
    assert "Labels are missing" in [header.value for header in at.header]
    at.switch_page("pages/mask.py").run()
    assert "Choose the label column on Home" in said(at) and "targets=" not in said(at)
    assert "Open data with labels on Home" in [link.proto.label for link in at.get("page_link")]


def test_meanings_are_asked_for_labels_that_only_the_final_part_has(
    app: Callable[..., Any], tiny_folder: Path, tiny_file: Path, tmp_path: Path
) -> None:
    from headviz.ui import sources

    odd = tmp_path / "odd.tsv"
    odd.write_text(tiny_file.read_text("utf-8").replace("\tfine", " again\tmeh"), encoding="utf-8")
    at = send(app(), model_source=str(tiny_folder))
    files = [(path.name, path.read_bytes()) for path in (tiny_file, odd)]
    session_of(at).data = sources.open_uploads(files, {})
    at.switch_page("pages/scores.py").run()
    assert "'meh'" in said(at) and "labels=" not in said(at)
    at.switch_page("app.py").run()
    assert "labels=" not in said(at) and at.selectbox(key="label meh").label == "Label meh is"


def test_labels_the_model_does_not_have_can_be_mapped_by_hand(
    app: Callable[..., Any], tiny_folder: Path, tiny_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "named.tsv").write_text(tiny_file.read_text("utf-8").replace("\tfine", "\tmeh"), encoding="utf-8")
    at = send(app(), model_source=str(tiny_folder))
    send(at, data_source=str(tmp_path / "named.tsv"))
    assert "meh" in said(at)
    press(at, "Use these meanings")
    assert "no row is left out in silence" in said(at)
    for raw, label in (("bad", "bad"), ("good", "good"), ("meh", "fine")):
        at.selectbox(key=f"label {raw}").set_value(label)
    press(at, "Use these meanings")
    assert not at.error
    assert "Accuracy" in figures(at)


def test_data_with_one_row_says_that_two_are_needed(app: Callable[..., Any], tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "one.tsv").write_text("text\tlabel\nthe film\tgood\n", encoding="utf-8")
    at = send(app(), data_source=str(tmp_path / "one.tsv"))
    assert "at least 2 are needed" in said(at)


# -- links -------------------------------------------------------------------------------------------------------------


def link_of(at: Any) -> dict[str, str]:
    return {name: at.query_params[name][0] if isinstance(at.query_params[name], list) else at.query_params[name]
            for name in ("model", "criterion", "alpha", "prune", "mask")}  # fmt: skip


def test_link_brings_every_setting_and_hand_edits_back_in_a_new_session(opened: Any, app: Callable[..., Any]) -> None:
    at = opened.switch_page("pages/mask.py").run()
    at.select_slider(key="_w_prune").set_value(5).run()
    at.switch_page("pages/scores.py").run()
    at.select_slider(key="_w_alpha").set_value(0.0).run()
    session = session_of(at)
    preset = Mask.from_code(link_of(at)["mask"], session.subject)
    session.toggle(["L0H0", "L2H3"], preset, preset)
    at.run()
    link = link_of(at)
    assert link["alpha"] == "0.000" and link["prune"] == "5"
    assert set(Mask.from_code(link["mask"], session.subject).differing(preset)) == {"L0H0", "L2H3"}

    other = app("pages/mask.py", **link)
    assert not other.exception
    assert link_of(other) == link
    assert set(session_of(other).choice.edits) == {"L0H0", "L2H3"}


def test_link_on_a_server_for_others_carries_no_data_of_another_visitor(
    opened: Any, app: Callable[..., Any], tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = opened.switch_page("pages/mask.py").run()
    session = session_of(at)
    preset = Mask.from_code(link_of(at)["mask"], session.subject)
    session.toggle(["L1H1"], preset, preset)
    link = link_of(at.run())

    monkeypatch.setattr("headviz.ui.page._visitor_is_local", lambda: False)
    other = app("pages/mask.py", **link)
    assert session_of(other).model is not None and session_of(other).data is None
    assert link_of(other) == link
    monkeypatch.setenv("HEADVIZ_DATA_ROOT", str(tiny_file.parent))
    send(other.switch_page("app.py").run(), data_source=tiny_file.name)
    assert link_of(other.switch_page("pages/mask.py").run()) == link
    assert set(session_of(other).choice.edits) == {"L1H1"}


def test_fingerprint_that_this_server_does_not_have_says_what_to_load(app: Callable[..., Any]) -> None:
    at = app("pages/mask.py", model="0123456789abcdef", prune="3")
    assert "open that folder on Home" in said(at)
    assert at.query_params["model"] in ("0123456789abcdef", ["0123456789abcdef"])


def test_hub_model_in_a_link_is_shown_and_not_opened_by_itself(app: Callable[..., Any]) -> None:
    at = app("pages/scores.py", model="someone/some-model", data="someone/some-data")
    assert not at.exception and not at.error
    assert [button.label for button in at.button] == ["Open it"]
    assert session_of(at).model is None


@pytest.mark.parametrize("page", [None, *PAGES])
def test_rubbish_in_every_parameter_is_noted_and_nothing_changes(opened: Any, page: str | None) -> None:
    at = opened if page is None else opened.switch_page(page).run()
    before = dataclasses.replace(session_of(at).choice)
    rubbish = {
        "model": "../../etc/passwd",
        "data": "<script>",
        "criterion": "no_such_thing",
        "alpha": "NaN",
        "prune": "-3",
        "mask": "A" * 3000,
        "options": "a:b:c",
        "calibration": "٣",
        "cahp": "degree:<b>",
    }
    for name, value in rubbish.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    assert [error.value for error in at.error] == []
    assert len(at.warning) == len(rubbish)
    assert session_of(at).choice == before
    assert "script" not in said(at) and "passwd" not in said(at)
    at.run()
    assert at.query_params["alpha"] in ("0.500", ["0.500"])


def test_prune_beyond_the_model_falls_back_with_a_note(opened: Any) -> None:
    opened.query_params["prune"] = "9999"
    opened.run()
    assert "9999 heads to cut were asked for" in said(opened)
    assert session_of(opened).choice.prune == round(0.3 * HEADS)


def test_mask_code_of_another_model_is_left_out_with_a_note(opened: Any) -> None:
    opened.query_params["mask"] = Mask([[True, False]]).code
    opened.run()
    assert not opened.exception
    assert "mask was left out" in said(opened)

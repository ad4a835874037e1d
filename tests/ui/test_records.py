"""Records: what a visitor did to a model, told by every file that is taken home, and kept by what is opened again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import headviz as hv
from headviz.ui import page as page_module
from headviz.ui.measured import Measured
from headviz.ui.page import Page
from headviz.ui.panels.take_home import take as open_file
from headviz.ui.recover_choice import RecoverChoice
from headviz.ui.report import written
from headviz.ui.report_home import report_of
from headviz.ui.results import Results
from headviz.ui.state import Session
from headviz.ui.taken import Taken
from tests.ui.conftest import said
from tests.ui.test_recoveries import SHORT


def session_of(at: Any) -> Session:
    found: Session = at.session_state["headviz"]
    return found


def results_of(at: Any) -> Results:
    return Results(session_of(at), page_module._shelf(), page_module._jobs())


def press(at: Any, key: str) -> Any:
    at.button(key=key).click().run()
    assert not at.exception and not at.error
    return at


def text_of(at: Any) -> str:
    return "\n".join(block.value for block in at.markdown).replace("\\", "")


def go(at: Any, page: str) -> Any:
    at.switch_page(f"pages/{page}.py").run()
    assert not at.exception and not at.error
    return at


def downloaded(at: Any) -> dict[str, Any]:
    """The mask's JSON as Export gives it."""
    record: dict[str, Any] = json.loads(next(block.value for block in at.code if '"headviz.mask"' in block.value))
    return record


def opened_here(at: Any, content: bytes, name: str) -> None:
    """Open a mask file on Export."""
    results = results_of(at)
    open_file(Page(results.session, results, results.jobs, True), content, name)


# -- a journey ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def journey(opened: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Integrated gradients, four of twelve heads; one by hand; improved; recovered; the recovered model in hand."""
    at = go(opened, "mask")
    session = session_of(at)
    at.selectbox(key="_w_criterion").select("integrated_gradients").run()
    at.select_slider(key="_w_prune").set_value(4).run()
    press(at, "compute")
    mask = results_of(at).mask()
    assert mask is not None and len(mask.pruned) == 4
    session.toggle([mask.kept[-1]], mask, mask)
    at.run()
    before = results_of(at).mask()
    at.segmented_control(key="view").set_value("Improve").run()
    at.segmented_control(key="improve_measure").set_value("loss").run()
    press(at, "improve")
    at.run()
    press(at, "use_improved")
    at.before, at.improved = before, results_of(at).mask()
    session.recovering = RecoverChoice(texts=None, values={"safe": SHORT})
    press(go(at, "recover"), "recover")
    at.run()
    at.run_shown = session.recoveries[session.shown_recovery]  # type: ignore[index]
    press(at, "recover_use")
    return at


def test_a_journey_is_told_as_it_went_by_mask_report_folder_and_card(journey: Any, tmp_path: Path) -> None:
    """Criterion, hand, search, recovery and measuring, each with its data, in every file that is taken home."""
    at, run, before, improved = journey, journey.run_shown, journey.before, journey.improved
    session, subject = session_of(at), session_of(at).subject
    assert subject is not None and subject.fingerprint == run.recovery.subject.fingerprint

    # the search is a search, the hand's head the hand's
    swapped = before.differing(improved)
    (search,) = improved.steps
    assert swapped and improved.by_hand == tuple(head for head in before.by_hand if head not in swapped)
    assert (search["by"], search["measure"], search["budget"]) == ("search", "loss", 200)
    assert search["data"]["fingerprint"] == results_of(at).session.data.selection.fingerprint  # type: ignore[union-attr]

    # Export works at once: nothing is cut, so no criterion has to be computed
    go(at, "export")
    assert "has to be computed" not in text_of(at) and session.choice.criterion == "integrated_gradients"
    press(at, "measure_final")
    at.run()
    record = downloaded(at)
    assert record["pruned_heads"] == {} and "criterion" not in record and "data" not in record
    assert record["model"]["fingerprint"] == subject.fingerprint
    assert record["model"]["whole_heads"] == [list(row) for row in subject.whole_heads or ()]
    (cut,) = record["before"]
    assert cut["criterion"]["name"] == "integrated_gradients" and cut["kept"] == improved.count
    assert tuple(cut["criterion"].get("by_hand", ())) == improved.by_hand and cut["steps"] == [search]
    assert cut["data"] == improved.provenance["data"]
    recovery = record["recovery"]
    assert (recovery["method"], recovery["seed"], recovery["best"]) == ("safe", 0, run.recovery.history.best)
    assert recovery["train"]["fingerprint"] == run.train.fingerprint
    assert recovery["validation"]["fingerprint"] == run.validation.fingerprint
    final = Measured(results_of(at), "report").evaluation(results_of(at).mask())
    assert final is not None and record["measured"]["accuracy"]["value"] == final.metrics["accuracy"].value
    assert record["measured_on"]["after"] == "recovery" and record["measured_on"]["part"] == "report"

    # the report
    mask = hv.Mask.read(json.dumps(record).encode(), "mask.json", subject)
    report = written(report_of(results_of(at), mask))
    names = hv.criteria["integrated_gradients"].title
    for told in (
        f"By {names} (", "then a search for a lower loss", "at most 200 evaluations", "method safe, seed 0",
        f"{improved.count} of its 12 heads are left", "Nothing more is cut.", "Cut and recovered", "Model as opened",
    ):  # fmt: skip
        assert told in report, told
    assert "HIS is the criterion" not in report and "Criterion:" not in report

    # the folder
    at.text_input(key="folder_path").input(str(tmp_path / "taken"))
    next(one for one in at.button if one.label == "Write the folder").click().run()
    assert not at.exception and not at.error
    kept = json.loads((tmp_path / "taken" / "head_mask.json").read_text("utf-8"))
    assert kept["pruned_heads"] == improved.record()["pruned_heads"] and "before" not in kept
    assert kept["criterion"] == improved.provenance["criterion"] and kept["steps"] == [search]
    assert kept["recovery"] == recovery and kept["measured"] == record["measured"]
    assert kept["measured_on"] == record["measured_on"] and kept["name"] == subject.name
    card = (tmp_path / "taken" / "README.md").read_text("utf-8").replace("\\", "")
    chosen = card.split("## How they were chosen")[1].split("## Measured")[0]
    assert "By integrated_gradients (" in chosen and "then a search for a lower loss" in chosen
    assert "his" not in chosen.split() and "What was left was fine-tuned: method safe, seed 0" in chosen
    measured = card.split("## Measured")[1].split("## Use")[0]
    assert "after the fine-tuning." in measured and "masked" not in measured.split("after the fine-tuning.")[1]
    assert f"{final.metrics['accuracy'].value:.4f}" in measured


def test_heads_of_the_recovered_model_have_both_names_wherever_they_differ(journey: Any) -> None:
    at, session = journey, session_of(journey)
    own, whole = next((own, whole) for own, whole in session.whole_names.items() if own != whole)
    both = f"{own} ({whole} of the whole model)"
    at.switch_page("app.py").run()
    assert "Where the whole model counts a head otherwise, both names stand" in text_of(at) and both in text_of(at)
    go(at, "mask")
    mask = results_of(at).mask()
    assert mask is not None and mask.pruned == ()  # and no criterion was computed for it
    session.toggle([own], mask, mask)
    at.run()
    assert f"By hand: {both} cut." in text_of(at)
    go(at, "export")
    record = downloaded(at)
    assert record["criterion"] == {"by_hand": [own]} and record["before"][-1]["recovery"]["method"] == "safe"
    assert session.subject is not None
    pruned = hv.prune(session.subject, hv.Mask.full(session.subject).with_toggled(own))
    assert pruned.cut is not None and pruned.cut.by_hand == (whole,)


def test_a_recovery_of_a_model_of_which_nothing_is_cut_is_told_too(opened: Any) -> None:
    at, session = go(opened, "mask"), session_of(opened)
    at.select_slider(key="_w_prune").set_value(0).run()
    session.recovering = RecoverChoice(texts=None, values={"safe": SHORT})
    press(go(at, "recover"), "recover")
    at.run()
    press(at, "recover_use")
    assert session.subject is not None and session.subject.cut is None
    record = downloaded(go(at, "export"))
    assert record["pruned_heads"] == {} and "criterion" not in record and "before" not in record
    assert record["recovery"]["method"] == "safe" and record["recovery"]["seed"] == 0


# -- opened and saved again --------------------------------------------------------------------------------------------


@pytest.fixture
def files(opened: Any) -> dict[str, dict[str, Any]]:
    """Masks as other programs and earlier visits wrote them, for the model in hand."""
    subject = session_of(opened).subject
    assert subject is not None
    full = hv.Mask.full(subject)
    chosen = full.with_step({"by": "criterion"}, "L0H0", "L1H1", "L2H2").with_provenance(steps=None)
    scored = {"name": "elsewhere.tsv", "split": "validation", "fingerprint": "0" * 16, "examples": 64}
    hies = {"name": "hies", "options": {"alpha": 0.97, "normalise": "global"}}
    figures = {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6, "examples": 64}}
    of_cli = chosen.with_provenance(criterion=hies, data=scored, selection={"prune": 3})
    plan = {"name": "cahp", "options": {"preset": "headviz", "k": 9, "degree": 6}}
    records = {
        "of the command line": of_cli,
        "changed by hand": of_cli.with_toggled("L1H3"),
        "of a search": of_cli.with_step({"by": "search", "measure": "loss", "budget": 50, "data": scored}, "L0H0"),
        "of a plan": chosen.with_provenance(criterion=plan, data=scored, rescued=["L0H1"]),
        "measured elsewhere": of_cli.with_provenance(measured=figures, measured_on={"part": "report", "name": "x"}),
        "of another program": chosen.with_provenance(criterion={"name": "magnitude"}, licence={"kept": [1, None]}),
    }
    made = {name: json.loads(mask.content(".json")) for name, mask in records.items()}
    bare = {"format": "headviz.mask", "version": 1, "model": {"heads": list(subject.heads)}}
    return {**made, "of four keys": {**bare, "pruned_heads": {"1": [0, 2]}}}


def test_a_mask_that_is_opened_and_downloaded_is_the_same(opened: Any, files: dict[str, dict[str, Any]]) -> None:
    go(opened, "mask")  # where it would be measured
    for name, record in files.items():
        opened_here(opened, json.dumps(record).encode(), f"{name}.json")
        assert downloaded(go(opened, "export")) == record, name
        assert f"that of the file {name}.json" in text_of(opened)
        go(opened, "mask")
        assert f"that of the file {name}.json" in text_of(opened)
        assert ("By hand: L1H3 cut" in text_of(opened)) == (name == "changed by hand")


def test_what_a_hand_changes_in_an_opened_mask_is_all_that_changes(
    opened: Any, files: dict[str, dict[str, Any]]
) -> None:
    record = files["changed by hand"]
    opened_here(opened, json.dumps(record).encode(), "mask.json")
    mask = results_of(opened).mask()
    assert mask is not None
    session_of(opened).toggle(["L2H0"], mask, mask)
    changed = downloaded(go(opened, "export"))
    assert changed["criterion"] == {**record["criterion"], "by_hand": ["L1H3", "L2H0"]}
    same = set(record) - {"pruned_heads", "criterion", "created", "headviz", "digest"}
    assert {key: changed[key] for key in same} == {key: record[key] for key in same}


def test_an_opened_masks_scores_of_other_data_do_not_explain_it(opened: Any, files: dict[str, dict[str, Any]]) -> None:
    go(opened, "mask")
    results = results_of(opened)
    own = results.mask()
    assert own is not None and results.scores_behind(own) is not None
    for name in ("of the command line", "of a plan", "of another program", "of four keys"):
        opened_here(opened, json.dumps(files[name]).encode(), "mask.json")
        mask = results.mask()
        assert mask is not None and results.scores_behind(mask) is None, name
        for page in ("mask", "scores"):
            assert "that alpha can give" not in text_of(go(opened, page)), (name, page)
            assert "The current mask is that of the file mask.json" in said(opened) + text_of(opened)


def test_a_plans_and_a_searchs_mask_survive_the_way_back_with_their_records(opened: Any) -> None:
    at = go(opened, "mask")
    results = results_of(at)
    mask = results.mask()
    assert mask is not None
    plan = mask.with_step({"by": "plan"}, mask.kept[0]).with_provenance(criterion={"name": "cahp", "options": {"k": 3}})
    results.take(Taken("plan", plan))
    at.run()
    older = dict(session_of(at).written)
    at.select_slider(key="_w_prune").set_value(6).run()
    assert session_of(at).choice.taken is None
    for name, value in older.items():
        at.query_params[name] = value
    at.run()
    taken = session_of(at).choice.taken
    assert taken is not None and taken.kind == "plan" and taken.mask == plan
    assert downloaded(go(at, "export"))["criterion"] == {"name": "cahp", "options": {"k": 3}}

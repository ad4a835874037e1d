"""Models to take home: each form is written, proved, opened again, and the code that opens it runs as it is given."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import headviz as hv
from headviz.ui import models_home
from headviz.ui.models_home import FORMS, PROOF_FILE, ModelsHome, dtype_note, file_dtype
from headviz.ui.panels.speed import whole_of
from headviz.ui.results import Results
from headviz.ui.shelf import Shelf
from headviz.ui.state import OpenedModel
from tests.tiny import MAX_LENGTH
from tests.ui.conftest import said

CUT = ("L0H1", "L2H0", "L2H1", "L2H2", "L2H3")  # a layer loses all


def home(made: Results, kind: str) -> ModelsHome:
    return ModelsHome(made, hv.Mask.full(made.session.subject).with_toggled(*CUT), kind)


@pytest.mark.parametrize("kind", FORMS)
def test_form_is_written_proved_and_opened_by_its_code(made: Results, kind: str, tmp_path: Path) -> None:
    taken = home(made, kind)
    job = taken.ask_folder(tmp_path / taken.form.name)
    assert job.error is None
    written = job.result
    assert written.proof.holds and written.proof.examples == 30 and not written.proof.differing
    subject, code = made.session.subject, taken.form.code(str(written.path), False)
    assert subject is not None
    source = made.session.model.source  # type: ignore[union-attr]
    subject.processor.save_pretrained(tmp_path / source)
    found: dict[str, Any] = {"print": lambda *parts: None}
    exec(compile(code.replace("PATH/TO/MODEL", str(tmp_path / source)), "snippet", "exec"), found)
    expected = hv.evaluate(subject, _one(), taken.mask).logits
    assert found["logits"].shape == expected.shape
    logits = found["logits"].detach().numpy() if kind != "onnx" else found["logits"]
    assert np.abs(logits - expected).max() < 1e-4


def _one() -> hv.Data:
    import pandas as pd

    return hv.load_data(pd.DataFrame({"text": ["A text to classify."], "label": ["good"]}))


@pytest.mark.parametrize("kind", ["masked", "pruned"])
def test_packed_folder_holds_the_proof_and_opens_in_headviz(made: Results, kind: str, tmp_path: Path) -> None:
    taken = home(made, kind)
    written = taken.ask_packed().result
    assert written.size == written.path.stat().st_size
    with zipfile.ZipFile(written.path) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / taken.form.name
    assert (folder / PROOF_FILE).is_file()
    opened = hv.load(folder)
    assert opened.heads == ((3, 4, 0) if kind == "pruned" else (4, 4, 4))
    assert "holds" in (folder / PROOF_FILE).read_text()


def test_temporary_files_go_with_what_holds_them(made: Results) -> None:
    taken = home(made, "masked")
    written = taken.ask_packed().result
    folder = written.path.parent
    assert folder.is_dir()
    taken.forget("pack")
    del written
    import gc

    gc.collect()
    assert not folder.exists()


def test_export_page_shows_what_pruning_saves_and_makes_the_zip(opened: Any) -> None:
    at = opened.switch_page("pages/export.py").run()
    at.segmented_control(key="model_form").set_value("pruned").run()
    figures = {metric.label: metric.value for metric in at.metric}
    assert figures["FLOPs of attention"].startswith("\u2212") and figures["Smaller by"].endswith("%")
    deltas = {metric.label: metric.delta for metric in at.metric}
    assert deltas["FLOPs of attention"] == f"per token, at {MAX_LENGTH} tokens"  # no more than the model reads
    next(button for button in at.button if button.label == "Make pruned-model.zip").click().run()
    assert not at.exception and not at.error
    assert any("answers like the masked model" in block.value for block in at.markdown)
    assert any("Download pruned-model.zip" in button.label for button in at.get("download_button"))


def test_export_page_of_a_mask_that_cuts_nothing_saves_nothing(opened: Any) -> None:
    opened.switch_page("pages/mask.py").run().select_slider(key="_w_prune").set_value(0).run()
    at = opened.switch_page("pages/export.py").run()
    at.segmented_control(key="model_form").set_value("pruned").run()
    figures = {metric.label: metric.value for metric in at.metric}
    assert figures["FLOPs of attention"] == figures["Smaller by"] == "0.0 %"


def test_pruned_folder_is_opened_as_a_model_of_its_own(opened: Any, tmp_path: Path) -> None:
    at = opened.switch_page("pages/export.py").run()
    at.segmented_control(key="model_form").set_value("pruned").run()
    at.text_input(key="folder_path").input(str(tmp_path / "pruned"))
    next(button for button in at.button if button.label == "Write the folder").click().run()
    assert "Written to" in said(at)
    whole = at.session_state["headviz"].subject
    at.button(key="open_pruned").click().run()
    pruned = at.session_state["headviz"].subject
    assert not at.exception and sum(pruned.heads) < sum(whole.heads)
    assert "pruned is open, with nothing more cut" in said(at) and at.session_state["headviz"].choice.prune == 0
    for page in ("app.py", "pages/scores.py", "pages/mask.py", "pages/export.py"):
        at.switch_page(page).run()
        assert not at.exception and not at.error, page


def test_what_is_too_large_for_a_download_says_where_it_lies(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headviz.ui.panels.models.LARGEST_DOWNLOAD", 1)
    at = opened.switch_page("pages/export.py").run()
    next(button for button in at.button if button.label == "Make masked-model.zip").click().run()
    assert "too much for a download" in said(at) and "masked-model.zip" in said(at)


def test_every_form_says_what_it_is() -> None:
    assert all(form.explain.endswith(".") and form.title for form in models_home.FORMS.values())


def test_speed_is_measured_on_a_click_and_told_beside_the_promise(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headviz.ui.panels.speed._ROUNDS", 2)
    at = opened.switch_page("pages/export.py").run()
    at.segmented_control(key="model_form").set_value("pruned").run()
    at.button(key="measure_speed").click().run()
    assert not at.exception and not at.error
    (table,) = [block.value for block in at.markdown if "Speed-up" in block.value]
    assert len(table.splitlines()) == 2 + 2  # one text and 32, at the length that this model bears
    assert "faster" in "\n".join(block.value for block in at.markdown)


@pytest.mark.parametrize(
    ("slowest", "fastest", "told"),
    [(1.1, 1.4, "faster in every setting"), (0.8, 1.0, "It is not faster here"), (0.9, 1.3, "not faster in every")],
)
def test_speed_is_judged_by_its_spread(slowest: float, fastest: float, told: str) -> None:
    from headviz.ui.speeds import verdict

    assert told in verdict(slowest, fastest)


@pytest.mark.parametrize("kind", ["masked", "pruned"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_folder_is_written_in_the_dtype_asked_for_and_proved_as_written(made: Results, kind: str, dtype: str) -> None:
    job = replace(home(made, kind), dtype=dtype).ask_packed()
    assert job.error is None
    written = job.result
    assert written.proof.holds and written.proof.allowed == {"bfloat16": 2e-2, "float16": 5e-3}[dtype]
    assert written.proof.largest_difference > 1e-5  # rounded, and compared with what was not
    assert hv.load(written.path.parent / home(made, kind).form.name).stored == (dtype,)
    assert home(made, kind).job("pack") is None  # of another dtype, so another file


def test_model_of_a_float16_file_is_written_as_its_file_is(tiny_subject: hv.Subject) -> None:
    assert file_dtype(tiny_subject) == "float32"
    half = replace(tiny_subject, stored=("float16",))
    assert file_dtype(half) == "float16"
    assert file_dtype(replace(tiny_subject, stored=("bfloat16", "float32"))) == "float32"
    assert dtype_note(half, "float16") == (
        "The model's file holds float16, opened in float32; no number is rounded in what is written."
    )
    assert "no number is rounded" in dtype_note(half, "float32")
    assert "numbers are rounded to bfloat16" in dtype_note(half, "bfloat16")


def test_export_page_says_what_numbers_are_written(opened: Any) -> None:
    at = opened.switch_page("pages/export.py").run()
    subject = at.session_state["headviz"].subject
    numbers = at.segmented_control(key=f"dtype {subject.fingerprint}")
    assert numbers.value == "float32" and any("no number is rounded" in block.value for block in at.markdown)
    numbers.set_value("bfloat16").run()
    assert any("numbers are rounded to bfloat16" in block.value for block in at.markdown)
    next(button for button in at.button if button.label == "Make masked-model.zip").click().run()
    assert not at.exception and not at.error
    (proved,) = [block.value for block in at.markdown if "is allowed" in block.value]
    assert float(proved.split(" is allowed")[0].split("(")[-1]) >= 2e-2  # of a logit of 1; float32 has 1e-5


def test_speed_of_a_model_that_was_cut_is_against_the_whole_one_or_not_at_all(opened: Any, tmp_path: Path) -> None:
    at = opened.switch_page("pages/export.py").run()
    at.segmented_control(key="model_form").set_value("pruned").run()
    at.text_input(key="folder_path").input(str(tmp_path / "pruned"))
    next(button for button in at.button if button.label == "Write the folder").click().run()
    whole = at.session_state["headviz"].subject
    at.button(key="open_pruned").click().run()
    page = SimpleNamespace(
        session=at.session_state["headviz"],
        results=SimpleNamespace(shelf=Shelf()),
    )
    assert page.session.subject.cut is not None and whole_of(page) is None  # type: ignore[arg-type]
    page.results.shelf.models.put("other", OpenedModel(page.session.subject, "pruned", "x"))
    assert whole_of(page) is None  # type: ignore[arg-type]
    page.results.shelf.models.put("whole", OpenedModel(whole, "tiny", whole.fingerprint))
    assert whole_of(page) is whole  # type: ignore[arg-type]
    page.session.model = OpenedModel(whole, "tiny", whole.fingerprint)
    assert whole_of(page) is whole  # type: ignore[arg-type]

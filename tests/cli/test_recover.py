"""``headviz recover`` end to end on a tiny model, and each refusal as its one sentence."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import headviz as hv
from headviz.errors import ExportError
from tests.tiny import tiny_labels, tiny_texts

QUICK = ("--option", "batch_size=8", "--option", "epochs=1")


@pytest.fixture
def validation_file(tmp_path: Path) -> Path:
    """Texts that the training file has not."""
    path = tmp_path / "validation.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows((f"{text} though", label) for text, label in zip(tiny_texts(10), tiny_labels(10), strict=True))
    return path


@pytest.fixture
def base(model_folder: Path, mask_file: Path, data_file: Path, validation_file: Path, tmp_path: Path) -> list[object]:
    return ["recover", model_folder, mask_file, data_file, validation_file, "-o", tmp_path / "run"]


def test_recovered_model_lies_in_the_run_folder(run: Callable, base: list[object], tmp_path: Path) -> None:
    ran = run(*base, "--method", "safe", *QUICK, "--json")
    assert ran.code == 0, ran.err
    recovered = hv.load(tmp_path / "run" / "model")
    assert recovered.heads == (3, 0, 4) and recovered.fingerprint == ran.data["recovered"]["fingerprint"]
    assert ran.data["heads"] == {"before": 12, "after": 7} and ran.data["steps"] == 3
    assert len(ran.data["frozen"]) == 2  # layer 1 has no heads, so it has no adapters
    after = hv.evaluate(recovered, hv.load_data(base[4])).metrics["accuracy"]  # type: ignore[arg-type]
    assert ran.data["after"]["value"] == pytest.approx(after.value)
    assert "training: 3 of 3" in ran.err


def test_same_command_opens_a_finished_run(run: Callable, base: list[object]) -> None:
    first = run(*base, *QUICK)
    again = run(*base, *QUICK)
    assert first.code == again.code == 0 and first.out == again.out
    assert "recovered by full" in first.out and "training" not in again.err


def test_model_that_the_disk_cannot_hold_is_no_success(
    run: Callable, refused: Callable, base: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise ExportError("'run/model' cannot be written: the disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr("headviz.recovery.recovery._save", full)
        said = refused(*base, *QUICK)
    assert "The recovered model is in no folder, since 'run/model' cannot be written: the disk is full." in said
    assert run(*base, *QUICK).code == 0 and (tmp_path / "run" / "model").is_dir()


def test_run_of_other_settings_is_refused(run: Callable, refused: Callable, base: list[object]) -> None:
    assert run(*base, *QUICK).code == 0
    assert "differs in the seed" in refused(*base, *QUICK, "--seed", 1)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--method", "lor"), "There is no method 'lor'"),
        (("--option", "ranks=3"), "full has no setting 'ranks'"),
        (("--option", "epochs=0"), "epochs must be a whole number from 1 to 100"),
        (("--option", "epochs=1", "--option", "epochs=2"), "given twice"),
    ],
)
def test_wrong_settings_are_one_sentence_and_leave_no_folder(
    refused: Callable, base: list[object], tmp_path: Path, more: tuple[str, ...], says: str
) -> None:
    assert says in refused(*base, *more)
    assert not (tmp_path / "run").exists()


def test_switches_are_words(run: Callable, base: list[object], tmp_path: Path) -> None:
    options = ("--method", "lora", "--option", "mlp=true", "--option", "patience=none", *QUICK)
    assert run(*base, *options).code == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert record["settings"]["mlp"] is True and record["settings"]["patience"] is None

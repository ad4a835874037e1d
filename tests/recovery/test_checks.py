"""Checks before a recovery: labels, texts that two splits share, room on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

import headviz as hv
from headviz.data import Data
from headviz.errors import DataError, RunError
from headviz.recovery.checks import labels_of, require_room, without_shared
from tests.tiny import tiny_model


def data(*texts: str, labels: Any = "good") -> Data:
    return hv.load_data(pd.DataFrame({"text": list(texts), "label": labels}))


@pytest.fixture(scope="module")
def subject() -> hv.Subject:
    return hv.Subject.wrap(*tiny_model("bert", layers=1), name="tiny")


def test_labels_are_the_models_ids_by_name(subject: hv.Subject) -> None:
    assert labels_of(subject, data("a", "b", "c", labels=["good", "BAD", "fine"]), "training").tolist() == [2, 0, 1]


def test_split_without_examples_or_with_other_labels_is_told(subject: hv.Subject) -> None:
    with pytest.raises(DataError, match=r"The validation split .* has no examples; choose data with at least one row"):
        labels_of(subject, data("a")[:0], "validation")
    with pytest.raises(DataError, match="Row 0: label 'cat' is not one of the model's: bad, fine, good"):
        labels_of(subject, data("a", labels="cat"), "training")
    with pytest.raises(DataError):
        labels_of(subject, ["a"], "training")  # type: ignore[arg-type]


def test_splits_without_a_common_text_are_left_as_they_are() -> None:
    train = data("a", "b", "b")
    assert without_shared(train, data("c")) == (train, None)


def test_chance_repetition_is_left_out_of_training_and_told() -> None:
    validation = data(*(f"text {number}" for number in range(100)))
    left, note = without_shared(data("a", "text 7", "b"), validation)
    assert [one.inputs[0] for one in left] == ["a", "b"]
    assert note == "1 training text was left out, because the validation split has the same, such as 'text 7'."
    left, note = without_shared(data("text 7", "text 7", "b"), validation)
    assert len(left) == 1 and note is not None and note.startswith("2 training texts were left out")


def test_more_than_one_percent_in_common_is_refused() -> None:
    validation = data(*(f"text {number}" for number in range(100)))
    with pytest.raises(DataError, match="2 of 100 validation texts stand in the training split, too, such as 'text 7'"):
        without_shared(data("a", "text 9", "text 7"), validation)
    with pytest.raises(DataError, match="100 of 100 validation texts"):
        without_shared(validation, validation)


def test_training_split_that_would_be_empty_is_refused() -> None:
    with pytest.raises(DataError, match="Give splits that share no text"):
        without_shared(data("text 7"), data(*(f"text {number}" for number in range(100))))


def test_long_text_is_cut_in_the_sentence() -> None:
    with pytest.raises(DataError) as caught:
        without_shared(data("x" * 500), data("x" * 500))
    assert "x" * 59 + "…" in str(caught.value) and "x" * 60 not in str(caught.value)


def test_disk_without_room_is_told_of_the_folder_that_is_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    asked: list[Path] = []

    def usage(place: Path) -> Usage:
        asked.append(place)
        return Usage(free=1_000_000)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    require_room(tmp_path / "a" / "b", 1_000_000)
    with pytest.raises(RunError, match=r"model, 3\.0 MB, and its disk has 1\.0 MB"):
        require_room(tmp_path / "a" / "b", 3_000_000)
    assert asked == [tmp_path, tmp_path] and not (tmp_path / "a").exists()

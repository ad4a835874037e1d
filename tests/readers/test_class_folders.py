"""One text a file below a folder per class."""

from __future__ import annotations

from pathlib import Path

import pytest

from headviz.data import load_data, splits_of
from headviz.errors import DataError


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))


def reviews(folder: Path, suffix: str) -> None:
    for split in ("train", "test"):
        for label in ("neg", "pos"):
            for number in range(3):
                write(folder, **{f"{split}__{label}__{number}_7{suffix}": f"{label} film {number}\nof {split}\n"})


@pytest.mark.parametrize("suffix", [".txt", ""])
def test_folders_of_classes_are_labels_below_their_splits(tmp_path: Path, suffix: str) -> None:
    reviews(tmp_path, suffix)
    assert splits_of(tmp_path) == ("train", "test")
    found = load_data(tmp_path, split="train")
    assert found.raw_labels == ["neg"] * 3 + ["pos"] * 3
    assert found.inputs[0] == ("neg film 0\nof train",)
    assert "below a folder per class" in found.notes[0]


def test_folders_of_classes_without_splits_are_one_data_set(tmp_path: Path) -> None:
    write(tmp_path, sport__1="goal", sport__2="match", space__1="caf\xe9 in orbit", space__2="moon")
    found = load_data(tmp_path)
    assert (splits_of(tmp_path), found.raw_labels) == ((), ["space"] * 2 + ["sport"] * 2)
    assert found.inputs[0] == ("caf\xe9 in orbit",)
    assert "Windows-1252" in found.notes[1]


def test_unlabelled_folder_and_files_beside_are_left_out_and_told(tmp_path: Path) -> None:
    reviews(tmp_path, ".txt")
    write(tmp_path, train__unsup__0_0="x y", train__urls_pos="http", README="about")
    found = load_data(tmp_path, split="train")
    assert set(found.raw_labels) == {"neg", "pos"}
    assert "2 other files are left out" in found.notes[0]


def test_empty_file_is_skipped_and_listed(tmp_path: Path) -> None:
    write(tmp_path, a__1="x", a__2="", b__1="  \n", b__2="y")
    found = load_data(tmp_path)
    assert found.raw_labels == ["a", "b"] and [row for row, _ in found.skipped] == [1, 2]


def test_folders_of_data_sets_with_splits_stay_what_they_were(tmp_path: Path) -> None:
    write(tmp_path, **{"mrpc__train.txt": "a\nb", "mrpc__test.txt": "c", "sst2__train.txt": "d"})
    assert set(splits_of(tmp_path)) == {"mrpc/train", "mrpc/test", "sst2/train"}
    with pytest.raises(DataError, match="several splits"):
        load_data(tmp_path)

"""Splits in folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from headviz.errors import DataError
from headviz.readers.folder import card_names, find_split, splits_of


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text\na\n")
    return folder


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["test.tsv", "train.tsv", "dev.tsv", "README.md"], ["train", "dev", "test"]),
        (["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"], ["train"]),
        (["data/test-00000-of-00001-0123456789abcdef.parquet"], ["test"]),
        (["default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"], ["train", "test"]),
        (["mrpc/train.csv", "sst2/train.csv", "sst2/test.csv"], ["mrpc/train", "sst2/train", "sst2/test"]),
        (["train.tsv", "train_small.tsv"], ["train", "train_small"]),
        (["train/reviews.csv", "test/reviews.csv"], ["train/reviews", "test/reviews"]),
        (["0.csv", "1.csv"], ["train"]),
        (["all.txt"], ["all"]),
        (["reviews.csv", "notes.txt", "dataset_infos.json", ".hidden.csv", "_odd/x.csv"], ["reviews"]),
    ],
)
def test_splits_are_named_after_their_files(tmp_path: Path, names: list[str], splits: list[str]) -> None:
    assert sorted(splits_of(make(tmp_path, *names), "it")) == sorted(splits)


def test_splits_stand_in_the_order_train_validation_test(tmp_path: Path) -> None:
    assert list(splits_of(make(tmp_path, "test.tsv", "other.tsv", "dev.tsv", "train.tsv"), "it")) == [
        "train",
        "dev",
        "test",
        "other",
    ]


def test_parts_of_a_split_are_joined_in_order(tmp_path: Path) -> None:
    folder = make(tmp_path, *(f"train-{part:05}-of-00003.csv" for part in (2, 0, 1)))
    assert [path.name[6:11] for path in splits_of(folder, "it")["train"].files] == ["00000", "00001", "00002"]


def test_missing_part_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="split 'train' has 1 of 2 files"):
        splits_of(make(tmp_path, "train-00001-of-00002.csv"), "it")


def test_one_split_in_two_formats_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"split 'train' is there as \.csv and \.jsonl"):
        splits_of(make(tmp_path, "train.csv", "train.jsonl"), "it")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["README.md", "a/b/c/d/deep.csv"], r"it holds no data file\. Known are \.csv"),
        (["config.json", "model.safetensors", "tokenizer.json"], "it is a model, not data"),
    ],
)
def test_folder_without_data_is_an_error(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        splits_of(make(tmp_path, *names), "it")


def test_file_that_points_nowhere_is_no_data(tmp_path: Path) -> None:
    make(tmp_path, "train.csv")
    (tmp_path / "test.csv").symlink_to(tmp_path / "gone.csv")
    assert list(splits_of(tmp_path, "it")) == ["train"]


def test_many_splits_are_listed_shortly() -> None:
    with pytest.raises(DataError, match=r"s19 and 80 more\. Choose"):
        find_split(None, [f"s{number}" for number in range(100)], "it")


@pytest.mark.parametrize(
    ("wanted", "splits", "found"),
    [
        (None, ["only"], "only"),
        (None, [""], ""),
        ("validation", ["train", "dev"], "dev"),
        ("dev", ["train", "validation"], "validation"),
        ("train", ["sst2_train", "sst2_test"], "sst2_train"),
        ("train", ["train", "train_small"], "train"),
    ],
)
def test_find_split_takes_the_only_one_meant(wanted: str | None, splits: list[str], found: str) -> None:
    assert find_split(wanted, splits, "it") == found


@pytest.mark.parametrize(
    ("wanted", "splits", "message"),
    [
        (None, ["train", "test"], r"it has several splits: train, test\. Choose one with split="),
        ("train", ["a/train", "b/train"], "several splits that may be 'train': a/train, b/train"),
        ("dev", ["train", "test"], "no split 'dev'; it has train, test"),
        ("train", [""], "no splits, so there is no 'train'"),
    ],
)
def test_find_split_in_doubt_lists_the_splits(wanted: str | None, splits: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        find_split(wanted, splits, "it")


CARD = """---
license: mit
dataset_info:
- config_name: one
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': a
          '10': c
          '2': b
- config_name: two
  features:
  - name: label
    dtype: {class_label: {names: [x, y]}}
---
# Card
"""


def test_card_names_are_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(CARD)
    assert card_names(tmp_path, "one") == {"label": ("a", "b", "c")}
    assert card_names(tmp_path, "two") == {"label": ("x", "y")}
    assert card_names(tmp_path, None) == {}


def test_card_names_of_an_old_data_set_come_from_its_infos(tmp_path: Path) -> None:
    (tmp_path / "dataset_infos.json").write_text(
        '{"default": {"features": {"label": {"_type": "ClassLabel", "names": ["x", "y"]}}}}'
    )
    assert card_names(tmp_path, None) == {"label": ("x", "y")}


@pytest.mark.parametrize("card", ["", "# Card", "---\n: [\n---\n", "---\ndataset_info: 3\n---\n", "---\n- a\n---\n"])
def test_card_names_of_a_card_that_says_nothing_are_none(tmp_path: Path, card: str) -> None:
    (tmp_path / "README.md").write_text(card)
    assert card_names(tmp_path, None) == {}

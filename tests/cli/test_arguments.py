"""How texts on the command line are read."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from headviz.cli import arguments
from headviz.cli.errors import Usage


@pytest.mark.parametrize(
    ("text", "value"), [("36", 36), ("0", 0), ("0.5", 0.5), ("1.0", 1.0), ("1", 1), (".25", 0.25), ("1.", 1.0)]
)
def test_prune_with_a_point_is_a_share_and_without_is_heads(text: str, value: float) -> None:
    found = arguments.prune(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["-3", "1.5", "50%", "half", "", ".", "nan", "1e-1", "-0.5"])
def test_prune_that_is_neither_is_refused_with_both_forms(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"such as 36.*such as 0\.5"):
        arguments.prune(text)


def test_labels_are_ids_or_a_mapping() -> None:
    assert arguments.labels("ids") == "ids"
    assert arguments.labels("0=negative, 1 = positive") == {"0": "negative", "1": "positive"}


@pytest.mark.parametrize("text", ["0", "0=", "=x", "0=a,,1=b", ""])
def test_labels_that_are_neither_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="RAW=LABEL"):
        arguments.labels(text)


def test_labels_with_commas_are_said_in_quotes_in_json_or_in_a_file(tmp_path: Path) -> None:
    wanted = {"0": "Business, Finance", "1": "Sci=Tech"}
    assert arguments.labels('0="Business, Finance",1=Sci=Tech') == wanted
    assert arguments.labels('"0=Business, Finance","1=Sci=Tech"') == wanted
    assert arguments.labels('{"0": "Business, Finance", "1": "Sci=Tech"}') == wanted
    file = tmp_path / "labels.json"
    file.write_text('{"0": "Business, Finance", "1": "Sci=Tech"}', encoding="utf-8")
    assert arguments.labels(str(file)) == wanted


@pytest.mark.parametrize(
    "text", ["0=Business, Finance,1=Sport", '0="Business', "{}", '{"0": 1}', "[1]", "{", "absent.json"]
)
def test_labels_that_cannot_be_read_are_refused_with_a_way_to_say_them(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"JSON|double quote"):
        arguments.labels(text)


def test_columns_keep_a_comma_in_quotes_and_leave_others_to_the_data() -> None:
    assert arguments.columns("premise, hypothesis") == "premise, hypothesis"
    assert arguments.columns('"Review, full",title') == ("Review, full", "title")
    for text in ("a,", '"",a'):
        with pytest.raises(argparse.ArgumentTypeError, match="empty name"):
            arguments.columns(text)


def test_names_are_split_at_commas() -> None:
    assert arguments.names("premise, hypothesis") == ("premise", "hypothesis")
    with pytest.raises(argparse.ArgumentTypeError, match="empty name"):
        arguments.names("a,")


def test_option_is_a_name_and_a_value() -> None:
    assert arguments.option("steps=32") == ("steps", "32")
    with pytest.raises(argparse.ArgumentTypeError, match="NAME=VALUE"):
        arguments.option("steps")


def test_output_path_is_refused_before_the_work(tmp_path: Path) -> None:
    assert arguments.output_path(None, ".json") is None
    assert arguments.output_path(str(tmp_path / "mask.JSON"), ".json", ".npz") == tmp_path / "mask.JSON"
    with pytest.raises(Usage, match=r"should end in \.json or \.npz"):
        arguments.output_path(str(tmp_path / "mask.txt"), ".json", ".npz")
    with pytest.raises(Usage, match="no folder"):
        arguments.output_path(str(tmp_path / "absent" / "mask.json"), ".json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(Usage, match="is a folder"):
        arguments.output_path(str(tmp_path / "folder.json"), ".json")

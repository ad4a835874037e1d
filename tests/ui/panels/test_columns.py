"""Data that were refused stay at hand, and are mended by choosing columns from lists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import tiny_labels, tiny_texts
from tests.ui.conftest import said, send
from tests.workbook import workbook

ROWS = [(text.replace(",", ";"), label) for text, label in zip(tiny_texts(20), tiny_labels(20), strict=True)]


def csv(header: str, line: str = "{number},{text},{label}") -> bytes:
    lines = [line.format(number=number, text=text, label=label) for number, (text, label) in enumerate(ROWS)]
    return "\n".join([*([header] if header else []), *lines, ""]).encode()


def upload(at: Any, name: str, content: bytes) -> Any:
    at.file_uploader[0].upload(name, content, "application/octet-stream")
    return press(at, "Open data")


def press(at: Any, label: str) -> Any:
    next(button for button in at.button if button.label == label).click()
    at.run()
    assert not at.exception
    return at


def opened_data(at: Any) -> Any:
    return at.session_state["headviz"].data


@pytest.fixture
def home(app: Callable[..., Any], tiny_folder: Path) -> Any:
    return send(app(), model_source=str(tiny_folder))


def test_upload_whose_columns_are_unknown_is_opened_by_choosing_them(home: Any) -> None:
    at = upload(home, "mine.csv", csv("no,comment_body,verdict"))
    assert "no column with a known name for the text" in said(at)
    assert opened_data(at) is None
    assert at.selectbox(key="mend_text").value == "comment_body"
    assert at.selectbox(key="mend_label").value == "verdict"
    assert any(option.startswith("verdict: ") for option in at.selectbox(key="mend_label").options)
    press(at, "Open with these columns")
    assert not at.error
    assert opened_data(at).calibration.columns == {"inputs": ("comment_body",), "label": "verdict"}
    assert "Which columns?" not in [header.value for header in at.header]


def test_upload_that_lacks_its_label_column_is_mended_without_a_second_upload(home: Any) -> None:
    at = upload(home, "mine.csv", csv("no,review,rating"))
    assert "has no label column" in said(at) and opened_data(at) is not None
    at.selectbox(key="mend_label").set_value("rating")
    press(at, "Open with these columns")
    assert not at.error
    assert opened_data(at).report.columns == {"inputs": ("review",), "label": "rating"}


def test_path_is_mended_as_an_upload_is_and_a_wrong_choice_can_be_chosen_again(home: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text(
        "\n".join(f'{{"n": {n}, "body": "{text}", "verdict": "{label}"}}' for n, (text, label) in enumerate(ROWS)),
        "utf-8",
    )
    at = send(home, data_source=str(tmp_path / "mine.jsonl"))
    at.selectbox(key="mend_text").set_value("n")
    press(at, "Open with these columns")
    assert "which is not a text" in said(at)
    at.selectbox(key="mend_text").set_value("body")
    press(at, "Open with these columns")
    assert not at.error
    assert opened_data(at).calibration.columns == {"inputs": ("body",), "label": "verdict"}


def test_another_sheet_of_a_workbook_can_be_chosen(home: Any) -> None:
    rows = [["body", "verdict"], *map(list, ROWS)]
    at = upload(home, "mine.xlsx", workbook({"About": [["by", "when"], ["me you", 1], ["x y", 2]], "Data": rows}))
    at.selectbox(key="mend_sheet").set_value("Data").run()
    assert at.selectbox(key="mend_text").value == "body"
    press(at, "Open with these columns")
    assert not at.error
    assert opened_data(at).calibration.split == "Data"


def test_first_line_can_be_called_a_row(home: Any) -> None:
    at = upload(home, "mine.csv", csv("", "{number},{text},{label},x"))
    at.checkbox(key="mend_headless").set_value(True).run()
    assert at.selectbox(key="mend_text").value == "1"
    at.selectbox(key="mend_label").set_value("2")
    press(at, "Open with these columns")
    assert not at.error
    assert len(opened_data(at).calibration) + len(opened_data(at).report) == 20


def test_split_that_is_not_there_is_chosen_from_those_that_are(home: Any, tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.csv").write_bytes(csv("no,text,label", "{number},{text} " + split + ",{label}"))
    at = send(home, data_source=str(tmp_path), data_calibration="trian")
    assert "has no split 'trian'" in said(at)
    at.selectbox(key="mend_split_0").set_value("train")
    press(at, "Open with these columns")
    assert opened_data(at).calibration.split == "train" and opened_data(at).report.split == "test"


def test_file_that_cannot_be_read_at_all_offers_no_columns(home: Any) -> None:
    at = upload(home, "mine.csv", b"%PDF-1.7")
    assert "is a PDF" in said(at)
    assert "Which columns?" not in [header.value for header in at.header]

"""CSV files that people open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.spreadsheet import csv_of
from tests.test_layers import ROOT


def rows(table: pd.DataFrame) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_of(table).decode("utf-8"), newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_text_that_a_spreadsheet_would_run_is_disarmed(start: str, dtype: object) -> None:
    text = f'{start}HYPERLINK("http://127.0.0.1:1/","x")'
    table = pd.DataFrame({"label": pd.Series([text, "good", None], dtype=dtype), f"{start}cmd": [1, 2, 3]})
    assert rows(table) == [["label", f"'{start}cmd"], [f"'{text}", "1"], ["good", "2"], ["", "3"]]


def test_text_with_a_line_break_opens_no_row_of_its_own() -> None:
    assert rows(pd.DataFrame({"text": ["a\r=1+1", "b\n=1+1"]})) == [["text"], ["a\r=1+1"], ["b\n=1+1"]]


def test_numbers_are_never_touched() -> None:
    table = pd.DataFrame({"a": [-1, 2], "b": [-0.5, np.nan], "c": pd.Series([-3, True], dtype=object)})
    assert rows(table)[1:] == [["-1", "-0.5", "-3"], ["2", "", "True"]]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
def test_other_texts_come_back_as_they_were(texts: list[str]) -> None:
    found = [row[0] for row in rows(pd.DataFrame({"text": texts}))[1:]]
    assert [one.removeprefix("'") if one != text else one for one, text in zip(found, texts, strict=True)] == texts
    assert not any(one.startswith(("=", "+", "-", "@", "\t", "\r")) for one in found)


def test_every_csv_that_is_handed_out_is_written_here() -> None:
    writers = [
        path.relative_to(ROOT).as_posix()
        for path in [*(ROOT / "headviz").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
        if re.search(r"to_csv\(|csv\.\w*[Ww]riter\(", path.read_text("utf-8"))
    ]
    assert writers == ["headviz/spreadsheet.py"]

"""Excel workbooks."""

from __future__ import annotations

import io
import zipfile

import pytest

from headviz.data import load_data, read_upload, splits_of
from headviz.errors import DataError
from headviz.readers.bounds import Bounds
from headviz.readers.excel import read_excel
from headviz.readers.table import Table
from tests.workbook import workbook

ROWS = [["text", "label"], ["good film", 1], ['bad, "bad" film\nindeed', 0], [], ["  ", 1], ["so so", 0.5]]
SMALL = Bounds(100_000, 1000, 20, "an upload")


@pytest.mark.parametrize("shared", [True, False])
def test_workbook_gives_what_a_csv_file_of_it_would(shared: bool) -> None:
    found = read_upload("a.xlsx", workbook({"Sheet1": ROWS}, shared=shared))
    assert [example.inputs[0] for example in found] == ["good film", 'bad, "bad" film\nindeed', "so so"]
    assert found.raw_labels == ["1", "0", "0.5"]
    assert found.ids.tolist() == [0, 1, 4]
    assert [row for row, _ in found.skipped] == [2, 3]


def test_first_sheet_is_read_with_a_note_and_another_one_by_its_name() -> None:
    book = workbook({"Data": ROWS, "Old": [["text", "label"], ["x y", "z"]]})
    first = read_upload("a.xlsx", book)
    assert len(first) == 3 and first.splits == ()
    assert first.notes == ("a.xlsx has 2 sheets (Data, Old); the first, Data, was read.",)
    assert read_upload("a.xlsx", book, split="Old").raw_labels == ["z"]
    with pytest.raises(DataError, match="has no split 'New'; it has Data, Old"):
        read_upload("a.xlsx", book, split="New")


def test_sheets_with_names_of_splits_are_splits(tmp_path) -> None:
    (tmp_path / "a.xlsx").write_bytes(
        workbook({"train": ROWS, "test": [["text", "label"], ["x y", "z"]], "about": [["-"]]})
    )
    assert splits_of(tmp_path / "a.xlsx") == ("train", "test")
    assert load_data(tmp_path / "a.xlsx", split="test").raw_labels == ["z"]


def test_workbook_without_header_line_is_read_by_number() -> None:
    rows = [["good film", "pos"], ["bad film", "neg"], ["so so", "pos"], ["awful film", "neg"]]
    assert len(read_upload("a.xlsx", workbook({"Sheet1": rows}))) == 4


def test_runs_of_a_text_are_one_and_its_pronunciation_is_none() -> None:
    content = workbook({"Sheet1": [["text", "label"], ["placeholder", "a"]]})
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    runs = b'<r><t>good </t></r><r><rPr><b/></rPr><t>fi_x006C_m</t></r><rPh sb="0" eb="1"><t>zzz</t></rPh>'
    parts["xl/sharedStrings.xml"] = parts["xl/sharedStrings.xml"].replace(
        b'<t xml:space="preserve">placeholder</t>', runs
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as new:
        for name, part in parts.items():
            new.writestr(name, part)
    assert read_upload("a.xlsx", buffer.getvalue()).inputs == [("good film",)]


def test_value_beyond_the_named_columns_names_its_row() -> None:
    with pytest.raises(DataError, match=r"row 1 \(row 3 of the sheet\) has a value in column 3"):
        read_upload("a.xlsx", workbook({"S": [["text", "label"], ["a b", 1], ["c d", 1, "e"]]}))


@pytest.mark.parametrize(
    "rows",
    [
        [["text"], ["a" * 150_000]],  # one text
        [["text"], *[["a" * 200]] * 900],  # many of them
        [["text"], *[["a b"]] * 1500],  # rows
        [["text", *map(str, range(24))]],  # columns
    ],
)
def test_workbook_beyond_the_bounds_is_refused(rows: list) -> None:
    with pytest.raises(DataError, match="the most that is read of an upload"):
        first_sheet(workbook({"S": rows}))


def test_zip_that_lies_about_its_sizes_is_refused() -> None:
    content = workbook({"S": [["text"], ["b" * 500_000]]}, shared=False)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        told = file.getinfo("xl/worksheets/sheet1.xml").file_size.to_bytes(4, "little")
    assert content.count(told) == 2
    with pytest.raises(DataError, match=r"not a readable Excel workbook|the most that is read"):
        first_sheet(content.replace(told, (100).to_bytes(4, "little")))


def first_sheet(content: bytes) -> Table:
    return next(iter(read_excel(content, "a.xlsx", SMALL).values()))()


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_workbook_cut_short_is_refused(cut: float) -> None:
    content = workbook({"Sheet1": ROWS})
    with pytest.raises(DataError):
        read_upload("a.xlsx", content[: int(len(content) * cut)])


def test_old_excel_file_is_named() -> None:
    with pytest.raises(DataError, match=r"an old Excel file \(\.xls\), or an Excel file with a password"):
        read_upload("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100)

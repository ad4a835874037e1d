"""JSON Lines, JSON and text files."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.errors import DataError
from headviz.readers.json_rows import read_json, read_jsonl, read_txt
from headviz.readers.table import Skipped, Table

ROWS = [{"text": "a", "label": 1}, {"text": "b", "label": 0}]


def columns(table: Table) -> dict[str, list]:
    return {name: table.values(j) for j, name in enumerate(table.names)}


def test_jsonl_blank_lines_are_listed_and_counted() -> None:
    table = read_jsonl(b'\xef\xbb\xbf{"text": "a"}\r\n\r\n{"text": "b", "label": 1}', "a.jsonl")
    assert columns(table) == {"text": ["a", "b"], "label": [None, 1]}
    assert list(table.ids) == [0, 2]
    assert table.skipped == (Skipped(1, "blank line"),)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"text": "b"', r"a\.jsonl, row 1 \(line 2\) is not valid JSON"),
        ('["b"]', r"row 1 \(line 2\) is not a JSON object"),
        ("[" * 100_000, r"row 1 \(line 2\) is not valid JSON"),
    ],
)
def test_jsonl_bad_line_is_named(line: str, what: str) -> None:
    with pytest.raises(DataError, match=what):
        read_jsonl(('{"text": "a"}\n' + line).encode(), "a.jsonl")


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps({"data": ROWS, "version": "1"}),
        json.dumps({"text": ["a", "b"], "label": [1, 0]}),
        json.dumps({"text": {"0": "a", "1": "b"}, "label": {"0": 1, "1": 0}}),
        "\n".join(json.dumps(row) for row in ROWS),
    ],
)
def test_json_of_every_known_shape_gives_the_same_table(content: str) -> None:
    assert columns(read_json(content.encode(), "a.json")[""]) == {"text": ["a", "b"], "label": [1, 0]}


@pytest.mark.parametrize(
    "content", ["[1, 2]", '"text"', '{"text": {"0": "a"}, "label": {"1": 0}}', "[{]", '{"a": [1], "b": 2}']
)
def test_json_of_another_shape_is_refused(content: str) -> None:
    with pytest.raises(DataError, match="It must be JSON Lines, a list of objects"):
        read_json(content.encode(), "a.json")


def test_json_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="text: 2, label: 1"):
        read_json(b'{"text": ["a", "b"], "label": [1]}', "a.json")


def test_txt_is_one_text_a_line() -> None:
    table = read_txt('one "text"\n\ntwo, three\u2028four\n'.encode(), "a.txt")
    assert columns(table) == {"text": ['one "text"', "two, three\u2028four"]}
    assert list(table.ids) == [0, 2]
    assert table.skipped == (Skipped(1, "blank line"),)


@given(st.lists(st.fixed_dictionaries({"text": st.text(), "label": st.integers()}), min_size=1), st.booleans())
def test_jsonl_written_comes_back_as_it_was(objects: list[dict], ascii_only: bool) -> None:
    lines = "\n".join(json.dumps(one, ensure_ascii=ascii_only) for one in objects)
    table = read_jsonl(lines.encode("utf-8", "surrogatepass"), "a.jsonl")
    assert columns(table) == {name: [one[name] for one in objects] for name in ("text", "label")}


FRAME = pd.DataFrame(ROWS)


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table"])
@pytest.mark.parametrize("index", [None, ["x", "y"], [7, 9]])
def test_json_of_every_orientation_of_pandas_is_read(orient: str, index: list | None) -> None:
    frame = FRAME if index is None else FRAME.set_axis(index, axis=0)
    (table,) = read_json(frame.to_json(orient=orient).encode(), "a.json").values()
    found = columns(table)
    assert (found["text"], found["label"]) == (["a", "b"], [1, 0])


def test_json_of_many_rows_by_their_index_is_no_table_of_columns() -> None:
    frame = pd.DataFrame({"text": list("abcdef"), "label": range(6)})
    assert columns(read_json(frame.to_json(orient="index").encode(), "a.json")[""])["text"] == list("abcdef")
    frame = frame.set_axis([f"row {number}" for number in range(6)])
    assert columns(read_json(frame.to_json(orient="index").encode(), "a.json")[""])["label"] == list(range(6))


def test_json_of_values_alone_has_columns_by_number() -> None:
    assert columns(read_json(FRAME.to_json(orient="values").encode(), "a.json")[""]) == {"0": ["a", "b"], "1": [1, 0]}
    assert columns(read_json(b'["a", "b"]', "a.json")[""]) == {"text": ["a", "b"]}
    with pytest.raises(DataError, match=r"row 1 has 1 values where there are 2 columns"):
        read_json(b'[["a", 1], ["b"]]', "a.json")


@pytest.mark.parametrize(
    "make", [lambda rows: rows, lambda rows: {name: [row[name] for row in rows] for name in rows[0]}]
)
def test_json_of_splits_has_a_table_for_each(make) -> None:
    tables = read_json(json.dumps({"train": make(ROWS), "test": make(ROWS[:1])}).encode(), "a.json")
    assert {split: columns(table)["text"] for split, table in tables.items()} == {"train": ["a", "b"], "test": ["a"]}


def test_json_of_one_split_keeps_its_name() -> None:
    assert list(read_json(json.dumps({"train": ROWS}).encode(), "a.json")) == ["train"]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ('[\n{"text": "a"},\n{"text": "b"},\n]', "line 4, column 1"),
        ('[\n{"text": "a"}\n{"text": "b"}\n]', "line 3, column 1"),
        ('{"text": ["a",\n"b"\n', "line 3"),
        ('[\n{"text": "\u00e9\u00e9" "b"}\n]', "line 2"),
        ('{"train": [\n{"text": "a",}\n]}', "line 2"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"text": ' + "1" * 5_000 + "}]", "too many digits"),
    ],
)
def test_json_that_is_broken_names_the_line(content: str, where: str) -> None:
    with pytest.raises(DataError, match=f"is not valid JSON .*{where}"):
        read_json(content.encode(), "a.json")

"""JSON Lines, JSON and text files."""

from __future__ import annotations

import json

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
    assert columns(read_json(content.encode(), "a.json")) == {"text": ["a", "b"], "label": [1, 0]}


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

"""Files that hold another kind than their name says: JSON called .txt, a workbook called .csv, columns called .txt."""

from __future__ import annotations

import codecs
import json
import re

from headviz.readers.decode import first_line
from headviz.readers.excel import is_workbook

_HEADERS = {b"text", b"sentence", b"review", b"content", b"label", b"labels", b"target", b"sentiment", b"class"}
_SAMPLE = 200  # lines
_FEW = 20
_LONG = 40  # bytes of a label, at most
_OBJECT = re.compile(rb"\{\s*\"")
_LIST = re.compile(rb"\[\s*[{\[]")


def kind_within(content: bytes, named: str) -> str:
    """The kind that ``content`` is of, where that is plain to see, else ``named``."""
    if content.startswith(b"PAR1") and content.endswith(b"PAR1"):
        return ".parquet"
    if is_workbook(content):
        return ".xlsx"
    if named == ".parquet" or b"\0" in content[:4096]:
        return named
    start = content[:4096].removeprefix(codecs.BOM_UTF8).lstrip()
    end = content[-4096:].rstrip()
    if _LIST.match(start) and end.endswith(b"]") and named != ".json":
        return ".json" if named != ".txt" or _OBJECT.match(start[1:].lstrip()) else named
    if _OBJECT.match(start) and end.endswith(b"}") and named not in (".json", ".jsonl", ".ndjson"):
        return ".jsonl" if _is_object(content) else ".json"
    if named == ".xlsx" and not content.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        return ".csv"
    return _columns(content) or named if named == ".txt" else named


def _is_object(content: bytes) -> bool:
    """Whether the first line is a JSON object."""
    try:
        return isinstance(json.loads(first_line(content).removeprefix(codecs.BOM_UTF8)), dict)
    except (ValueError, RecursionError):
        return False


def _columns(content: bytes) -> str | None:
    """ ".tsv" or ".csv" where the first line names columns, or tabs part a label, by the look of it, from the text."""
    lines = [line.rstrip(b"\r") for line in content[: 2**20].removeprefix(codecs.BOM_UTF8).split(b"\n")[: _SAMPLE + 1]]
    lines = [line for line in lines[:_SAMPLE] if line.strip()]
    for delimiter, kind in ((b"\t", ".tsv"), (b",", ".csv"), (b";", ".csv")):
        rows = [line.split(delimiter) for line in lines]
        width = len(rows[0]) if rows else 0
        if width < 2 or len(rows) < 2:
            continue
        names = {cell.strip(b' "').lower() for cell in rows[0]}
        if len(names & _HEADERS) > 1 and all(len(row) >= width for row in rows):
            return kind
        # without a header only tabs tell of columns: sentences have commas, as in "Paris, France"
        even = delimiter == b"\t" and all(len(row) == width for row in rows)
        if even and any(_labelled([row[place] for row in rows]) for place in (0, -1)):
            return kind
    return None


def _labelled(values: list[bytes]) -> bool:
    """Whether the same few short values come again and again."""
    there = set(values)
    short = all(0 < len(value.strip()) <= _LONG for value in there)
    return len(values) >= 4 and short and 2 <= len(there) <= min(_FEW, len(values) // 2)

"""JSON Lines, JSON and plain text files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from headviz.errors import DataError
from headviz.readers.decode import decode, split_lines
from headviz.readers.table import BLANK, Skipped, Table

_SHAPES = 'JSON Lines, a list of objects, or an object of columns such as {"text": [...], "label": [...]}'


def read_jsonl(content: bytes, source: str) -> Table:
    """One JSON object a line. A blank line is skipped and listed."""
    rows: list[dict[str, Any]] = []
    ids: list[int] = []
    skipped: list[Skipped] = []
    lines = split_lines(decode(content, source))
    for number, line in enumerate(lines):
        if not line.strip():
            skipped.append(Skipped(number, BLANK))
            continue
        row = _parse(line, f"{source}, row {number} (line {number + 1})")
        if not isinstance(row, dict):
            raise DataError(
                f"{source}, row {number} (line {number + 1}) is not a JSON object. "
                'Each line must be one, such as {"text": "...", "label": "..."}.'
            )
        rows.append(row)
        ids.append(number)
    return _of_objects(rows, ids, len(lines), source, tuple(skipped))


def read_json(content: bytes, source: str) -> Table:
    """A list of objects, an object of columns, ``{"data": [...]}``, or JSON Lines under another name."""
    text = decode(content, source)
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        lines = [line for line in split_lines(text) if line.strip()]
        if len(lines) > 1 and lines[0].lstrip().startswith("{") and lines[0].rstrip().endswith("}"):
            return read_jsonl(content, source)
        raise DataError(f"{source} is not valid JSON ({_why(error)}). It must be {_SHAPES}.") from error
    if isinstance(whole, dict):
        lists = {name: value for name, value in whole.items() if isinstance(value, list)}
        tables = [value for value in lists.values() if value and all(isinstance(row, dict) for row in value)]
        if len(tables) == 1:
            whole = tables[0]
        elif whole and len(lists) == len(whole) and not tables:
            return _of_columns(lists, source)
        elif whole and all(isinstance(value, dict) for value in whole.values()):  # what pandas writes by default
            keys = [list(value) for value in whole.values()]
            if all(one == keys[0] for one in keys):
                return _of_columns({name: list(value.values()) for name, value in whole.items()}, source)
        elif whole and not any(isinstance(value, (list, dict)) for value in whole.values()):
            whole = [whole]  # a JSON Lines file of one line
    if not isinstance(whole, list) or not all(isinstance(row, dict) for row in whole):
        raise DataError(f"{source} holds JSON of another shape. It must be {_SHAPES}.")
    return _of_objects(whole, range(len(whole)), len(whole), source)


def read_txt(content: bytes, source: str) -> Table:
    """One text a line, no labels. A blank line is skipped and listed."""
    lines = split_lines(decode(content, source))
    ids = [number for number, line in enumerate(lines) if line.strip()]
    skipped = tuple(Skipped(number, BLANK) for number, line in enumerate(lines) if not line.strip())
    return Table(source, ("text",), ids, len(lines), lambda _: [lines[number] for number in ids], skipped)


def _of_objects(
    rows: list[dict[str, Any]], ids: Sequence[int], length: int, source: str, skipped: tuple[Skipped, ...] = ()
) -> Table:
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    return Table(source, names, ids, length, lambda j: [row.get(names[j]) for row in rows], skipped)


def _of_columns(columns: dict[str, list[Any]], source: str) -> Table:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise DataError(f"The columns of {source} have different lengths ({told}). Each row needs a value in each.")
    length = next(iter(lengths.values()))
    names = tuple(columns)
    return Table(source, names, range(length), length, lambda j: list(columns[names[j]]))


def _parse(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not valid JSON ({_why(error)}). Mend or remove the line.") from error


def _why(error: Exception) -> str:
    return f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "nested too deeply"

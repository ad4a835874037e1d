"""JSON Lines and JSON files: what pandas and ``datasets`` write, and splits beside each other in one file.

Rows are found first and parsed when a column is asked for, so that a file costs little more than itself. Looking for
them, bytes stand for characters: what parts values in JSON is ASCII.
"""

from __future__ import annotations

import json
import re
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from json import JSONDecodeError
from typing import Any

from headviz.errors import DataError
from headviz.readers.bounds import FILE, Bounds
from headviz.readers.decode import Lines, Text, decode
from headviz.readers.folder import is_split
from headviz.readers.table import BLANK, Skipped, Table

_SHAPES = 'JSON Lines, a list of objects, or an object of columns such as {"text": [...], "label": [...]}'
_VALUES_PER_ROW = 8
_DEPTH = 2
_SHORT = 40
_FASTTEXT = b"__label__"
_SPACE = re.compile(r"[ \t\n\r]*").match
_DECODER = json.JSONDecoder()


def read_jsonl(content: bytes, source: str, bounds: Bounds = FILE) -> Table:
    """One JSON object a line. A blank line is skipped and listed."""
    return _lines(_decoded(content, source, bounds), source, bounds)


def read_json(content: bytes, source: str, bounds: Bounds = FILE) -> dict[str, Table]:
    """The tables of a .json file by the names of their splits, "" where there is one alone: a list of objects, an
    object of columns, every orientation of ``DataFrame.to_json``, ``{"train": ..., "test": ...}``, one list of objects
    among other things (``{"data": [...]}``), or JSON Lines under another name."""
    text = _decoded(content, source, bounds)
    try:
        return _File(text, source, bounds).tables()
    except (ValueError, RecursionError) as error:
        starts = text.content.lstrip().split(b"\n", 1)
        if len(starts) == 2 and starts[1].strip() and starts[0].rstrip().endswith(b"}") and starts[0].startswith(b"{"):
            return {"": _lines(text, source, bounds)}
        raise DataError(f"{source} is not valid JSON ({_why(error, whole=True)}). It must be {_SHAPES}.") from error


def read_txt(content: bytes, source: str, bounds: Bounds = FILE) -> Table:
    """One text a line, no labels. A blank line is skipped and listed."""
    text = decode(content, source, bounds)
    lines = Lines(text, source, bounds)
    ids, blank = lines.parted()
    skipped = tuple(Skipped(number, BLANK) for number in blank)
    if all(lines.raw(number).startswith(_FASTTEXT) for number in ids):
        return _fasttext(lines, ids, source, skipped)
    return Table(
        source, ("text",), ids, len(lines), lambda _: [lines[number] for number in ids], skipped, notes=text.notes
    )


def _fasttext(lines: Lines, ids: Sequence[int], source: str, skipped: tuple[Skipped, ...]) -> Table:
    """Lines such as "__label__good A good film", as fastText takes them."""

    def parted(number: int) -> tuple[str, str]:
        label, _, text = lines[number].partition(" ")
        if text.lstrip().startswith("__label__"):
            raise DataError(
                f"{source}, row {number} has several labels; headviz takes texts of one class each. Leave the row out."
            )
        return label.removeprefix("__label__"), text

    for number in ids:
        parted(number)
    note = (
        f"{source} is in fastText's format: what stands behind __label__ is the label of each line, and not its text."
    )
    return Table(
        source,
        ("label", "text"),
        ids,
        len(lines),
        lambda j: [parted(number)[j] for number in ids],
        skipped,
        notes=(*lines.notes, note),
    )


def _decoded(content: bytes, source: str, bounds: Bounds) -> Text:
    """The text of a JSON file, with so few values that parsing any part of it is no danger."""
    text = decode(content, source, bounds)
    values, most = sum(map(text.content.count, (b",", b"{", b"["))), _VALUES_PER_ROW * bounds.rows
    if values > most:
        raise DataError(
            f"{source} holds more than {most:,} values, the most that is read of {bounds.what}. Give a part of it."
        )
    return text


def _lines(text: Text, source: str, bounds: Bounds) -> Table:
    lines = Lines(text, source, bounds)
    ids, blank = lines.parted()

    def parsed(number: int) -> dict[str, Any]:
        where = f"{source}, row {number} (line {number + 1})"
        try:
            row = json.loads(lines[number])
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where} is not valid JSON ({_why(error)}). Mend or remove the line.") from error
        if not isinstance(row, dict):
            raise DataError(
                f'{where} is not a JSON object. Each line must be one, such as {{"text": "...", "label": "..."}}.'
            )
        return row

    skipped = tuple(Skipped(number, BLANK) for number in blank)
    return _of_rows(lambda: map(parsed, ids), ids, len(lines), source, bounds, skipped, text.notes)


Span = tuple[int, int]


class _Spans(Sequence[Span]):
    """Where values start and end."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.starts, self.ends = array("q"), array("q")
        for start, end in spans:
            self.starts.append(start)
            self.ends.append(end)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, at: Any) -> Any:
        return self.starts[at], self.ends[at]


class _File:
    """A whole JSON file: values as spans of it, cut out and parsed one by one."""

    def __init__(self, text: Text, source: str, bounds: Bounds) -> None:
        self.notes, self.source, self.bounds = text.notes, source, bounds
        self.characters = text.content.decode("latin-1")

    def tables(self) -> dict[str, Table]:
        """Raises ValueError for what is no JSON, DataError for JSON that is no table."""
        start = self._skip(0)
        end = self._end(start, 0)
        if self._skip(end) < len(self.characters):
            raise JSONDecodeError("Extra data", self.characters, self._skip(end))
        members = self._members((start, end)) if self.characters[start] == "{" else {}
        splits = {name: span for name, span in members.items() if self._is_table(span)}
        several = len(splits) > 1 and len(splits) == len(members)
        if splits and (several or all(is_split(name) for name in splits)):
            return {name: self._table(span) for name, span in splits.items()}
        return {"": self._table((start, end))}

    def _table(self, span: Span) -> Table:
        if self.characters[span[0]] == "[":
            return self._of_list(self._items(span))
        if self.characters[span[0]] != "{":
            raise self._shapeless()
        members = self._members(span)
        opened = {name: self.characters[one[0]] for name, one in members.items()}
        if {"columns", "data"} <= members.keys() and opened["columns"] == opened["data"] == "[":
            names = self._value(members["columns"])  # orient="split"
            rows = self._items(members["data"])
            if all(isinstance(name, str | int) for name in names) and all(self._opens(row, "[") for row in rows):
                return self._of_arrays(rows, [str(name) for name in names])
        tables = [one for one in members.values() if self._is_list_of(one, "{")]
        if len(tables) == 1:
            return self._of_list(self._items(tables[0]))
        kinds = set(opened.values())
        if kinds == {"["} and not tables:
            return self._of_columns({name: self._value(one) for name, one in members.items()})
        if kinds == {"{"}:
            return self._of_objects(members)
        if members and not kinds & {"[", "{"}:  # a JSON Lines file of one line
            return self._of_list([span])
        raise self._shapeless()

    def _of_list(self, rows: Sequence[Span]) -> Table:
        if all(self._opens(row, "{") for row in rows):
            ids = range(len(rows))
            return _of_rows(lambda: map(self._value, rows), ids, len(rows), self.source, self.bounds, (), self.notes)
        if rows and all(self._opens(row, "[") for row in rows):  # orient="values"
            width = len(self._value(rows[0]))
            return self._of_arrays(rows, [str(number) for number in range(width)])
        if rows and all(self._opens(row, '"') for row in rows):
            return self._of_columns({"text": [self._value(row) for row in rows]})
        raise self._shapeless()

    def _of_arrays(self, rows: Sequence[Span], names: list[str]) -> Table:
        self.bounds.require_columns(len(names), self.source)
        for number, row in enumerate(rows):
            if (count := len(self._value(row))) != len(names):
                raise DataError(
                    f"{self.source}, row {number} has {count} values where there are {len(names)} columns. "
                    "Mend the row."
                )
        length = len(rows)
        return Table(
            self.source,
            tuple(names),
            range(length),
            length,
            lambda j: [self._value(row)[j] for row in rows],
            notes=self.notes,
        )

    def _of_objects(self, members: dict[str, Span]) -> Table:
        """Objects within an object: columns of values by their index, as pandas writes by default, or rows by their
        index (orient="index"). Columns are fewer than rows, and an index is often a number."""
        keys = {name: list(self._members(span)) for name, span in members.items()}
        first = next(iter(keys.values()))
        alike = all(one == first for one in keys.values())
        outer, inner = (all(name.isdecimal() for name in names) for names in (keys, first))
        of_columns = (
            inner
            if inner != outer
            else len(keys) < len(first) or (len(keys) == len(first) and self._is_square_of_columns(members))
        )
        if alike and of_columns:
            return self._of_columns({name: list(self._value(span).values()) for name, span in members.items()})
        if alike or outer:
            return self._of_list(list(members.values()))
        raise self._shapeless()

    def _is_square_of_columns(self, members: dict[str, Span]) -> bool:
        """Of as many objects as each has values: whether these are of one type within each object, or at least not of
        one type across them."""
        grid = [[type(value) for value in self._value(span).values()] for span in members.values()]
        return all(len(set(row)) == 1 for row in grid) or any(
            len(set(column)) > 1 for column in zip(*grid, strict=True)
        )

    def _of_columns(self, columns: dict[str, list[Any]]) -> Table:
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name}: {length}" for name, length in list(lengths.items())[:20])
            raise DataError(
                f"The columns of {self.source} have different lengths ({told}). Each row needs a value in each."
            )
        length = next(iter(lengths.values()))
        self.bounds.require_rows(length, self.source)
        self.bounds.require_columns(len(columns), self.source)
        names = tuple(columns)
        return Table(self.source, names, range(length), length, lambda j: list(columns[names[j]]), notes=self.notes)

    def _shapeless(self) -> DataError:
        return DataError(f"{self.source} holds JSON of another shape. It must be {_SHAPES}.")

    def _is_table(self, span: Span) -> bool:
        """Whether a value may be a split: objects in a list, or lists in an object."""
        if self._is_list_of(span, "{"):
            return True
        return self._opens(span, "{") and {self.characters[one[0]] for one in self._members(span).values()} == {"["}

    def _is_list_of(self, span: Span, opening: str) -> bool:
        if not self._opens(span, "["):
            return False
        items = self._items(span)
        return bool(items) and all(self._opens(item, opening) for item in items)

    def _opens(self, span: Span, opening: str) -> bool:
        return self.characters[span[0]] == opening

    def _items(self, span: Span) -> Sequence[Span]:
        """Where the items of a list stand."""
        return _Spans(value for _, value in self._inside(span[0], "]", 0))

    def _members(self, span: Span) -> dict[str, Span]:
        """Where the values of an object stand, by their names."""
        return {self._value(name): value for name, value in self._inside(span[0], "}", 0)}

    def _inside(self, start: int, close: str, depth: int) -> Iterator[tuple[Span, Span]]:
        """Each name and value between the bracket at ``start`` and ``close``; the name is (0, 0) in lists."""
        text = self.characters
        at, count = self._skip(start + 1), 0
        if text[at : at + 1] == close:
            return
        while True:
            count += 1
            self.bounds.require_rows(count, self.source)
            name = (0, 0)
            if close == "}":
                if text[at : at + 1] != '"':
                    raise JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
                name = (at, _DECODER.raw_decode(text, at)[1])
                at = self._skip(name[1])
                if text[at : at + 1] != ":":
                    raise JSONDecodeError("Expecting ':' delimiter", text, at)
                at = self._skip(at + 1)
            value = (at, self._end(at, depth + 1 if close == "}" else _DEPTH))
            yield name, value
            at = self._skip(value[1])
            if text[at : at + 1] == close:
                return
            if text[at : at + 1] != ",":
                raise JSONDecodeError("Expecting ',' delimiter", text, at)
            at = self._skip(at + 1)

    def _end(self, at: int, depth: int) -> int:
        """Where the value that starts at ``at`` ends. What may be a table is gone through value by value; below
        ``_DEPTH``, and in lists, values are those of a row."""
        text = self.characters
        close = {"[": "]", "{": "}"}.get(text[at : at + 1])
        if close is None or depth >= _DEPTH:
            return _DECODER.raw_decode(text, at)[1]
        end = at + 1
        for _, value in self._inside(at, close, depth):
            end = value[1]
        return self._skip(end) + 1

    def _skip(self, at: int) -> int:
        found = _SPACE(self.characters, at)
        return found.end() if found else at

    def _value(self, span: Span) -> Any:
        return json.loads(self.characters[span[0] : span[1]].encode("latin-1").decode())


def _of_rows(
    rows: Callable[[], Iterable[dict[str, Any]]],
    ids: Sequence[int],
    length: int,
    source: str,
    bounds: Bounds,
    skipped: tuple[Skipped, ...],
    notes: tuple[str, ...],
) -> Table:
    """Objects, one a row, given anew each time they are asked for; a value that a row lacks is None."""
    found: dict[str, None] = {}
    for row in rows():
        found.update(dict.fromkeys(row))
        bounds.require_columns(len(found), source)
    names = tuple(found)
    return Table(
        source, names, ids, length, lambda j: _shared(row.get(names[j]) for row in rows()), skipped, notes=notes
    )


def _shared(values: Iterable[Any]) -> list[Any]:
    """The values, equal short texts among them as one: labels come again and again."""
    return [sys.intern(value) if type(value) is str and len(value) < _SHORT else value for value in values]


def _why(error: Exception, *, whole: bool = False) -> str:
    if isinstance(error, JSONDecodeError):
        return f"{error.msg}, {f'line {error.lineno}, ' if whole else ''}column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number of too many digits"

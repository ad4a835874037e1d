"""Excel workbooks (.xlsx): the values of one sheet, with as few guesses as for a CSV file of it.

A workbook is a zip of XML. Its parts are read as streams, and every byte is counted as it is unpacked: what a zip says
of its sizes need not be true. Nothing in it is run: a formula counts as the value that was last computed.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any
from xml.etree import ElementTree

from headviz.errors import DataError
from headviz.readers.bounds import FILE, Bounds
from headviz.readers.table import BLANK, Skipped, Table

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_CELL = re.compile(r"([A-Z]{1,3})[0-9]+")
_UNPACKED = 4  # times the bound of a file: markup takes a multiple of what it holds


def is_workbook(content: bytes) -> bool:
    """Whether the bytes are a zip with a workbook in it."""
    if not content.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            return "xl/workbook.xml" in file.namelist()
    except Exception:  # noqa: BLE001 - of a damaged zip there are as many as it has parts
        return False


def read_excel(content: bytes, source: str, bounds: Bounds = FILE) -> dict[str, Callable[[], Table]]:
    """The sheets of a workbook that hold cells, in their order, each with what reads it."""
    book = _Book(content, source, bounds)
    return {name: _reader(book, part) for name, part in book.sheets().items()}


def _reader(book: _Book, part: str) -> Callable[[], Table]:
    return lambda: book.table(part)


class _Counted(io.RawIOBase):
    """A stream that refuses to give more than a number of bytes."""

    def __init__(self, stream: IO[bytes], left: int, refuse: Callable[[], None]) -> None:
        self._stream, self._left, self._refuse = stream, left, refuse

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(2**16 if size is None or size < 0 else min(size, 2**16))
        self._left -= len(piece)
        if self._left < 0:
            self._refuse()
        return piece


class _Book:
    def __init__(self, content: bytes, source: str, bounds: Bounds) -> None:
        self.content, self.source, self.bounds = content, source, bounds

    @contextmanager
    def _readable(self) -> Iterator[zipfile.ZipFile]:
        """The opened zip; whatever its parts raise about damaged bytes is one sentence."""
        try:
            with zipfile.ZipFile(io.BytesIO(self.content)) as file:
                yield file
        except DataError:
            raise
        except Exception as error:
            raise self._damaged() from error

    def _damaged(self) -> DataError:
        return DataError(f"{self.source} is not a readable Excel workbook; it may be damaged or have a password.")

    def _elements(self, file: zipfile.ZipFile, part: str) -> Iterator[tuple[str, Any]]:
        """The events of a part's XML, with names without their namespace; elements are emptied as they end."""
        most = _UNPACKED * self.bounds.size
        with file.open(part) as stream:
            counted = _Counted(stream, most, lambda: self.bounds.require_size(self.bounds.size + 1, self.source))
            for event, element in ElementTree.iterparse(counted, events=("start", "end")):
                yield f"{event} {_plain(element.tag)}", element

    def sheets(self) -> dict[str, str]:
        """Name of each sheet -> its part of the zip."""
        with self._readable() as file:
            parts = {}
            for event, element in self._elements(file, "xl/_rels/workbook.xml.rels"):
                if event == "end Relationship":
                    parts[element.get("Id")] = posixpath.normpath(
                        posixpath.join("/xl", element.get("Target", ""))
                    ).lstrip("/")
            found = {}
            for event, element in self._elements(file, "xl/workbook.xml"):
                if event == "end sheet":
                    at = next((value for name, value in element.attrib.items() if _plain(name) == "id"), None)
                    part = parts.get(at, "")
                    if part in file.namelist() and "worksheets" in part:  # a sheet may be a chart alone
                        found[str(element.get("name"))] = part
                self.bounds.require_columns(len(found), self.source)
            if not found:
                raise DataError(f"{self.source} has no sheet with cells. Save the data on a sheet of its own.")
            return found

    def table(self, part: str) -> Table:
        """One sheet. Its first row that is not blank names the columns; rows are counted from the one below it."""
        with self._readable() as file:
            texts = self._shared_texts(file)
            grid = _Grid(self.source, self.bounds)
            for number, cells in self._rows(file, part, texts):
                grid.add(number, cells)
        if not grid.numbers:
            raise DataError(f"{self.source} is empty; there is nothing to read.")
        return grid.table()

    def _shared_texts(self, file: zipfile.ZipFile) -> list[str]:
        """The texts that cells name by number."""
        found: list[str] = []
        if "xl/sharedStrings.xml" not in file.namelist():
            return found
        size, root = 0, None
        for event, element in self._elements(file, "xl/sharedStrings.xml"):
            root = element if root is None else root
            if event == "end si":
                found.append(_text(element))
                size += len(found[-1])
                self.bounds.require_size(size, self.source)
                self.bounds.require_rows(len(found), self.source, "texts")
                root.clear()
        return found

    def _rows(self, file: zipfile.ZipFile, part: str, texts: list[str]) -> Iterator[tuple[int, dict[int, str]]]:
        """The number of each row, from 0, and its cells by column."""
        number, size = -1, 0
        cells: dict[int, str] = {}
        data = None
        for event, element in self._elements(file, part):
            if event == "start sheetData":
                data = element
            elif event == "start row":
                number, cells = int(element.get("r") or number + 2) - 1, {}
            elif event == "end c":
                place = _CELL.fullmatch(element.get("r") or "")
                column = _column(place[1]) if place else max(cells, default=-1) + 1
                self.bounds.require_columns(column + 1, self.source)
                value = _value(element, texts)
                if value:
                    cells[column] = value
                    size += len(value)
                    self.bounds.require_size(size, self.source)
            elif event == "end row":
                yield number, cells
                if data is not None:
                    data.clear()


class _Grid:
    """Cells column by column, so that a text that stands in many cells is held once."""

    def __init__(self, source: str, bounds: Bounds) -> None:
        self.source, self.bounds = source, bounds
        self.names: tuple[str, ...] = ()
        self.header: list[str] = []
        self.start = 0
        self.numbers = array("q")  # of rows that are not blank, the first included
        self.columns: list[list[str | None]] = []

    def add(self, number: int, cells: dict[int, str]) -> None:
        if not any(value.strip() for value in cells.values()):
            return
        self.bounds.require_rows(number, self.source)
        if not self.numbers:
            width = max(cells) + 1
            self.start, self.header = number, [cells.get(column, "") for column in range(width)]
            self.columns = [[] for _ in range(width)]
        elif number <= self.numbers[-1]:
            raise ValueError("rows out of order")
        elif (beyond := max(cells)) >= len(self.columns):
            raise DataError(
                f"{self.source}, row {number - self.start - 1} (row {number + 1} of the sheet) has a value in column "
                f"{beyond + 1}, which the first row has no name for. Name the column or empty the cell."
            )
        self.numbers.append(number)
        for column, values in enumerate(self.columns):
            values.append(cells.get(column))

    def table(self) -> Table:
        numbered = tuple(str(column) for column in range(len(self.columns)))
        names = tuple(name.strip() for name in self.header)
        return self._below(names, 1, lambda: self._below(numbered, 0, None))

    def _below(self, names: tuple[str, ...], skip: int, headless: Callable[[], Table] | None) -> Table:
        origin = self.start + skip
        ids = [number - origin for number in self.numbers[skip:]]
        length = self.numbers[-1] - origin + 1
        there = set(ids)
        skipped = tuple(Skipped(number, BLANK) for number in range(length) if number not in there)
        columns = self.columns
        return Table(self.source, names, ids, length, lambda j: columns[j][skip:], skipped, headless=headless)


def _plain(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _text(element: Any) -> str:
    """The text of a string with or without runs of its own looks; how it is pronounced is no part of it."""
    parts = []
    for child in element:
        tag = _plain(child.tag)
        if tag == "t":
            parts.append(child.text or "")
        elif tag == "r":
            parts += [one.text or "" for one in child if _plain(one.tag) == "t"]
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), "".join(parts))


def _value(cell: Any, texts: list[str]) -> str:
    """What a cell shows, as text: numbers as a CSV file has them."""
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return "".join(_text(child) for child in cell if _plain(child.tag) == "is")
    raw = next((child.text or "" for child in cell if _plain(child.tag) == "v"), "")
    if kind == "s":
        place = int(raw or 0)
        if place < 0:
            raise ValueError("a text before the first")
        return texts[place] if raw else ""
    if kind == "b":
        return {"1": "True", "0": "False"}.get(raw, raw)
    if kind != "n" or not raw:
        return "" if kind == "e" else str(raw)
    number = float(raw)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)

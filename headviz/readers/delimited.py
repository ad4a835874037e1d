r"""Comma and tab separated files, read exactly.

Published files disagree about the quote character: RFC 4180 files wrap a field in quotes when it holds a delimiter, a
quote or a line break and double the quotes inside; others (SST, MRPC, QQP) use no quoting at all, and a text may start
with a lone ``"``. Read the wrong way, the first kind falls apart and the second loses lines: everything between two
lone quotes becomes one field. So a file where some field starts with a quote is read both ways:

- *plain*: every line is a row, quote characters are text;
- *quoted*: RFC 4180, strictly for fields that start with a quote.

A reading **fits** when every row has as many fields as the first. Only one fits: that one. None fits: `DataError` with
the row. Both fit, with the same rows: quoted for .csv; for .tsv quoted only if the whole file keeps to one way of
quoting (`_Quoted.consistent`), else plain. Both fit, with different rows, or a quoted field spans lines that look like
rows of their own: `_swallows` decides from the other columns, or `DataError` says that it cannot be told.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from headviz.errors import DataError
from headviz.readers.bounds import FILE, Bounds
from headviz.readers.decode import count_lines, decode, first_line, line_starts
from headviz.readers.table import BLANK, Skipped, Table, interned

_WAY_OUT = "Save it as .jsonl or .parquet, or put every text in quotes and double the quotes inside."


def read_csv(content: bytes, source: str, bounds: Bounds = FILE) -> Table:
    """A .csv file. Without a comma in its first line, that line's tabs or semicolons are the delimiters."""
    text = decode(content, source, bounds)
    first = first_line(text.content)
    delimiter = next((one for one in (b",", b"\t", b";") if one in first), b",")
    return _table(_choose(text.content, delimiter, source, bounds, tabbed=False), source, text.notes)


def read_tsv(content: bytes, source: str, bounds: Bounds = FILE) -> Table:
    """A .tsv file."""
    text = decode(content, source, bounds)
    return _table(_choose(text.content, b"\t", source, bounds, tabbed=True), source, text.notes)


class _Reading:
    """Where the rows of ``content`` start, and how many fields each has (0: a blank line). The fields themselves are
    cut out when asked for, so that a file costs little more than itself."""

    def __init__(self, content: bytes, delimiter: bytes) -> None:
        self.content, self.delimiter = content, delimiter
        self.starts: Sequence[int] = []
        self.counts: Sequence[int] = []
        self.lines: Sequence[int] = []  # the number of the line where each row starts, from 0

    def __len__(self) -> int:
        return len(self.counts)

    def fields(self, number: int) -> list[bytes]:
        """All fields of a row, also those beyond the first line's."""
        raise NotImplementedError

    def row(self, number: int) -> list[bytes]:
        """The fields of a row; [] for a blank line. Without empty ones beyond the first line's, as spreadsheets leave
        them."""
        if not self.counts[number]:
            return []
        cells = self.fields(number)
        return cells if any(cells[self.width :]) else cells[: self.width]

    @property
    def full(self) -> Iterator[int]:
        """The numbers of the rows that are not blank."""
        return (number for number, count in enumerate(self.counts) if count)

    @cached_property
    def first(self) -> int | None:
        """The first row that is not blank."""
        return next(self.full, None)

    @cached_property
    def width(self) -> int:
        """How many fields the first line has."""
        return 0 if self.first is None else self.counts[self.first]

    def misfit(self) -> int | None:
        """The first row with another number of fields than the first line."""
        width = self.width
        for number in np.flatnonzero((np.asarray(self.counts) != width) & (np.asarray(self.counts) != 0)).tolist():
            if len(self.row(number)) != width:
                return int(number)
        return None

    def fits(self) -> bool:
        return self.misfit() is None

    def column(self, j: int) -> list[str]:
        """One field of every row that is not blank."""
        share = interned()
        return [share(self.row(number)[j]) for number in self.full]


class _Plain(_Reading):
    """The reading in which every line is a row and quotes are text."""

    def __init__(self, content: bytes, delimiter: bytes) -> None:
        super().__init__(content, delimiter)
        self.starts = array("q", line_starts(content).tobytes())
        blank = b" \t\r" + delimiter
        counts = array("q")
        for start, after in pairwise(self.starts):
            count = content.count(delimiter, start, after) + 1
            counts.append(count if content[start : after - 1].strip(blank) else 0)
        self.counts = counts
        self.lines = range(len(counts))

    def fields(self, number: int) -> list[bytes]:
        line = self.content[self.starts[number] : self.starts[number + 1] - 1]
        return line.removesuffix(b"\r").split(self.delimiter)


class _BadQuoteError(Exception):
    """A field starts with a quote and goes on after the closing one, or never closes."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


@dataclass
class _Signs:
    """What tells whether a program wrote the quotes."""

    needless: Counter[int] = field(default_factory=Counter)  # column -> how many fields are quoted without need
    no_comma: Counter[int] = field(default_factory=Counter)  # of these, how many without a comma
    columns: Counter[int] = field(default_factory=Counter)  # column -> how many of its fields are quoted, first row out
    loose: bool = False  # a quote inside a field without quotes
    bare_comma: bool = False  # a comma inside a field without quotes


class _Quoted(_Reading):
    """The reading by RFC 4180. ``spans``: rows that take several lines. Raises `_BadQuoteError`."""

    def __init__(self, content: bytes, delimiter: bytes) -> None:
        super().__init__(content, delimiter)
        escaped = re.escape(delimiter)
        self._closed = re.compile(rb'"((?:[^"]++|"")*+)"(?=' + escaped + rb"|\r?\n|\r?\Z)").match
        self._needed = re.compile(rb'["\r\n' + escaped + rb"]").search
        self.signs = _Signs()
        self.spans: list[int] = []
        starts, counts, lines = array("q"), array("q"), array("q")
        position, line, end = 0, 0, len(content)
        while position < end:
            stop = content.find(b"\n", position)
            stop = end if stop < 0 else stop
            starts.append(position)
            lines.append(line)
            if content.find(b'"', position, stop) < 0:
                whole = content[position:stop]
                count = whole.count(delimiter) + 1 if whole.strip(b" \t\r" + delimiter) else 0
                self.signs.bare_comma = self.signs.bare_comma or (delimiter != b"," and b"," in whole)
                after = stop
            else:
                cells, after = self._row_with_quotes(position, line, self.signs, is_first=not counts)
                count = len(cells) if any(cell.strip() for cell in cells) else 0
                breaks = content.count(b"\n", position, after)
                if breaks:
                    self.spans.append(len(counts))
                line += breaks
            counts.append(count)
            position, line = after + 1, line + 1
        self.starts, self.counts, self.lines = starts, counts, lines

    def fields(self, number: int) -> list[bytes]:
        start = self.starts[number]
        stop = self.content.find(b"\n", start)
        stop = len(self.content) if stop < 0 else stop
        if self.content.find(b'"', start, stop) < 0:
            return self.content[start:stop].removesuffix(b"\r").split(self.delimiter)
        return self._row_with_quotes(start, self.lines[number], _Signs(), is_first=False)[0]

    def consistent(self) -> bool:
        """Whether the file keeps to one way of quoting: fields are quoted when they must be (pandas, csv.writer), or
        when they also hold a comma (Excel), or whole columns are (R, Arrow)."""
        signs = self.signs
        if signs.loose:
            return False
        count = sum(1 for _ in self.full) - 1
        needless = [column for column in signs.needless if signs.columns[column] < count]
        return not needless or (not any(signs.no_comma[column] for column in needless) and not signs.bare_comma)

    def _row_with_quotes(self, position: int, line: int, signs: _Signs, *, is_first: bool) -> tuple[list[bytes], int]:
        """The fields of the row that starts at ``position``, and the position of the line break that ends it."""
        content, delimiter = self.content, self.delimiter
        cells: list[bytes] = []
        start = position
        while True:
            if content.startswith(b'"', position):
                match = self._closed(content, position)
                if match is None:
                    raise _BadQuoteError(line + content.count(b"\n", start, position))
                inside, position = match[1], match.end()
                if not is_first:
                    signs.columns[len(cells)] += 1
                    if inside and not self._needed(inside):
                        signs.needless[len(cells)] += 1
                        signs.no_comma[len(cells)] += b"," not in inside
                cells.append(inside.replace(b'""', b'"'))
            else:
                stop = len(content) if (found := content.find(b"\n", position)) < 0 else found
                split = content.find(delimiter, position, stop)
                cell = content[position : stop if split < 0 else split]
                if split < 0 and cell.endswith(b"\r"):
                    cell = cell[:-1]
                signs.loose = signs.loose or b'"' in cell
                signs.bare_comma = signs.bare_comma or b"," in cell
                cells.append(cell)
                position = stop if split < 0 else split
            if not content.startswith(delimiter, position):
                return cells, position + (1 if content.startswith(b"\r", position) else 0)
            position += 1


def _choose(content: bytes, delimiter: bytes, source: str, bounds: Bounds, *, tabbed: bool) -> _Reading:
    bounds.require_rows(count_lines(content) - 1, source, "lines")
    bounds.require_columns(first_line(content).count(delimiter) + 1, source)
    plain = _Plain(content, delimiter)
    if not any(start in content for start in (b'\n"', delimiter + b'"')) and not content.startswith(b'"'):
        return _checked(plain, source)
    try:
        quoted = _Quoted(content, delimiter)
    except _BadQuoteError as bad:
        if plain.fits():
            return plain
        if tabbed:
            return _checked(plain, source)
        raise DataError(
            f"{source}, line {bad.line + 1}: a field starts with a quote character that does not end it. {_WAY_OUT}"
        ) from None
    if not quoted.fits():
        return _checked(plain, source) if tabbed or plain.fits() else _checked(quoted, source)
    if not plain.fits():
        if quoted.spans and not quoted.consistent():
            swallows = _swallows(plain, quoted)
            if swallows or (swallows is None and quoted.signs.loose):
                raise _two_ways(source, quoted)
        return quoted
    if not quoted.spans:
        return quoted if not tabbed or quoted.consistent() else plain
    return _several_lines(plain, quoted, source, tabbed)


def _several_lines(plain: _Plain, quoted: _Quoted, source: str, tabbed: bool) -> _Reading:
    """Both readings fit, but one has texts over several lines where the other has rows with lone quotes."""
    if tabbed and not quoted.consistent():
        return plain
    swallows = _swallows(plain, quoted)
    if swallows is None or (tabbed and not swallows):  # texts with tabs and line breaks are rarer than lone quotes
        raise _two_ways(source, quoted)
    return plain if swallows else quoted


def _swallows(plain: _Plain, quoted: _Quoted) -> bool | None:
    """Whether fields over several lines are really rows between two lone quotes; None if it cannot be told.

    A field whose lines all look like rows is judged by the other columns. In a real text they hold bits of text on all
    lines but the one that has the row's own values (the last for columns to the right, the first for those to the
    left); in swallowed rows they hold, say, labels. So rows are swallowed if in some column all such bits are values
    that stand elsewhere in the file.
    """
    width = quoted.width
    suspects = []
    for number in quoted.spans:
        end = quoted.lines[number + 1] if number + 1 < len(quoted) else len(plain)
        lines = [row for line in range(quoted.lines[number], end) if (row := plain.row(line))]
        broken = [column for column, cell in enumerate(quoted.row(number)) if b"\n" in cell]
        if width > 1 and broken and all(len(line) == width for line in lines):
            suspects.append((broken[0], broken[-1], lines))
    if not suspects:
        return False
    spans = set(quoted.spans)
    known: list[set[bytes]] = [set() for _ in range(width)]
    outside = 0
    for number in quoted.full:
        if number and number not in spans:
            outside += 1
            for column, cell in enumerate(quoted.row(number)):
                known[column].add(cell)
    for first, last, lines in suspects:
        for column in range(width):
            if not first <= column <= last:
                known[column].add(lines[0 if column < first else -1][column])
    natural = True  # some bit is empty or starts with a space, as after a comma in a sentence
    for first, last, lines in suspects:
        bits = {column: [line[column] for line in lines[1:]] for column in range(first)}
        bits |= {column: [line[column] for line in lines[:-1]] for column in range(last + 1, width)}
        if any(known[column].issuperset(cells) for column, cells in bits.items()):
            return True
        natural = natural and any(not bit or bit[:1].isspace() for cells in bits.values() for bit in cells)
    return False if (outside or natural) and not quoted.signs.loose else None


def _two_ways(source: str, quoted: _Quoted) -> DataError:
    first = quoted.spans[0]
    end = quoted.lines[first + 1] if first + 1 < len(quoted) else None
    where = f"lines {quoted.lines[first] + 1} to {end}" if end else f"the lines from {quoted.lines[first] + 1} on"
    return DataError(
        f"{source}: {where} may be one text in quotes or rows with lone quote characters; both readings fit. {_WAY_OUT}"
    )


def _checked(reading: _Reading, source: str) -> _Reading:
    number = reading.misfit()
    if number is None:
        return reading
    first = reading.first or 0
    count, width = len(reading.row(number)), reading.width
    raise DataError(
        f"{source}, row {number - first - 1} (line {reading.lines[number] + 1}) has {count} "
        f"field{'s' if count > 1 else ''} where the first line has {width}. Mend the row: a delimiter inside a text "
        "needs quotes around the text, and a missing field its delimiter."
    )


def _table(reading: _Reading, source: str, notes: tuple[str, ...]) -> Table:
    """The first line that is not blank names the columns; ``headless`` reads it as a row."""
    first = reading.first
    if first is None:
        raise DataError(f"{source} is empty; there is nothing to read.")
    names = tuple(cell.decode().strip() for cell in reading.row(first))
    numbered = tuple(str(number) for number in range(reading.width))
    return _rows(reading, source, names, first + 1, notes, headless=lambda: _rows(reading, source, numbered, 0, notes))


def _rows(
    reading: _Reading,
    source: str,
    names: tuple[str, ...],
    start: int,
    notes: tuple[str, ...],
    headless: Callable[[], Table] | None = None,
) -> Table:
    """The rows from number ``start`` on, counted from there."""
    before = sum(1 for number in reading.full if number < start) if start else 0
    ids = [number - start for number in reading.full if number >= start]
    blank = [number - start for number, count in enumerate(reading.counts) if not count and number >= start]
    skipped = tuple(Skipped(number, BLANK) for number in blank)

    def values(j: int) -> list[Any]:
        return reading.column(j)[before:]

    return Table(source, names, ids, len(reading) - start, values, skipped, headless=headless, notes=notes)

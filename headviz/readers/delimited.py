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
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from headviz.errors import DataError
from headviz.readers.decode import decode, split_lines
from headviz.readers.table import BLANK, Skipped, Table

_WAY_OUT = "Save it as .jsonl or .parquet, or put every text in quotes and double the quotes inside."


def read_csv(content: bytes, source: str) -> Table:
    """A .csv file. Without a comma in its first line, that line's tabs or semicolons are the delimiters."""
    text = decode(content, source)
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = next((one for one in ",\t;" if one in first), ",")
    return _table(_choose(text, delimiter, source, tabbed=False), source)


def read_tsv(content: bytes, source: str) -> Table:
    """A .tsv file."""
    return _table(_choose(decode(content, source), "\t", source, tabbed=True), source)


@dataclass
class _Reading:
    """``rows`` of fields, [] for a blank line, and the number of the line where each starts, from 0."""

    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    @property
    def width(self) -> int:
        return next((len(row) for row in self.rows if row), 0)

    def trimmed(self) -> Self:
        """The same without empty fields beyond the first line's, as spreadsheets leave them."""
        width = self.width
        for row in self.rows:
            if len(row) > width and not any(row[width:]):
                del row[width:]
        return self

    def misfit(self) -> int | None:
        """The first row with another number of fields than the first line."""
        width = self.width
        return next((number for number, row in enumerate(self.rows) if row and len(row) != width), None)

    def fits(self) -> bool:
        return self.misfit() is None


@dataclass
class _Quoted(_Reading):
    """The reading by RFC 4180, with what tells whether a program wrote the quotes."""

    spans: list[int] = field(default_factory=list)  # rows that take several lines
    needless: list[tuple[int, str]] = field(default_factory=list)  # column and text of fields quoted without need
    columns: Counter[int] = field(default_factory=Counter)  # column -> how many of its fields are quoted, first row out
    loose: bool = False  # a quote inside a field without quotes
    bare_comma: bool = False  # a comma inside a field without quotes

    def consistent(self) -> bool:
        """Whether the file keeps to one way of quoting: fields are quoted when they must be (pandas, csv.writer), or
        when they also hold a comma (Excel), or whole columns are (R, Arrow)."""
        if self.loose:
            return False
        count = sum(1 for row in self.rows if row) - 1
        needless = [cell for column, cell in self.needless if self.columns[column] < count]
        return not needless or (all("," in cell for cell in needless) and not self.bare_comma)


class _BadQuoteError(Exception):
    """A field starts with a quote and goes on after the closing one, or never closes."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _choose(text: str, delimiter: str, source: str, *, tabbed: bool) -> _Reading:
    plain = _plain(text, delimiter)
    if not any(start in text for start in ('\n"', delimiter + '"')) and not text.startswith('"'):
        return _checked(plain, source)
    try:
        quoted = _quoted(text, delimiter)
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
            if swallows or (swallows is None and quoted.loose):
                raise _two_ways(source, quoted)
        return quoted
    if not quoted.spans:
        return quoted if not tabbed or quoted.consistent() else plain
    return _several_lines(plain, quoted, source, tabbed)


def _several_lines(plain: _Reading, quoted: _Quoted, source: str, tabbed: bool) -> _Reading:
    """Both readings fit, but one has texts over several lines where the other has rows with lone quotes."""
    if tabbed and not quoted.consistent():
        return plain
    swallows = _swallows(plain, quoted)
    if swallows is None or (tabbed and not swallows):  # texts with tabs and line breaks are rarer than lone quotes
        raise _two_ways(source, quoted)
    return plain if swallows else quoted


def _swallows(plain: _Reading, quoted: _Quoted) -> bool | None:
    """Whether fields over several lines are really rows between two lone quotes; None if it cannot be told.

    A field whose lines all look like rows is judged by the other columns. In a real text they hold bits of text on all
    lines but the one that has the row's own values (the last for columns to the right, the first for those to the
    left); in swallowed rows they hold, say, labels. So rows are swallowed if in some column all such bits are values
    that stand elsewhere in the file.
    """
    width = quoted.width
    by_line = dict(zip(plain.lines, plain.rows, strict=True))
    suspects = []
    for number in quoted.spans:
        end = quoted.lines[number + 1] if number + 1 < len(quoted.lines) else len(plain.rows)
        lines = [row for line in range(quoted.lines[number], end) if (row := by_line[line])]
        broken = [column for column, cell in enumerate(quoted.rows[number]) if "\n" in cell]
        if width > 1 and broken and all(len(line) == width for line in lines):
            suspects.append((broken[0], broken[-1], lines))
    if not suspects:
        return False
    spans = set(quoted.spans)
    outside = [row for number, row in enumerate(quoted.rows) if number and row and number not in spans]
    known = [{row[column] for row in outside} for column in range(width)]
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
        natural = natural and any(not bit or bit[0].isspace() for cells in bits.values() for bit in cells)
    return False if (outside or natural) and not quoted.loose else None


def _two_ways(source: str, quoted: _Quoted) -> DataError:
    first = quoted.spans[0]
    end = quoted.lines[first + 1] if first + 1 < len(quoted.lines) else None
    where = f"lines {quoted.lines[first] + 1} to {end}" if end else f"the lines from {quoted.lines[first] + 1} on"
    return DataError(
        f"{source}: {where} may be one text in quotes or rows with lone quote characters; both readings fit. {_WAY_OUT}"
    )


def _plain(text: str, delimiter: str) -> _Reading:
    lines = split_lines(text)
    blank = " \t\r" + delimiter
    rows = [line.split(delimiter) if line.strip(blank) else [] for line in lines]
    return _Reading(rows, list(range(len(lines)))).trimmed()


class _Quoting:
    """Patterns of RFC 4180 for one delimiter: a whole field in quotes, and what a field must be quoted for."""

    def __init__(self, delimiter: str) -> None:
        self.closed = re.compile(rf'"((?:[^"]++|"")*+)"(?={re.escape(delimiter)}|\r?\n|\r?\Z)').match
        self.needed = re.compile(rf'["\r\n{re.escape(delimiter)}]').search


def _quoted(text: str, delimiter: str) -> _Quoted:
    reading = _Quoted()
    quoting = _Quoting(delimiter)
    position, line, end = 0, 0, len(text)
    while position < end:
        stop = text.find("\n", position)
        stop = end if stop < 0 else stop
        reading.lines.append(line)
        if text.find('"', position, stop) < 0:
            whole = text[position:stop]
            cells = whole.removesuffix("\r").split(delimiter)
            reading.bare_comma = reading.bare_comma or (delimiter != "," and "," in whole)
            after = stop
        else:
            cells, after = _row_with_quotes(text, position, line, delimiter, quoting, reading)
            breaks = text.count("\n", position, after)
            if breaks:
                reading.spans.append(len(reading.rows))
            line += breaks
        reading.rows.append(cells if any(cell.strip() for cell in cells) else [])
        position, line = after + 1, line + 1
    return reading.trimmed()


def _row_with_quotes(
    text: str, position: int, line: int, delimiter: str, quoting: _Quoting, reading: _Quoted
) -> tuple[list[str], int]:
    """The fields of the row that starts at ``position``, and the position of the line break that ends it."""
    cells: list[str] = []
    start = position
    while True:
        if text.startswith('"', position):
            match = quoting.closed(text, position)
            if match is None:
                raise _BadQuoteError(line + text.count("\n", start, position))
            inside, position = match[1], match.end()
            if reading.rows:
                reading.columns[len(cells)] += 1
                if inside and not quoting.needed(inside):
                    reading.needless.append((len(cells), inside))
            cells.append(inside.replace('""', '"'))
        else:
            stop = len(text) if (found := text.find("\n", position)) < 0 else found
            split = text.find(delimiter, position, stop)
            cell = text[position : stop if split < 0 else split]
            if split < 0 and cell.endswith("\r"):
                cell = cell[:-1]
            reading.loose = reading.loose or '"' in cell
            reading.bare_comma = reading.bare_comma or "," in cell
            cells.append(cell)
            position = stop if split < 0 else split
        if not text.startswith(delimiter, position):
            return cells, position + (1 if text.startswith("\r", position) else 0)
        position += 1


def _checked(reading: _Reading, source: str) -> _Reading:
    number = reading.misfit()
    if number is None:
        return reading
    first = next(position for position, row in enumerate(reading.rows) if row)
    count, width = len(reading.rows[number]), reading.width
    raise DataError(
        f"{source}, row {number - first - 1} (line {reading.lines[number] + 1}) has {count} "
        f"field{'s' if count > 1 else ''} where the first line has {width}. Mend the row: a delimiter inside a text "
        "needs quotes around the text, and a missing field its delimiter."
    )


def _table(reading: _Reading, source: str) -> Table:
    """The first line that is not blank names the columns; ``headless`` reads it as a row."""
    first = next(number for number, row in enumerate(reading.rows) if row)
    named = _rows(source, tuple(name.strip() for name in reading.rows[first]), reading.rows[first + 1 :])
    numbered = tuple(str(number) for number in range(reading.width))
    return Table(
        source,
        named.names,
        named.ids,
        named.length,
        named.values,
        named.skipped,
        headless=lambda: _rows(source, numbered, reading.rows),
    )


def _rows(source: str, names: tuple[str, ...], rows: list[list[str]]) -> Table:
    ids = [number for number, row in enumerate(rows) if row]
    skipped = tuple(Skipped(number, BLANK) for number, row in enumerate(rows) if not row)
    return Table(source, names, ids, len(rows), lambda j: [rows[number][j] for number in ids], skipped)

"""What a source offers to choose from, for who has to name columns: splits or sheets, and columns with an example."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from headviz.columns import guesses, wordiest
from headviz.data import open_source, split_names
from headviz.errors import DataError, HeadvizError
from headviz.readers.bounds import UPLOAD
from headviz.readers.source import Source, from_bytes
from headviz.readers.table import Table

_LOOKED_AT = 200  # rows
_MOST = 20  # sheets
_CLASSES = 50


@dataclass(frozen=True)
class Column:
    """``key``: what `headviz.load_data` takes for it, its name or, where that is none, its number; ``name`` as it
    stands in the file; ``example``: the first value that is not missing."""

    key: str
    name: str
    example: str


@dataclass(frozen=True)
class Columns:
    """The columns of one table, and the keys of those that may hold the texts and the label. ``headless``: the same
    where the first line is a row, None for formats that always name their columns."""

    columns: tuple[Column, ...]
    inputs: tuple[str, ...]
    label: str | None
    headless: Columns | None = None


@dataclass(frozen=True)
class Outline:
    """``splits``: what the rows of a source are parted in, () where they are not; ``tables``: the columns by sheet, or
    under "" where there is one table, or one of each split."""

    name: str
    splits: tuple[str, ...]
    tables: dict[str, Columns]


def outline(source: Any, *, offline: bool = False) -> Outline:
    """The outline of what `headviz.load_data` would read. Raises DataError where nothing can be read at all."""
    return _outline(open_source(source, offline))


def outline_upload(name: str, content: bytes) -> Outline:
    """The outline of an upload, as `headviz.data.read_upload` would read it."""
    return _outline(from_bytes(name, content, UPLOAD))


def _outline(source: Source) -> Outline:
    if source.default is None:
        first = next(iter(source.splits))
        return Outline(source.name, split_names(source), {"": _columns(source.splits[first]()[0])})
    tables = {}
    for sheet in list(source.splits)[:_MOST]:
        try:
            tables[sheet] = _columns(source.splits[sheet]()[0])
        except HeadvizError:  # a sheet that is no table is none to choose
            continue
    if not tables:
        raise DataError(f"{source.name} has no sheet that can be read as a table.")
    return Outline(source.name, (), tables)


def _columns(table: Table) -> Columns:
    headless = table.headless() if table.headless is not None else None
    return _of(table, None if headless is None else _of(headless, None))


def _of(table: Table, headless: Columns | None) -> Columns:
    counts = Counter(table.names)
    keys = [name if name and counts[name] == 1 else str(j) for j, name in enumerate(table.names)]
    columns = tuple(Column(keys[j], name, _example(table, j)) for j, name in enumerate(table.names))
    inputs, label = guesses(table)
    best = wordiest(table) if inputs is None else None
    texts = inputs if inputs is not None else () if best is None else (best,)
    if label is None:
        label = next((j for j in range(len(keys)) if j not in texts and _may_be_label(table, j)), None)
    return Columns(columns, tuple(keys[j] for j in texts), None if label is None else keys[label], headless)


def _example(table: Table, j: int) -> str:
    value = next((value for value in table.values(j)[:_LOOKED_AT] if value not in (None, "")), "")
    return str(value)[:40]


def _may_be_label(table: Table, j: int) -> bool:
    """Whether a few values come again and again."""
    values = [value for value in table.values(j)[:_LOOKED_AT] if isinstance(value, str | int)]
    return 1 < len(set(values)) <= min(_CLASSES, max(2, len(values) // 2))

"""What a name, folder, file, upload or object offers: splits, each a function that reads its tables."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from headviz.errors import DataError
from headviz.readers.arrow import read_arrow, read_parquet
from headviz.readers.bounds import FILE, Bounds
from headviz.readers.class_folders import class_folders
from headviz.readers.decode import GZIP, unpacked
from headviz.readers.delimited import read_csv, read_tsv
from headviz.readers.disguise import kind_within
from headviz.readers.excel import read_excel
from headviz.readers.folder import KINDS, KNOWN, PACKED, Shards, card_names, is_split, kind_of, splits_of
from headviz.readers.frames import is_dataset, is_frame, read_dataset, read_frame
from headviz.readers.json_rows import read_json, read_jsonl, read_txt
from headviz.readers.table import Table
from headviz.stand_ins import LOOKED_AT, stand_in

_READERS: dict[str, Callable[[bytes, str, Bounds], Table]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
    ".txt": read_txt,
}


@dataclass(frozen=True)
class Source:
    """``splits``: name -> what reads it; the one name "" where there are no splits. ``default``: the one that is taken
    where none is asked for, and the others are no splits of one data set, as the sheets of a workbook."""

    name: str
    splits: Mapping[str, Callable[[], list[Table]]]
    default: str | None = None


def from_bytes(name: str, content: bytes, bounds: Bounds = FILE) -> Source:
    """A file by its name and content. What it holds under a name of another kind is read with a note."""
    file = PurePath(name.replace("\\", "/")).name
    named = kind_of(file)
    if named not in KINDS:
        hint = f" Name it after what is packed, such as .csv{PACKED}." if file.lower().endswith(PACKED) else ""
        raise DataError(f"{file or 'The file'} is of no known kind. Known are {KNOWN}.{hint}")
    if content.startswith(GZIP):
        content = unpacked(content, file, bounds)
    if what := stand_in(content[:LOOKED_AT]):
        raise DataError(f"{file} {what}")
    bounds.require_size(len(content), file)
    kind = kind_within(content, named)
    note = () if kind == named else (f"{file} is a {kind} file under another name, and was read as one.",)
    splits, default = _splits(kind, content, file, bounds)
    return Source(file, {split: _noted(read, note) for split, read in splits.items()}, default)


def _splits(kind: str, content: bytes, file: str, bounds: Bounds) -> tuple[dict[str, Callable[[], Table]], str | None]:
    if kind == ".json":
        return {split: partial(_given, table) for split, table in read_json(content, file, bounds).items()}, None
    if kind != ".xlsx":
        return {"": partial(_READERS[kind], content, file, bounds)}, None
    sheets = read_excel(content, file, bounds)
    if len(sheets) == 1:
        return {"": next(iter(sheets.values()))}, None
    if sum(map(is_split, sheets)) > 1:
        return {name: read for name, read in sheets.items() if is_split(name)}, None
    first = next(iter(sheets))
    note = f"{file} has {len(sheets)} sheets ({', '.join(sheets)}); the first, {first}, was read."
    return {**sheets, first: lambda: replace(sheets[first](), notes=(note,))}, first


def _given(table: Table) -> Table:
    return table


def _noted(read: Callable[[], Table], note: tuple[str, ...]) -> Callable[[], list[Table]]:
    def tables() -> list[Table]:
        table = read()
        return [replace(table, notes=(*note, *table.notes))]

    return tables


def from_file(path: Path, bounds: Bounds = FILE) -> Source:
    """A file on disk."""
    if kind_of(path.name) not in KINDS:
        raise DataError(f"{path.name} is of no known kind. Known are {KNOWN}.")
    return from_bytes(path.name, _content(path, bounds), bounds)


def from_folder(folder: Path, name: str, bounds: Bounds = FILE) -> Source:
    """A folder of ``datasets.save_to_disk``, of data files named after their splits, or of one text a file below a
    folder per class."""
    by_class = class_folders(folder, name, bounds)
    if by_class is not None:
        return Source(name, by_class)
    found = splits_of(folder, name)
    return Source(name, {split: partial(_tables, folder, shards, bounds) for split, shards in found.items()})


def from_object(source: Any) -> Source | None:
    """A DataFrame, a ``datasets.Dataset`` or ``DatasetDict``; None for anything else."""
    if is_frame(source):
        return Source("DataFrame", {"": lambda: [read_frame(source)]})
    if is_dataset(source) and not isinstance(source, Mapping):
        return Source("Dataset", {"": partial(_dataset, source)})
    if isinstance(source, Mapping) and source and all(is_dataset(one) for one in source.values()):
        return Source("DatasetDict", {str(split): partial(_dataset, one) for split, one in source.items()})
    return None


def _dataset(dataset: Any) -> list[Table]:
    return [read_dataset(dataset, "Dataset")]


def _tables(folder: Path, shards: Shards, bounds: Bounds) -> list[Table]:
    described = card_names(folder, shards.config)
    tables = []
    rows = 0
    for path in shards.files:
        content = _content(path, bounds)
        if path.suffix == ".arrow":
            table = read_arrow(content, path.name, bounds)
        else:
            source = from_bytes(path.name, content, bounds)
            if len(source.splits) > 1 and source.default is None:
                raise DataError(f"{path.name} holds several splits ({', '.join(source.splits)}). Give the file itself.")
            (table,) = source.splits[source.default or next(iter(source.splits))]()
        rows += len(table.ids)
        bounds.require_rows(rows, folder.name)
        names = {column: names for column, names in described.items() if column in table.names}
        tables.append(replace(table, class_names={**names, **table.class_names}))
    return tables


def _content(path: Path, bounds: Bounds) -> bytes:
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise DataError(f"{path.name} is no ordinary file. Give a file with data.")
        bounds.require_size(about.st_size, path.name)
        return path.read_bytes()
    except OSError as error:
        why = "there is no permission" if isinstance(error, PermissionError) else error.strerror or "it failed"
        raise DataError(f"{path.name} cannot be read: {why}. Check the file.") from error

"""What a name, folder, file, upload or object offers: splits, each a function that reads its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from headviz.errors import DataError
from headviz.readers.arrow import read_arrow, read_parquet
from headviz.readers.delimited import read_csv, read_tsv
from headviz.readers.folder import SUFFIXES, Shards, card_names, splits_of
from headviz.readers.frames import is_dataset, is_frame, read_dataset, read_frame
from headviz.readers.json_rows import read_json, read_jsonl, read_txt
from headviz.readers.table import Table
from headviz.stand_ins import LOOKED_AT, stand_in

_READERS: dict[str, Callable[[bytes, str], Table]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".parquet": read_parquet,
    ".txt": read_txt,
}


@dataclass(frozen=True)
class Source:
    """``splits``: name -> what reads it; the one name "" where there are no splits."""

    name: str
    splits: Mapping[str, Callable[[], list[Table]]]


def from_bytes(name: str, content: bytes) -> Source:
    """A file by its name and content."""
    file = PurePath(name.replace("\\", "/")).name
    reader = _READERS.get(PurePath(file).suffix.lower())
    if reader is None:
        raise DataError(f"{file or 'The file'} is of no known kind. Known are {', '.join(SUFFIXES)}.")
    if what := stand_in(content[:LOOKED_AT]):
        raise DataError(f"{file} {what}")
    return Source(file, {"": lambda: [reader(content, file)]})


def from_file(path: Path) -> Source:
    """A file on disk."""
    if path.suffix.lower() not in _READERS:
        raise DataError(f"{path.name} is of no known kind. Known are {', '.join(SUFFIXES)}.")
    return from_bytes(path.name, _content(path))


def from_folder(folder: Path, name: str) -> Source:
    """A folder of ``datasets.save_to_disk`` or of data files named after their splits."""
    return Source(name, {split: partial(_tables, folder, shards) for split, shards in splits_of(folder, name).items()})


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


def _tables(folder: Path, shards: Shards) -> list[Table]:
    described = card_names(folder, shards.config)
    tables = []
    for path in shards.files:
        reader = read_arrow if path.suffix == ".arrow" else _READERS[path.suffix.lower()]
        table = reader(_content(path), path.name)
        names = {column: names for column, names in described.items() if column in table.names}
        tables.append(replace(table, class_names={**names, **table.class_names}))
    return tables


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        why = "there is no permission" if isinstance(error, PermissionError) else error.strerror or "it failed"
        raise DataError(f"{path.name} cannot be read: {why}. Check the file.") from error

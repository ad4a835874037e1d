"""Parquet files and the Arrow files of ``datasets.save_to_disk``, with the names of ClassLabel integers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headviz.errors import DataError
from headviz.readers.bounds import FILE, Bounds
from headviz.readers.table import Table

_AT_ONCE = 1024  # rows


def read_parquet(content: bytes, source: str, bounds: Bounds = FILE) -> Table:
    """A Parquet file; only the columns asked for are decoded, batch by batch."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(content), read_dictionary=_dictionaries(content))
        schema, about = file.schema_arrow, file.metadata
    except Exception as error:  # pyarrow lets through whatever its parts raise about damaged bytes
        raise DataError(f"{source} is not a readable Parquet file; it may be cut short.") from error
    bounds.require_rows(about.num_rows, source)
    bounds.require_columns(max(len(schema.names), about.num_columns), source)

    def batches(j: int) -> Iterator[Any]:
        unpacked = sum(_sizes(about, schema.names[j]))
        bounds.require_size(unpacked, source)
        if _repeats(schema):  # names may occur twice, so the column is taken by its place
            return (batch.column(j) for batch in file.iter_batches(batch_size=_AT_ONCE))
        return (batch.column(0) for batch in file.iter_batches(batch_size=_AT_ONCE, columns=[schema.names[j]]))

    return Table(
        source,
        tuple(schema.names),
        range(about.num_rows),
        about.num_rows,
        lambda j: _values(lambda: batches(j), schema.names[j], about.num_rows, source, bounds),
        class_names=class_names(schema.metadata),
    )


def read_arrow(content: bytes, source: str, bounds: Bounds = FILE) -> Table:
    """An Arrow stream (what ``datasets`` writes) or Arrow file."""
    import pyarrow as pa

    def batches() -> Iterator[Any]:
        try:
            reader = pa.ipc.open_stream(content)
        except pa.ArrowInvalid:
            file = pa.ipc.open_file(content)
            return (file.get_batch(number) for number in range(file.num_record_batches))
        return iter(reader)

    try:
        try:
            schema = pa.ipc.open_stream(content).schema
        except pa.ArrowInvalid:
            schema = pa.ipc.open_file(content).schema
        length = size = 0
        for batch in batches():
            length, size = length + batch.num_rows, size + batch.nbytes
            bounds.require_rows(length, source)
            bounds.require_size(size, source)
    except DataError:
        raise
    except Exception as error:  # as above
        raise DataError(f"{source} is not a readable Arrow file; it may be cut short.") from error
    bounds.require_columns(len(schema.names), source)
    return Table(
        source,
        tuple(schema.names),
        range(length),
        length,
        lambda j: _values(lambda: (batch.column(j) for batch in batches()), schema.names[j], length, source, bounds),
        class_names=class_names(schema.metadata),
    )


def _values(batches: Callable[[], Iterator[Any]], name: str, length: int, source: str, bounds: Bounds) -> list[Any]:
    """A column as Python values. Its texts are counted as they come: a few bytes may stand for any number of them."""
    import pyarrow as pa

    found: list[Any] = []
    size = 0
    try:
        for column in batches():
            values = _batch(column)
            size += sum(len(value) for value in values if isinstance(value, str | bytes))
            size += 0 if pa.types.is_dictionary(column.type) else column.nbytes
            bounds.require_size(size, source)
            found += values
            bounds.require_rows(len(found), source)
        if len(found) != length:
            raise ValueError(f"{len(found)} values for {length} rows")
    except DataError:
        raise
    except Exception as error:  # as above
        raise DataError(f"{source}: column {name!r} cannot be read; the file is damaged.") from error
    return found


def _batch(column: Any) -> list[Any]:
    """The values of one batch; of a dictionary, equal ones are one object."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return list(column.to_pylist())
    if len(column.dictionary) > 2 * len(column):  # it grows with the file, and is decoded for every batch
        return list(column.dictionary_decode().to_pylist())
    known = column.dictionary.to_pylist()
    return [None if at is None else known[at] for at in column.indices.to_pylist()]


def _dictionaries(content: bytes) -> list[str]:
    """The columns of texts: they are read as dictionaries, so that a text that stands a million times is one."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    schema = parquet.read_schema(pa.BufferReader(content))
    texts = (pa.types.is_string, pa.types.is_large_string)
    return [field.name for field in schema if any(is_text(field.type) for is_text in texts)]


def _sizes(about: Any, name: str) -> Iterator[int]:
    """What the parts of a column take once they are unpacked, as the file says; `_values` does not believe it."""
    for group in range(about.num_row_groups):
        row_group = about.row_group(group)
        for number in range(row_group.num_columns):
            column = row_group.column(number)
            if column.path_in_schema.split(".")[0] == name:
                yield column.total_uncompressed_size


def class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, tuple[str, ...]]:
    """Column -> names of its integers, from the schema metadata that ``datasets`` writes; {} without it."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return names_in_features(features)


def names_in_features(features: Any) -> dict[str, tuple[str, ...]]:
    """Column -> names of its integers, from features as JSON ({"label": {"_type": "ClassLabel", "names": [...]}})."""
    return dict(_named(features.items())) if isinstance(features, dict) else {}


def _named(features: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    for column, feature in features:
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names"):
            yield column, tuple(str(name) for name in feature["names"])


def _repeats(schema: Any) -> bool:
    return len(set(schema.names)) < len(schema.names)

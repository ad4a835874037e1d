"""Parquet files and the Arrow files of ``datasets.save_to_disk``, with the names of ClassLabel integers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headviz.errors import DataError
from headviz.readers.table import Table


def read_parquet(content: bytes, source: str) -> Table:
    """A Parquet file; only the columns asked for are decoded."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(content))
        schema, length = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{source} is not a readable Parquet file; it may be cut short.") from error

    def values(j: int) -> list[Any]:
        try:
            # Row groups, not column names: names may occur twice.
            return list(file.read().column(j).to_pylist()) if _repeats(schema) else _column(file, schema.names[j])
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{source}: column {schema.names[j]!r} cannot be read; the file is damaged.") from error

    return Table(source, tuple(schema.names), range(length), length, values, class_names=class_names(schema.metadata))


def read_arrow(content: bytes, source: str) -> Table:
    """An Arrow stream (what ``datasets`` writes) or Arrow file."""
    import pyarrow as pa

    try:
        try:
            table = pa.ipc.open_stream(content).read_all()
        except pa.ArrowInvalid:
            table = pa.ipc.open_file(content).read_all()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{source} is not a readable Arrow file; it may be cut short.") from error
    return Table(
        source,
        tuple(table.column_names),
        range(table.num_rows),
        table.num_rows,
        lambda j: list(table.column(j).to_pylist()),
        class_names=class_names(table.schema.metadata),
    )


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


def _column(file: Any, name: str) -> list[Any]:
    return list(file.read(columns=[name]).column(name).to_pylist())

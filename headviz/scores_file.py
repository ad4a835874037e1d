"""Scores on disk: one Parquet file, a row per example, provenance in the schema's metadata (docs/formats.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headviz.errors import ScoreError
from headviz.files import write_whole

FORMAT, VERSION = "headviz.scores", 1
_KEY = b"headviz"


class Content(NamedTuple):
    """The fields of `Scores`, in its order."""

    gate_gradient: np.ndarray
    entropy: np.ndarray
    loss: np.ndarray
    ids: np.ndarray
    provenance: dict[str, Any]


def save(scores: Content, path: Path) -> None:
    """Write ``scores``, whole or not at all."""
    layers, heads = scores.gate_gradient.shape[1:]
    head = {"format": FORMAT, "version": VERSION, "shape": [layers, heads], "provenance": scores.provenance}
    table = pa.table(
        {
            "id": pa.array(scores.ids),
            "loss": pa.array(scores.loss),
            "gate_gradient": _rows(scores.gate_gradient),
            "entropy": _rows(scores.entropy),
        }
    ).replace_schema_metadata({_KEY: json.dumps(head).encode()})
    write_whole(path, lambda file: pq.write_table(table, file, compression="zstd"))


def _rows(values: np.ndarray) -> pa.FixedSizeListArray:
    flat = np.ascontiguousarray(values, dtype=np.float32).reshape(len(values), -1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])


def read(path: Path) -> Content:
    """Read a scores file. Raises ScoreError when it is missing, not one of headviz's, damaged, or of a later
    version."""
    if not path.is_file():
        raise ScoreError(f"There is no scores file {path.name!r}; make one with headviz score or scores.save().")
    try:
        table = pq.read_table(path)
        metadata = table.schema.metadata or {}
    except (pa.ArrowException, OSError) as cause:
        raise ScoreError(f"{path.name} is not a readable Parquet file; make it anew with headviz score.") from cause
    try:
        head = json.loads(metadata[_KEY])
        if head["format"] != FORMAT:
            raise KeyError("format")
        version = int(head["version"])
    except (KeyError, ValueError, TypeError) as cause:
        raise ScoreError(f"{path.name} is not a scores file of headviz; make one with headviz score.") from cause
    if version > VERSION:
        raise ScoreError(f"{path.name} was written by a later version of headviz; update headviz to open it.")
    try:
        return _content(table, head)
    except (KeyError, ValueError, TypeError, pa.ArrowException) as cause:
        raise ScoreError(f"{path.name} is damaged; make it anew with headviz score.") from cause


def _content(table: pa.Table, head: dict[str, Any]) -> Content:
    layers, heads = (int(size) for size in head["shape"])
    if not isinstance(head["provenance"], dict):
        raise TypeError("provenance")

    def cube(name: str) -> np.ndarray:
        column = table[name].combine_chunks()
        if column.null_count:
            raise ValueError(name)
        flat = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        return flat.reshape(table.num_rows, layers, heads)

    return Content(
        gate_gradient=cube("gate_gradient"),
        entropy=cube("entropy"),
        loss=table["loss"].to_numpy().astype(np.float64),
        ids=table["id"].to_numpy().astype(np.int64),
        provenance=head["provenance"],
    )

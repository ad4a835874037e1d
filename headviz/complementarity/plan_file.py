"""Plans on disk: one Parquet file, a row per head, the rest in the schema's metadata (docs/formats.md)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headviz.errors import ScoreError
from headviz.files import write_whole

if TYPE_CHECKING:
    from headviz.complementarity.plan import Plan

FORMAT, VERSION = "headviz.plan", 1
_KEY = b"headviz"


@dataclass(frozen=True)
class Content:
    """What a file holds of a `Plan`."""

    preset: str
    options: dict[str, Any]
    heads: tuple[int, ...]
    placed: tuple[Any, ...]
    medoids: tuple[np.ndarray, ...]
    mss: np.ndarray
    nearest: np.ndarray
    salience: np.ndarray | None
    separability: np.ndarray | None
    floor: np.ndarray | None
    above_floor: np.ndarray | None
    notes: tuple[str, ...]
    provenance: dict[str, Any]
    count: int | None


def save(plan: Plan, path: Path) -> None:
    """Write ``plan``, whole or not at all."""
    total, placed = len(plan), plan.placed
    chosen = np.zeros((total, len(plan.medoids)), dtype=bool)
    for number, medoids in enumerate(plan.medoids):
        chosen[medoids, number] = True
    columns: dict[str, Any] = {
        "head": pa.array(plan.names),
        "x": pa.array(placed.coordinates[:, 0]),
        "y": pa.array(placed.coordinates[:, 1]),
        "medoid": _rows(chosen),
        "distance": _rows(placed.distances),
        "apart": _rows(placed.apart),
    }
    for name in ("salience", "separability", "floor", "above_floor"):
        values = getattr(plan, name)
        if values is not None:
            columns[name] = pa.array(values)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "preset": plan.preset,
        "options": asdict(plan.options),
        "heads": list(plan.heads),
        "count": plan.count,
        "distinct": placed.distinct,
        "space": placed.space,
        "space_notes": list(placed.notes),
        "mss": plan.silhouettes.mss.tolist(),
        "nearest": plan.silhouettes.nearest.tolist(),
        "notes": list(plan.notes),
        "provenance": plan.provenance,
    }
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(head).encode()})
    write_whole(path, lambda file: pq.write_table(table, file, compression="zstd"))


def _rows(values: np.ndarray) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), values.shape[1])


def read(path: Path) -> Content:
    """Read a plan file. Raises ScoreError when it is missing, not one of headviz's, damaged, or of a later version."""
    if not path.is_file():
        raise ScoreError(f"There is no plan file {path.name!r}; make one with headviz cahp --plan or plan.save().")
    try:
        table = pq.read_table(path)
        head = json.loads((table.schema.metadata or {})[_KEY])
        if head["format"] != FORMAT:
            raise KeyError("format")
        version = int(head["version"])
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as cause:
        raise ScoreError(f"{path.name} is not a plan file of headviz; make one with headviz cahp --plan.") from cause
    if version > VERSION:
        raise ScoreError(f"{path.name} was written by a later version of headviz; update headviz to open it.")
    try:
        return _content(table, head)
    except (KeyError, ValueError, TypeError, IndexError, pa.ArrowException) as cause:
        raise ScoreError(f"{path.name} is damaged; make it anew with headviz cahp --plan.") from cause


def _content(table: pa.Table, head: dict[str, Any]) -> Content:
    heads = tuple(int(count) for count in head["heads"])
    if sum(heads) != table.num_rows or not isinstance(head["provenance"], dict):
        raise ValueError("heads")

    def column(name: str) -> np.ndarray | None:
        return table[name].to_numpy().astype(np.float64) if name in table.column_names else None

    def matrix(name: str) -> np.ndarray:
        flat = table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return flat.reshape(table.num_rows, -1)

    chosen = matrix("medoid").astype(bool)
    mss, nearest = np.array(head["mss"], dtype=np.float64), np.array(head["nearest"], dtype=np.float64)
    if not len(mss) == len(nearest) == chosen.shape[1] - 1 or (chosen.sum(axis=0) != 1 + np.arange(len(mss) + 1)).any():
        raise ValueError("medoids")
    coordinates = np.stack([table["x"].to_numpy(), table["y"].to_numpy()], axis=1)
    placed = (
        coordinates, matrix("distance"), matrix("apart"), int(head["distinct"]), str(head["space"]),
        tuple(head["space_notes"]),
    )  # fmt: skip
    return Content(
        preset=head["preset"],
        options=head["options"],
        heads=heads,
        placed=placed,
        medoids=tuple(np.flatnonzero(chosen[:, number]) for number in range(chosen.shape[1])),
        mss=mss,
        nearest=nearest,
        salience=column("salience"),
        separability=column("separability"),
        floor=column("floor"),
        above_floor=column("above_floor"),
        notes=tuple(head["notes"]),
        provenance=head["provenance"],
        count=None if head["count"] is None else int(head["count"]),
    )

"""Plans on disk: one Parquet file, a row per head, the rest in the schema's metadata (docs/formats.md)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz.complementarity.curve import Curve
from headviz.complementarity.distance import distances
from headviz.complementarity.presets import PlanOptions, resolve
from headviz.complementarity.space import Placed, spaces
from headviz.mask import head_names
from headviz.saved_file import Kind, read_table, require, require_provenance, write_table

if TYPE_CHECKING:
    from headviz.complementarity.plan import Plan

PLANS = Kind("headviz.plan", 1, "plan file", "headviz cahp --plan or plan.save()")
_PER_HEAD = ("salience", "separability", "floor", "above_floor")


def save(plan: Plan, path: Path) -> None:
    """Write ``plan``, whole or not at all."""
    placed = plan.placed
    chosen = np.zeros((len(plan), len(plan.medoids)), dtype=bool)
    for number, medoids in enumerate(plan.medoids):
        chosen[medoids, number] = True
    columns: dict[str, np.ndarray] = {
        "head": np.array(plan.names),
        "x": placed.coordinates[:, 0],
        "y": placed.coordinates[:, 1],
        "medoid": chosen,
        "distance": placed.distances,
        "apart": placed.apart,
    }
    columns |= {name: values for name in _PER_HEAD if (values := getattr(plan, name)) is not None}
    about = {
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
    write_table(PLANS, path, columns, about)


def read(path: Path) -> dict[str, Any]:
    """The fields of a `Plan`. Raises ScoreError when the file is missing, not one of headviz's, damaged, or of a later
    version."""
    return read_table(PLANS, path, _content)


def _content(columns: dict[str, np.ndarray], head: dict[str, Any]) -> dict[str, Any]:
    heads = tuple(head["heads"])
    total = len(columns["head"])
    require(all(type(count) is int and count >= 0 for count in heads), "heads")
    require(columns["head"].tolist() == head_names(heads), "names of heads")
    require_provenance(head["provenance"], heads=list(heads))
    options = resolve(PlanOptions, head["preset"], head["options"])
    require(options.distance in distances and options.space in spaces and head["space"] in spaces, "options")
    notes, space_notes = tuple(head["notes"]), tuple(head["space_notes"])
    require(all(isinstance(one, str) for one in (*notes, *space_notes)), "notes")

    def numbers(values: Any, *shape: int) -> np.ndarray:
        array = np.asarray(values)
        require(array.dtype.kind in "iuf" and array.shape == shape and bool(np.isfinite(array).all()), "numbers")
        return array.astype(np.float64)

    distance, apart = (numbers(columns[name], total, total) for name in ("distance", "apart"))
    require(all(bool((one >= 0).all() and (one == one.T).all()) for one in (distance, apart)), "distances")
    coordinates = np.stack([numbers(columns[axis], total) for axis in "xy"], axis=1)
    distinct, count = head["distinct"], head["count"]
    require(type(distinct) is int and 1 <= distinct <= total, "distinct heads")
    require(count is None or (type(count) is int and 1 <= count <= total), "count")
    chosen, most = columns["medoid"], max(1, distinct - 1)
    require(chosen.dtype == bool and chosen.shape == (total, most), "medoids")
    require(chosen.sum(axis=0).tolist() == list(range(1, most + 1)), "medoids")
    mss, nearest = (numbers(head[name] or np.empty(0), most - 1) for name in ("mss", "nearest"))
    return {
        "options": options,
        "preset": head["preset"],
        "heads": heads,
        "placed": Placed(coordinates, distance, apart, distinct, head["space"], space_notes),
        "medoids": tuple(np.flatnonzero(chosen[:, number]) for number in range(most)),
        "silhouettes": Curve(mss, nearest, options.mss, options.degree),
        **{name: numbers(columns[name], total) if name in columns else None for name in _PER_HEAD},
        "notes": notes,
        "provenance": head["provenance"],
        "count": count,
    }  # fmt: skip

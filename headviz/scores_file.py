"""Scores on disk: one Parquet file, a row per example, provenance in the schema's metadata (docs/formats.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from headviz.mask import head_present
from headviz.saved_file import Kind, read_table, require, require_provenance, write_table

SCORES = Kind("headviz.scores", 1, "scores file", "headviz score or scores.save()")


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
    columns = {
        "id": scores.ids,
        "loss": scores.loss,
        "gate_gradient": _rows(scores.gate_gradient),
        "entropy": _rows(scores.entropy),
    }
    write_table(SCORES, path, columns, {"shape": [layers, heads], "provenance": scores.provenance})


def _rows(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float32).reshape(len(values), -1)


def read(path: Path) -> Content:
    """Read a scores file. Raises ScoreError when it is missing, not one of headviz's, damaged, or of a later
    version."""
    return read_table(SCORES, path, _content)


def _content(columns: dict[str, np.ndarray], head: dict[str, Any]) -> Content:
    layers, heads = head["shape"]
    shape = (len(columns["id"]), layers, heads)
    gradient, entropy = (columns[name].reshape(shape) for name in ("gate_gradient", "entropy"))
    return checked(Content(gradient, entropy, columns["loss"], columns["id"], head["provenance"]))


def checked(content: Content) -> Content:
    """``content`` of a file, where all of it is what scoring gives. Raises ValueError or the like where not."""
    gate_gradient, entropy, loss, ids, provenance = content
    examples, layers, heads = gate_gradient.shape
    require(examples > 0 and layers > 0 and heads > 0, "empty")
    require(entropy.shape == gate_gradient.shape and loss.shape == ids.shape == (examples,), "shape")
    require(all(values.dtype.kind == "f" for values in (gate_gradient, entropy, loss)), "numbers")
    require(ids.dtype.kind in "iu" and np.isfinite(loss).all(), "ids and losses")
    there = ~np.isnan(gate_gradient[0])
    per_layer = there.sum(axis=1).tolist()
    require(max(per_layer) == heads and bool((there == head_present(per_layer)).all()), "heads")
    require(bool((np.isfinite(gate_gradient) == there).all()), "gate gradients")
    require(not np.isinf(entropy).any() and bool(np.isnan(entropy[:, ~there]).all()), "entropies")
    require_provenance(provenance, heads=per_layer)
    return Content(
        gate_gradient.astype(np.float32), entropy.astype(np.float32), loss.astype(np.float64), ids.astype(np.int64),
        provenance,
    )  # fmt: skip

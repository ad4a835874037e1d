"""Signatures on disk: one .npz file of plain arrays, the rest as JSON in the array "about" (docs/formats.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz import scores_file
from headviz.complementarity.presets import SignatureOptions, resolve
from headviz.saved_file import Kind, read_arrays, require, require_provenance, write_arrays

if TYPE_CHECKING:
    from headviz.complementarity.signature import Signatures

SIGNATURES = Kind("headviz.signatures", 1, "signatures file", "signatures.save()")
_ARRAYS = ("mean", "variance", "counts", "lengths", "null_mean", "null_variance")
_OF_SCORES = ("gate_gradient", "entropy", "loss", "ids")


def save(signatures: Signatures, path: Path) -> None:
    """Write ``signatures``, whole or not at all."""
    arrays = {name: getattr(signatures, name) for name in _ARRAYS}
    if signatures.outputs is not None:
        arrays["outputs"] = signatures.outputs
    if signatures.scores is not None:
        arrays |= {f"scores_{name}": getattr(signatures.scores, name) for name in _OF_SCORES}
    about = {
        "classes": list(signatures.classes),
        "heads": list(signatures.heads),
        "notes": list(signatures.notes),
        "provenance": signatures.provenance,
        "scores": None if signatures.scores is None else signatures.scores.provenance,
    }
    write_arrays(SIGNATURES, path, arrays, about)


def read(path: Path) -> dict[str, Any]:
    """The fields of `Signatures`, with None or a `scores_file.Content` for "scores".

    Raises ScoreError when the file is missing, not one of headviz's, damaged, or of a later version.
    """
    return read_arrays(SIGNATURES, path, _content)


def _content(arrays: dict[str, np.ndarray], about: dict[str, Any]) -> dict[str, Any]:
    heads, classes, notes = (tuple(about[name]) for name in ("heads", "classes", "notes"))
    require(all(type(count) is int and count >= 0 for count in heads), "heads")
    require(all(isinstance(one, str) for one in (*classes, *notes)), "classes and notes")
    provenance = about["provenance"]
    require_provenance(provenance, heads=list(heads))
    options = provenance["options"]
    known = {name: value for name, value in options.items() if name in SignatureOptions.__annotations__}
    resolve(SignatureOptions, options["preset"], known)
    mean, counts = arrays["mean"], arrays["counts"]
    grid, runs = mean.shape[-1], len(arrays["null_mean"])
    shape = (sum(heads), len(classes), grid, grid)
    require(min(shape) > 0, "empty")
    require(counts.shape == (len(classes),) and counts.dtype.kind in "iu" and bool((counts >= 0).all()), "counts")
    require(int((counts >= 2).sum()) >= 2, "two classes of two examples")
    usable = counts >= 2
    for name, expected in {
        "mean": shape,
        "variance": shape,
        "lengths": counts.shape,
        "null_mean": (runs, *shape),
        "null_variance": (runs, *shape),
    }.items():
        values = arrays[name]
        require(values.shape == expected and values.dtype.kind == "f", name)
        used = values[usable] if name == "lengths" else values[..., usable, :, :]
        require(bool((np.isfinite(used) & (used >= 0)).all()), name)
    outputs = arrays.get("outputs")
    require(outputs is None or (outputs.ndim == 3 and outputs.shape[1] == sum(heads)), "outputs")
    require(outputs is None or (outputs.dtype.kind == "f" and bool(np.isfinite(outputs).all())), "outputs")
    scores = None
    if about["scores"] is not None:
        fields = {name: arrays[f"scores_{name}"] for name in _OF_SCORES}
        scores = scores_file.checked(scores_file.Content(**fields, provenance=about["scores"]))
        require(scores.gate_gradient.shape[1:] == (len(heads), max(heads)), "heads of the scores")
    content: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
    return content | {
        "classes": classes,
        "grid": grid,
        "heads": heads,
        "outputs": outputs,
        "notes": notes,
        "provenance": provenance,
        "scores": scores,
    }

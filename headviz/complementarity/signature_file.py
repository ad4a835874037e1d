"""Signatures on disk: one .npz file of plain arrays, the rest as JSON in the array "about" (docs/formats.md)."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz.errors import ScoreError
from headviz.files import write_whole

if TYPE_CHECKING:
    from headviz.complementarity.signature import Signatures

FORMAT, VERSION = "headviz.signatures", 1
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
        "format": FORMAT,
        "version": VERSION,
        "classes": list(signatures.classes),
        "heads": list(signatures.heads),
        "notes": list(signatures.notes),
        "provenance": signatures.provenance,
        "scores": None if signatures.scores is None else signatures.scores.provenance,
    }
    text = np.array(json.dumps(about))
    write_whole(path, lambda file: np.savez_compressed(file, about=text, **arrays))


def read(path: Path) -> dict[str, Any]:
    """The fields of `Signatures`, with "scores" (None or a record) and "of_scores" (the fields of `Scores`).

    Raises ScoreError when the file is missing, not one of headviz's, damaged, or of a later version.
    """
    if not path.is_file():
        raise ScoreError(f"There is no signatures file {path.name!r}; make one with signatures.save().")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(str(arrays.pop("about")))
        if about["format"] != FORMAT:
            raise KeyError("format")
        version = int(about["version"])
    except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as cause:
        raise ScoreError(
            f"{path.name} is not a signatures file of headviz; make one with signatures.save()."
        ) from cause
    if version > VERSION:
        raise ScoreError(f"{path.name} was written by a later version of headviz; update headviz to open it.")
    try:
        return _content(arrays, about)
    except (KeyError, ValueError, TypeError, IndexError) as cause:
        raise ScoreError(f"{path.name} is damaged; make it anew with signatures.save().") from cause


def _content(arrays: dict[str, np.ndarray], about: dict[str, Any]) -> dict[str, Any]:
    heads, classes = tuple(int(count) for count in about["heads"]), tuple(str(name) for name in about["classes"])
    content: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
    grid = content["mean"].shape[-1]
    shape = (sum(heads), len(classes), grid, grid)
    if not (content["mean"].shape == content["variance"].shape == shape == content["null_mean"].shape[1:]):
        raise ValueError("shape")
    content |= {
        "classes": classes,
        "grid": grid,
        "heads": heads,
        "outputs": arrays.get("outputs"),
        "notes": tuple(about["notes"]),
        "provenance": about["provenance"],
        "scores": about["scores"],
    }
    if about["scores"] is not None:
        content["of_scores"] = {name: arrays[f"scores_{name}"] for name in _OF_SCORES} | {"provenance": about["scores"]}
    return content

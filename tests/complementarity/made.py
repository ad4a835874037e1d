"""Signatures made of numbers, so that plans can be tested without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from headviz.complementarity.signature import Signatures
from headviz.scores import Scores


def made(
    heads: Sequence[int] = (6, 6, 6, 6),
    *,
    classes: int = 3,
    grid: int = 4,
    groups: int | None = None,
    nulls: int = 2,
    examples: int = 70,
    with_scores: bool = True,
    outputs: bool = False,
    seed: int = 0,
    **changes: Any,
) -> Signatures:
    """Random moments for heads of given layers; with ``groups`` the heads are exact copies of so many."""
    rng = np.random.default_rng(seed)
    total = sum(heads)
    distinct = total if groups is None else groups
    copy = np.arange(total) % distinct

    def moments(*lead: int) -> tuple[np.ndarray, np.ndarray]:
        mean = rng.dirichlet(np.ones(grid), (*lead, distinct, classes, grid))
        return mean[..., copy, :, :, :], rng.gamma(1, 0.01, (*lead, distinct, classes, grid, grid))[..., copy, :, :, :]

    mean, variance = moments()
    null_mean, null_variance = moments(nulls)
    shape = (examples, len(heads), max(heads))
    absent = np.arange(max(heads)) >= np.array(heads)[:, None]
    gradient = np.where(absent, np.nan, rng.standard_normal(shape) * rng.gamma(1, 1, shape[1:])).astype(np.float32)
    record = {
        "model": {"name": "made", "revision": None, "fingerprint": "0" * 16, "family": "bert", "heads": list(heads)},
        "data": {"name": "made", "split": None, "fingerprint": "1" * 16, "examples": examples},
        "options": {"preset": "headviz"},
    }
    scores = Scores(gradient, np.abs(gradient), np.ones(examples), np.arange(examples), record)
    fields: dict[str, Any] = {
        "mean": mean,
        "variance": variance,
        "counts": np.full(classes, examples // classes),
        "lengths": np.full(classes, 9.0),
        "classes": tuple("abcdefgh"[:classes]) if classes <= 8 else tuple(f"class {one}" for one in range(classes)),
        "grid": grid,
        "heads": tuple(heads),
        "null_mean": null_mean,
        "null_variance": null_variance,
        "outputs": rng.standard_normal((11, total, 5)).astype(np.float32) if outputs else None,
        "scores": scores if with_scores else None,
        "notes": (),
        "provenance": record,
    }
    return Signatures(**(fields | changes))

"""Salience: which head of a group is worth most, from the gate gradients of the same pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from headviz.complementarity.signature import Signatures

_BATCH = 32
_SHARE = 0.25


def salience_of(signatures: Signatures, rule: str) -> np.ndarray | None:
    """(N,) float64, or None without gate gradients. ``rule`` "example" is HIS, the mean over examples of the absolute
    gate gradient (Michel et al. 2019); "batch" the reference's, in which signs cancel within a batch: the mean over the
    first quarter of the batches of 32, in the data's order, of the absolute gradient of the mean loss."""
    scores = signatures.scores
    if scores is None:
        return None
    present = np.arange(max(signatures.heads)) < np.array(signatures.heads)[:, None]
    if rule == "example":
        return scores.his[present]
    gradient = scores.gate_gradient[:, present].astype(np.float64)
    batches = [gradient[start : start + _BATCH].mean(axis=0) for start in range(0, len(gradient), _BATCH)]
    first = batches[: max(1, int(_SHARE * len(batches)))]
    return np.abs(first).mean(axis=0)

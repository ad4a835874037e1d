"""What a mask will do to the loss, predicted from the gate gradients alone: nothing is run.

A cut moves gates from 1 to 0. With g the gate gradients of one example and s the sum of g over the cut heads, its loss
changes by -s to first order. The empirical Fisher information of the gates, the mean of g g^T, stands in for the
curvature and adds s^2 / 2 (LeCun et al. 1990; Theis et al. 2018 for the Fisher information as curvature).

An edit on top of a mask adds d to s: g of a head that is cut, -g of one that is restored. So it changes the prediction
by the mean over examples of -d, and of -d + s d + d^2 / 2 to second order.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from headviz import stats
from headviz.errors import MaskError, ScoreError
from headviz.mask import head_name, places
from headviz.stats import Estimate

if TYPE_CHECKING:
    from headviz.mask import Mask
    from headviz.scores import Scores

ORDERS = (1, 2)


def predicted_change(scores: Scores, mask: Mask, *, order: int = 2, seed: int = 0) -> Estimate:
    """The predicted change of the mean loss, in nats, when ``mask`` cuts its heads: the mean over the examples of
    ``scores`` with a 95 % bootstrap interval over them, which knows nothing of the error of the prediction itself.

    ``order``: 2, the predicted change that every page and file speaks of, or 1, from the gradients alone. Raises
    MaskError for a mask of another model.
    """
    change = _by_example(scores, mask, order)
    low, high = stats.mean_interval(change[:, None], seed=seed)
    return Estimate(float(change.mean()), float(low[0]), float(high[0]), len(change))


def edit_change(scores: Scores, before: Mask, after: Mask, *, order: int = 2) -> float:
    """The predicted change of the mean loss, in nats, from one mask to another."""
    return float((_by_example(scores, after, order) - _by_example(scores, before, order)).mean())


def _by_example(scores: Scores, mask: Mask, order: int) -> np.ndarray:
    """(N,) float64: the predicted change of each example's loss."""
    present = _fitting(scores, mask, order)
    moved = scores.gate_gradient[:, present & ~mask.keep].sum(axis=1, dtype=np.float64)
    return -moved if order == 1 else -moved + np.square(moved) / 2


def toggle_changes(scores: Scores, mask: Mask, *, order: int = 2) -> np.ndarray:
    """(L, H) float64, nats: the predicted change of the mean loss when one head is toggled on top of ``mask``: cut
    where it is kept, restored where it is cut. NaN where a layer has no such head."""
    present = _fitting(scores, mask, order)
    gradient = scores.gate_gradient[:, present].astype(np.float64)
    kept = mask.keep[present]
    sign = np.where(kept, 1.0, -1.0)  # of what the head adds to the sum over the cut heads
    change = -sign * gradient.mean(axis=0)
    if order == 2:
        moved = gradient @ ~kept
        change += (sign * (moved @ gradient) + np.einsum("nh,nh->h", gradient, gradient) / 2) / len(gradient)
    changes = np.full(present.shape, np.nan)
    changes[present] = change
    return changes


def swap_changes(scores: Scores, mask: Mask, *, order: int = 2) -> np.ndarray:
    """(kept, cut) float64, nats: the predicted change of the mean loss when a kept head is cut and a cut head restored;
    rows in the order of ``mask.kept``, columns in that of ``mask.pruned``."""
    present = _fitting(scores, mask, order)
    toggled = toggle_changes(scores, mask, order=order)
    kept, cut = present & mask.keep, present & ~mask.keep
    change = toggled[kept][:, None] + toggled[cut][None, :]
    if order == 2:  # what (g_kept - g_cut)^2 / 2 holds beside the squares of the two
        of_kept, of_cut = (scores.gate_gradient[:, some].astype(np.float64) for some in (kept, cut))
        change -= of_kept.T @ of_cut / len(of_kept)
    return change


def cheapest_cut(scores: Scores, mask: Mask, *, locked: Collection[str] = (), order: int = 2) -> str | None:
    """The name of the kept head whose cut, on top of ``mask``, is predicted to raise the loss least (or to lower it
    most); ``locked`` heads are left alone; None when no head is left. Ties go by reading order. How much that is stands
    in `toggle_changes`."""
    return _lowest(toggle_changes(scores, mask, order=order), mask.keep, mask, locked)


def best_restore(scores: Scores, mask: Mask, *, locked: Collection[str] = (), order: int = 2) -> str | None:
    """The name of the cut head whose restoration is predicted to lower the loss most (or to raise it least), under the
    rules of `cheapest_cut`."""
    return _lowest(toggle_changes(scores, mask, order=order), ~mask.keep, mask, locked)


def _lowest(changes: np.ndarray, among: np.ndarray, mask: Mask, locked: Collection[str]) -> str | None:
    free = np.where(among & ~np.isnan(changes), changes, np.inf)
    for place in places(locked, mask.heads):
        free[place] = np.inf
    layer, head = np.unravel_index(int(free.argmin()), free.shape)
    return head_name(int(layer), int(head)) if np.isfinite(free[layer, head]) else None


def _fitting(scores: Scores, mask: Mask, order: int) -> np.ndarray:
    """(L, H) bool: the heads there are. Raises where the arguments do not fit each other."""
    if order not in ORDERS or isinstance(order, bool):
        raise ScoreError(f"order must be 1 or 2. Got {order!r}.")
    present = ~np.isnan(scores.gate_gradient[0])
    if mask.keep.shape != present.shape or mask.heads != tuple(present.sum(axis=1).tolist()):
        raise MaskError(
            f"The mask is for heads {list(mask.heads)} per layer, but these scores have "
            f"{present.sum(axis=1).tolist()}. Use scores and a mask of one model."
        )
    return present

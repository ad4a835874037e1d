"""What a mask will do to the loss, predicted from the gate gradients alone: nothing is run.

A cut moves gates from 1 to 0. With g the gate gradients of one example and s the sum of g over the cut heads, its loss
changes by -s to first order. The empirical Fisher information of the gates, the mean of g g^T, stands in for the
curvature and adds s^2 / 2 (LeCun et al. 1990; Theis et al. 2018 for the Fisher information as curvature).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headviz import stats
from headviz.errors import MaskError, ScoreError
from headviz.stats import Estimate

if TYPE_CHECKING:
    from headviz.mask import Mask
    from headviz.scores import Scores

ORDERS = (1, 2)


def predicted_change(scores: Scores, mask: Mask, *, order: int = 1, seed: int = 0) -> Estimate:
    """The predicted change of the mean loss, in nats, when ``mask`` cuts its heads: the mean over the examples of
    ``scores`` with a 95 % bootstrap interval over them, which knows nothing of the error of the prediction itself.

    ``order``: 1 from the gradients, 2 with the Fisher information. Raises MaskError for a mask of another model.
    """
    if order not in ORDERS or isinstance(order, bool):
        raise ScoreError(f"order must be 1 or 2. Got {order!r}.")
    present = ~np.isnan(scores.gate_gradient[0])
    if mask.keep.shape != present.shape or mask.heads != tuple(present.sum(axis=1).tolist()):
        raise MaskError(
            f"The mask is for heads {list(mask.heads)} per layer, but these scores have "
            f"{present.sum(axis=1).tolist()}. Use scores and a mask of one model."
        )
    change = _changes(scores, mask, order)
    low, high = stats.mean_interval(change[:, None], seed=seed)
    return Estimate(float(change.mean()), float(low[0]), float(high[0]), len(change))


def cheapest_cut(scores: Scores, mask: Mask, *, locked: tuple[str, ...] = (), order: int = 1) -> str | None:
    """The name of the kept head whose cut, on top of ``mask``, is predicted to raise the loss least (or to lower it
    most); ``locked`` heads are left alone; None when no head is left. Ties go by reading order."""
    candidates = [head for head in mask.kept if head not in locked]
    if not candidates:
        return None
    return min(candidates, key=lambda head: _changes(scores, mask.with_toggled(head), order).mean())


def _changes(scores: Scores, mask: Mask, order: int) -> np.ndarray:
    """(N,) float64: the predicted change of each example's loss."""
    cut = ~mask.keep & ~np.isnan(scores.gate_gradient[0])
    total = scores.gate_gradient[:, cut].sum(axis=1, dtype=np.float64)
    return -total if order == 1 else -total + np.square(total) / 2

"""What the choice of heads is worth: a plan and its controls at the same number of heads, measured on the same data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from headviz.evaluation import evaluate
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.stats import mean_interval, wilson

if TYPE_CHECKING:
    import pandas as pd

    from headviz.complementarity.plan import Plan
    from headviz.data import Data
    from headviz.mask import Mask
    from headviz.subject import Subject

DRAWN = ("random", "random_per_cluster")  # controls that another seed draws anew
_OWN = "cahp"


def masks_to_measure(plan: Plan, draws: int, others: Mapping[str, Mask] | None = None) -> dict[str, list[Mask]]:
    """Name -> masks: the plan's as "cahp", its controls (what is drawn, ``draws`` times), and ``others``."""
    first = plan.controls(0)
    found = {_OWN: [plan.mask]} | {name: [mask] for name, mask in first.items()}
    for seed in range(1, draws):
        again = plan.controls(seed)
        for name in DRAWN:
            found[name].append(again[name])
    return found | {name: [mask] for name, mask in (others or {}).items()}


def measured_controls(
    plan: Plan,
    subject: Subject,
    data: Data,
    draws: int = 5,
    *,
    others: Mapping[str, Mask] | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> pd.DataFrame:
    """pandas, one row per choice, "cahp" first: name, draws, kept, value (accuracy, mean over the draws), low, high
    (95 % over examples), lowest and highest draw, and CAHP less it on the same examples: less, less_low, less_high.

    Raises ScoreError without a knee, Cancelled.
    """
    import pandas as pd

    chosen = masks_to_measure(plan, draws, others)
    total = sum(len(masks) for masks in chosen.values())
    right: dict[str, np.ndarray] = {}
    with Progress(total * len(data), "measuring quality", on_progress, cancel) as progress:

        def one(mask: Mask) -> np.ndarray:
            found = evaluate(subject, data, mask, cancel=cancel, on_progress=lambda *_: progress.check())
            progress.step(len(data))
            return (found.predictions == found.labels).astype(float)

        for name, masks in chosen.items():
            right[name] = np.stack([one(mask) for mask in masks])
    rows = []
    for name, found in right.items():
        each, mean = found.mean(axis=1), found.mean(axis=0)
        share = wilson(int(mean.sum()), len(data)) if len(found) == 1 else None
        low, high = mean_interval(mean) if share is None else (share.low, share.high)
        less = right[_OWN][0] - mean
        less_low, less_high = mean_interval(less)
        rows.append((
            name, len(found), chosen[name][0].count, mean.mean(), float(low), float(high), each.min(), each.max(),
            less.mean(), float(less_low), float(less_high),
        ))  # fmt: skip
    columns = ["name", "draws", "kept", "value", "low", "high", "lowest", "highest", "less", "less_low", "less_high"]
    return pd.DataFrame(rows, columns=columns)

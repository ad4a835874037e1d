"""What the choice of heads is worth: a plan and its controls at the same number of heads, measured on the same data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headviz.evaluation import evaluate
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.stats import mean_interval, metric_draws, wilson

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


@dataclass(frozen=True, eq=False)
class Controls:
    """What a plan and its controls predict on the same examples: ``predictions`` (draws, N) of each choice by its name,
    the plan's as "cahp"; ``kept`` heads of each; ``labels`` (N,); ``classes``, how many there are."""

    predictions: Mapping[str, np.ndarray]
    kept: Mapping[str, int]
    labels: np.ndarray
    classes: int

    def table(self, metric: str = "accuracy") -> pd.DataFrame:
        """pandas, one row per choice, "cahp" first: name, draws, kept, value (of ``metric``, mean over the draws), low,
        high (95 % over examples), lowest and highest draw, and CAHP less it on the same examples: less, less_low,
        less_high."""
        import pandas as pd

        sides = self._by_accuracy() if metric == "accuracy" else self._by(metric)
        rows = [(name, len(self.predictions[name]), self.kept[name], *figures) for name, figures in sides.items()]
        ends = ["value", "low", "high", "lowest", "highest", "less", "less_low", "less_high"]
        return pd.DataFrame(rows, columns=["name", "draws", "kept", *ends])

    def _by_accuracy(self) -> dict[str, tuple[float, ...]]:
        right = {name: (found == self.labels).astype(float) for name, found in self.predictions.items()}
        sides: dict[str, tuple[float, ...]] = {}
        for name, found in right.items():
            each, mean = found.mean(axis=1), found.mean(axis=0)
            share = wilson(int(mean.sum()), len(mean)) if len(found) == 1 else None
            low, high = mean_interval(mean, bounds=(0, 1)) if share is None else (share.low, share.high)
            less = right[_OWN][0] - mean
            ends = (float(mean.mean()), float(low), float(high), float(each.min()), float(each.max()))
            lead = mean_interval(less, bounds=(0, 0) if name == _OWN else (-1, 1))
            sides[name] = (*ends, float(less.mean()), *(float(end) for end in lead))
        return sides

    def _by(self, metric: str) -> dict[str, tuple[float, ...]]:
        everything = [one for found in self.predictions.values() for one in found]
        values, drawn = metric_draws(metric, self.labels, everything, self.classes)
        ends, start = np.cumsum([len(found) for found in self.predictions.values()]), 0
        sides: dict[str, tuple[float, ...]] = {}
        for name, end in zip(self.predictions, ends, strict=True):
            own, mean = values[start:end], drawn[:, start:end].mean(axis=1)
            less = drawn[:, 0] - mean  # the plan comes first
            if name != _OWN and np.ptp(less) == 0:
                _, wider = metric_draws(metric, self.labels, everything, self.classes, unseen=True)
                less = wider[:, 0] - wider[:, start:end].mean(axis=1)
            value, lead = float(own.mean()), float(values[0] - own.mean())
            figures = (value, *_around(value, mean), float(own.min()), float(own.max()))
            sides[name] = (*figures, lead, *_around(lead, less))
            start = end
        return sides


def _around(value: float, drawn: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of a bootstrap, and the value itself at least."""
    low, high = (float(end) for end in np.quantile(drawn, [0.025, 0.975]))
    return min(low, value), max(high, value)


def measured_controls(
    plan: Plan,
    subject: Subject,
    data: Data,
    draws: int = 5,
    *,
    others: Mapping[str, Mask] | None = None,
    metric: str = "accuracy",
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> pd.DataFrame:
    """`Controls.table` of `measure_controls`. Raises ScoreError without a knee, Cancelled."""
    follow = {"on_progress": on_progress, "cancel": cancel}
    return measure_controls(plan, subject, data, draws, others=others, **follow).table(metric)  # type: ignore[arg-type]


def measure_controls(
    plan: Plan,
    subject: Subject,
    data: Data,
    draws: int = 5,
    *,
    others: Mapping[str, Mask] | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> Controls:
    """Evaluate the plan, its controls and ``others``, which any metric can then be read from. Raises ScoreError without
    a knee, Cancelled."""
    chosen = masks_to_measure(plan, draws, others)
    total = sum(len(masks) for masks in chosen.values())
    predictions: dict[str, np.ndarray] = {}
    labels = np.empty(0, dtype=np.int64)
    with Progress(total * len(data), "measuring quality", on_progress, cancel) as progress:
        for name, masks in chosen.items():
            each = []
            for mask in masks:
                found = evaluate(subject, data, mask, cancel=cancel, on_progress=lambda *_: progress.check())
                progress.step(len(data))
                each.append(found.predictions)
                labels = found.labels
            predictions[name] = np.stack(each)
    kept = {name: masks[0].count for name, masks in chosen.items()}
    return Controls(predictions, kept, labels, len(subject.labels))

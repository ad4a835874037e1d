"""Measured quality against the number of kept heads, and the two rules that read a number of heads from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from headviz.complementarity.knee import fewest_within, peak_knee, quality_fit
from headviz.errors import ScoreError
from headviz.evaluation import evaluate
from headviz.progress import CancelSignal, OnProgress, Progress, within
from headviz.tasks import tasks

if TYPE_CHECKING:
    import pandas as pd

    from headviz.complementarity.plan import Plan
    from headviz.data import Data
    from headviz.evaluation import Evaluation
    from headviz.stats import Estimate
    from headviz.subject import Subject


def counts_of(plan: Plan, counts: int | Sequence[int]) -> list[int]:
    """Numbers of clusters to measure at: given, or so many spread evenly from max(layers, 2) to all heads."""
    if isinstance(counts, Sequence):
        if not len(counts):
            raise ScoreError("counts is empty; give at least one number of heads.")
        return sorted({plan.with_count(one).k or 0 for one in counts})
    if isinstance(counts, bool) or not isinstance(counts, int | np.integer) or counts < 2:
        raise ScoreError(f"counts must be a whole number of at least 2, or a list of them. Got {counts!r}.")
    first = min(max(len(plan.heads), 2), len(plan))
    return sorted({round(float(one)) for one in np.linspace(first, len(plan), int(counts))})


def quality_curve(
    plan: Plan,
    subject: Subject,
    data: Data,
    counts: int | Sequence[int] = 12,
    *,
    metric: str | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> pd.DataFrame:
    """pandas: k, kept (rescued included), value, low, high (of ``metric``, the task's main one by default, 95 %), fit.
    ``attrs``: "metric", "constant" (always the commonest label), "knee" (of the polynomial fit of the plan's degree, at
    most 5; None without one) and "fewest" (heads within 1 point of the full model, from the isotonic fit). Use
    validation data, not test.
    """
    if metric is not None and metric not in (known := tasks[subject.task].metrics):
        raise ScoreError(f"There is no metric {metric!r} for {subject.task}; choose from {', '.join(known)}.")
    measured = measure_counts(plan, subject, data, counts, on_progress=on_progress, cancel=cancel)
    return fitted(table_of(measured, metric or measured[0][2].main), plan.degree)


Counted = list[tuple[int, int, "Evaluation"]]
"""A number of clusters, the heads that it keeps, and what was measured with them."""


def measure_counts(
    plan: Plan,
    subject: Subject,
    data: Data,
    counts: int | Sequence[int] = 12,
    *,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> Counted:
    """Evaluate the plan's masks at several numbers of clusters, which any metric can then be read from."""
    measured = []
    wanted = counts_of(plan, counts)
    with Progress(len(wanted) * len(data), "measuring quality", on_progress, cancel) as progress:
        for k in wanted:
            mask = plan.with_count(k).mask
            found = evaluate(subject, data, mask, cancel=cancel, on_progress=within(progress))
            measured.append((k, mask.count, found))
            progress.step(len(data))
    return measured


def table_of(measured: Counted, metric: str) -> pd.DataFrame:
    """k, kept, value, low, high of ``metric``; ``attrs``: "metric" and "constant"."""
    import pandas as pd

    rows = [(k, kept, *_ends(found.metrics[metric])) for k, kept, found in measured]
    table = pd.DataFrame(rows, columns=["k", "kept", "value", "low", "high"])
    table = table.drop_duplicates("kept").reset_index(drop=True)
    table.attrs = {"metric": metric, "constant": measured[0][2].constant_in(metric)}
    return table


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def fitted(table: pd.DataFrame, degree: int | None) -> pd.DataFrame:
    """A measured `quality_curve` with the fit and the knee of another ``degree``: nothing is measured again."""
    kept, value = table["kept"].to_numpy(float), table["value"].to_numpy()
    made = table.assign(fit=quality_fit(kept, value, degree))
    made.attrs = {
        **table.attrs,
        "knee": peak_knee(kept, value, degree) if len(table) > 2 else None,
        "fewest": fewest_within(kept, value),
    }
    return made

"""Measured quality against the number of kept heads, and the two rules that read a number of heads from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from headviz.complementarity.knee import fewest_within, peak_knee, quality_fit
from headviz.errors import ScoreError
from headviz.evaluation import evaluate
from headviz.progress import CancelSignal, OnProgress, Progress

if TYPE_CHECKING:
    import pandas as pd

    from headviz.complementarity.plan import Plan
    from headviz.data import Data
    from headviz.subject import Subject


def counts_of(plan: Plan, counts: int | Sequence[int]) -> list[int]:
    """Numbers of clusters to measure at: given, or so many spread evenly from max(layers, 2) to all heads."""
    if isinstance(counts, Sequence):
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
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> pd.DataFrame:
    """pandas: k, kept (rescued included), value, low, high (the task's main metric, 95 %), fit. ``attrs``: "metric",
    "constant" (always the commonest label), "knee" (of the polynomial fit of the plan's degree, at most 5; None without
    one) and "fewest" (heads within 1 point of the full model, from the isotonic fit). Use validation data, not test.
    """
    import pandas as pd

    wanted = counts_of(plan, counts)
    masks = [plan.with_count(k).mask for k in wanted]
    rows, constant, metric = [], 0.0, ""
    with Progress(len(masks) * len(data), "measuring quality", on_progress, cancel) as progress:
        for k, mask in zip(wanted, masks, strict=True):
            found = evaluate(subject, data, mask, cancel=cancel, on_progress=_within(progress))
            metric, constant = found.main, found.constant
            estimate = found.metrics[metric]
            rows.append((k, mask.count, estimate.value, estimate.low, estimate.high))
            progress.step(len(data))
    table = pd.DataFrame(rows, columns=["k", "kept", "value", "low", "high"])
    table = table.drop_duplicates("kept").reset_index(drop=True)
    table.attrs = {"metric": metric, "constant": constant}
    return fitted(table, plan.degree)


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


def _within(progress: Progress) -> OnProgress:
    def told(done: int, total: int, stage: str) -> None:
        progress.check()

    return told

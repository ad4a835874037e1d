"""Stability: which heads a plan keeps under other seeds, and on resampled examples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from headviz.complementarity.distance import distances
from headviz.complementarity.overlap import jaccard, salience_chance
from headviz.complementarity.signature import resampled_signatures, resamples_at_once
from headviz.complementarity.streamed import told
from headviz.errors import ScoreError
from headviz.progress import CancelSignal, OnProgress, Progress, within

if TYPE_CHECKING:
    import pandas as pd

    from headviz.complementarity.plan import Plan
    from headviz.complementarity.signature import Signatures
    from headviz.data import Data
    from headviz.subject import Subject


def stability(
    plan: Plan,
    seeds: int = 8,
    resamples: int = 8,
    *,
    subject: Subject | None = None,
    data: Data | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> pd.DataFrame:
    """pandas, one row per run: kind ("seed" or "resample"), run, k (that run's own knee), kept (names at *this* plan's
    number of clusters), jaccard (with this plan's heads). ``attrs["chance"]``: mean and 95 % band of the Jaccard index
    when clusters know nothing of the heads and salience picks within them.

    Resampled examples need ``subject`` and the plan's ``data`` for one more pass, or a few where the samples do not fit
    into memory at once; without them only seeds are varied. Raises ScoreError without a knee, and for other data or
    another model.
    """
    import pandas as pd

    signatures = plan.required_signatures()
    measure, k = distances[plan.options.distance], plan.k
    own = plan.picked[0]
    if k is None:  # picked has said so
        raise ScoreError("The plan has no number of heads.")
    with_samples = subject is not None and data is not None and resamples > 0
    rows = []

    def run_of(kind: str, run: int, one: Signatures, seed: int, progress: Progress) -> None:
        options = replace(plan.options, seed=seed)
        other = plan.regrouped(told(measure.parts(one, options, None), progress.check), options)
        kept = other.with_count(k).picked[0]
        names = [name for name, there in zip(plan.names, kept, strict=True) if there]
        rows.append((kind, run, other.k, names, jaccard(own, kept)))
        progress.step()

    total = seeds + resamples * with_samples
    with Progress(total, "grouping heads again", on_progress, cancel) as progress:
        for run in range(seeds):
            run_of("seed", run, signatures, plan.options.seed + 1 + run, progress)
        if with_samples:
            assert subject is not None and data is not None
            at_once = resamples_at_once(signatures)
            for first in range(0, resamples, at_once):
                runs = range(first, min(first + at_once, resamples))
                drawn = resampled_signatures(
                    signatures, subject, data, runs, on_progress=within(progress), cancel=cancel
                )
                for run, one in zip(runs, drawn, strict=True):
                    run_of("resample", run, one, plan.options.seed, progress)
    table = pd.DataFrame(rows, columns=["kind", "run", "k", "kept", "jaccard"])
    table["k"] = table["k"].astype("Int64")
    table.attrs = {"chance": _chance(plan, own)}
    return table


def _chance(plan: Plan, own: np.ndarray) -> tuple[float, float, float]:
    """Jaccard index of the plan's heads with those that salience picks in clusters drawn at random: mean, low, high."""
    shared = salience_chance(plan.labels, plan.centres, plan.ranking, plan.layer_of, own, guard=plan.options.guard)
    size = int(own.sum())
    mean, low, high = (one / (2 * size - one) for one in shared)
    return mean, low, high

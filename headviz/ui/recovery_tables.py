"""Finished recoveries of one problem as a table: what each gave, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from headviz.ui import numbers
from headviz.units import in_bytes

if TYPE_CHECKING:
    import pandas as pd

    from headviz.recovery import History
    from headviz.ui.recoveries import RecoveryRun


def run_table(runs: Sequence[RecoveryRun], metric: str | None = None) -> pd.DataFrame:
    """A row per finished run: its settings where not the defaults, its quality on the validation texts in ``metric``
    (None: the main one) with its interval, and its cost."""
    import pandas as pd

    return pd.DataFrame([_row(run, metric) for run in runs])


def _row(run: RecoveryRun, metric: str | None) -> dict[str, str]:
    recovered = run.levels["selection"].recovered
    assert run.recovery is not None and recovered is not None
    cost, history = run.recovery.cost, run.recovery.history
    metric = metric if metric in recovered.metrics else recovered.main
    estimate, memory = recovered.metrics[metric], cost.activations
    checks, units = len(history.checks), len(history.layers)
    return {
        "Method": run.title,
        "Settings": _settings(run),
        numbers.title_of(metric): f"{numbers.quantity(estimate.value, metric)} ({numbers.interval(estimate, metric)})",
        "Saved activations, mean": in_bytes(memory.mean),
        "peak": in_bytes(memory.peak),
        "end": in_bytes(memory.end),
        "FLOPs": f"{numbers.count(int(cost.flops))}",
        "Time": f"{cost.total_seconds:,.1f} s",
        "without scoring": f"{cost.total_seconds - cost.seconds['scoring']:,.1f} s",
        "Frozen prefix, mean": numbers.share(mean_prefix(history)) if units else "",
        "Frozen from the bottom": f"{from_the_bottom(history)} of {checks} checks" if checks else "",
    }


def _settings(run: RecoveryRun) -> str:
    """The settings that are not the method's defaults, in words."""
    from headviz.recovery import methods
    from headviz.recovery.settings import COUNTS_FROM

    defaults = methods[run.method].settings({})
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in run.settings.items()
        if name != COUNTS_FROM and value != defaults[name]
    )


def from_the_bottom(history: History) -> int:
    """At how many checks no live block was below a frozen one."""
    from headviz.recovery.freezing import is_prefix

    return sum(is_prefix(np.array(check.frozen)) for check in history.checks)


def mean_prefix(history: History) -> float:
    """The share of blocks that were frozen with no live one below, mean over the steps that were made."""
    from headviz.recovery.freezing import prefix_length

    ends = [*(check.step for check in history.checks[1:]), history.step]
    spans = zip(history.checks, ends, strict=False)
    frozen = sum(prefix_length(np.array(check.frozen)) * (end - check.step) for check, end in spans)
    return frozen / (len(history.layers) * history.step) if history.step and history.layers else 0.0

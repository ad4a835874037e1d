"""The history of a recovery: what was measured at which step, kept in one file that can be read while it trains."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz.errors import RunError
from headviz.files import write_text
from headviz.recovery.freezing import states

if TYPE_CHECKING:
    import pandas as pd

HISTORY_FILE = "history.json"


@dataclass(frozen=True)
class Check:
    """One look at importance. ``importance`` (U,) in [0, 1], NaN where it was not looked at; ``frozen`` (U,) after
    the check; ``threshold`` at the step, NaN for a method without."""

    step: int
    threshold: float
    importance: tuple[float, ...]
    frozen: tuple[bool, ...]

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Check:
        return cls(record["step"], record["threshold"], tuple(record["importance"]), tuple(record["frozen"]))


@dataclass
class History:
    """What happened so far: T steps in all, U units (blocks with adapters, from the bottom).

    ``layers`` (U,) the layer of each unit; ``metric`` the task's first; ``losses`` of training, ``{"step", "loss"}``;
    ``evaluations`` on the validation split, ``{"step", "loss", metric, metric_low, metric_high, ...}``, step 0 before
    training; ``checks``; ``best`` the step whose weights are kept; ``notes`` sentences; ``step`` so far.
    """

    total: int
    metric: str
    layers: tuple[int, ...] = ()
    step: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)
    evaluations: list[dict[str, float]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    best: int | None = None
    notes: list[str] = field(default_factory=list)

    @classmethod
    def from_log(cls, log: list[dict[str, Any]], **rest: Any) -> History:
        """A history from the log that transformers' Trainer keeps."""
        losses = [{"step": entry["step"], "loss": entry["loss"]} for entry in log if "loss" in entry]
        evaluations = []
        for entry in log:
            if "eval_loss" in entry:
                figures = {name.removeprefix("eval_"): value for name, value in entry.items() if name != "epoch"}
                timing = ("runtime", "samples_per_second", "steps_per_second", "model_preparation_time")
                evaluations.append({name: value for name, value in figures.items() if name not in timing})
        return cls(losses=losses, evaluations=evaluations, **rest)

    def save(self, folder: str | os.PathLike[str]) -> None:
        write_text(Path(folder) / HISTORY_FILE, json.dumps(asdict(self), default=float))

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> History:
        """The history of the run in ``folder``, also while it trains. Raises RunError where there is none."""
        path = Path(folder) / HISTORY_FILE
        try:
            raw = json.loads(path.read_text("utf-8"))
            checks = [Check.of_record(one) for one in raw.pop("checks")]
            return cls(**{**raw, "layers": tuple(raw["layers"]), "checks": checks})
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise RunError(f"{path} is not there or cannot be read. Start the run again with hv.recover.") from error

    def loss_frame(self) -> pd.DataFrame:
        """pandas: step, loss (nats, mean over the steps since the last row)."""
        import pandas as pd

        return pd.DataFrame(self.losses, columns=["step", "loss"])

    def quality_frame(self) -> pd.DataFrame:
        """pandas: step, value, low, high of the main metric on the validation split, loss, best (bool)."""
        import pandas as pd

        rows = [
            {
                "step": int(one["step"]),
                "value": one.get(self.metric, math.nan),
                "low": one.get(f"{self.metric}_low", math.nan),
                "high": one.get(f"{self.metric}_high", math.nan),
                "loss": one["loss"],
                "best": int(one["step"]) == self.best,
            }
            for one in self.evaluations
        ]
        return pd.DataFrame(rows, columns=["step", "value", "low", "high", "loss", "best"])

    def importance_frame(self) -> pd.DataFrame:
        """pandas, a row per check and unit: step, unit, layer, importance, relative (to the greatest of the units that
        were live before the check), threshold, state (live, free, carrying) after it, frozen_at (step, or NaN)."""
        import pandas as pd

        rows: list[Mapping[str, Any]] = []
        frozen_at = [math.nan] * len(self.layers)
        before = (False,) * len(self.layers)
        for check in self.checks:
            live = [value for value, gone in zip(check.importance, before, strict=True) if not gone]
            most = max((value for value in live if not math.isnan(value)), default=math.nan)
            for unit, state in enumerate(states(np.array(check.frozen))):
                if check.frozen[unit] and math.isnan(frozen_at[unit]):
                    frozen_at[unit] = check.step
                importance = check.importance[unit]
                rows.append(
                    {
                        "step": check.step,
                        "unit": unit,
                        "layer": self.layers[unit],
                        "importance": importance,
                        "relative": importance / most if most > 0 else math.nan,
                        "threshold": check.threshold,
                        "state": state,
                        "frozen_at": frozen_at[unit],
                    }
                )
            before = check.frozen
        columns = ["step", "unit", "layer", "importance", "relative", "threshold", "state", "frozen_at"]
        return pd.DataFrame(rows, columns=columns)

"""When SAFE freezes, and below which importance: a threshold that stays 0 through the warm-up and then rises along the
usual cubic ramp (Zhu and Gupta 2017), steep at first and flat at its end.

With t_w the end of the warm-up, t_f the end of the ramp and ``level`` the last threshold, in optimiser steps:

    threshold(t) = 0                                                t < t_w
    threshold(t) = level (1 - (1 - (t - t_w) / (t_f - t_w))^3)      t_w <= t < t_f
    threshold(t) = level                                            t >= t_f
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz.errors import RunError

if TYPE_CHECKING:
    import pandas as pd

SCALES = ("relative", "absolute")
"""What a threshold is held against: importance over the greatest importance of the live units, or importance itself."""

_POINTS = 400  # of a drawn schedule; a run can have far more steps


@dataclass(frozen=True)
class Schedule:
    """The settings of selective freezing, shares of a run's steps where not said otherwise.

    ``warmup``: the end of the warm-up; ``end``: that of the ramp; ``level``: the last threshold, 0 to 1, below 1 where
    it is relative; ``checks``: how often importance is measured, at least 2 times; ``scale``: "relative" or "absolute";
    ``at_least``: so many units stay live whatever their importance. Raises RunError for values outside.
    """

    warmup: float = 0.15
    end: float = 0.5
    level: float = 0.8
    checks: int = 8
    scale: str = "relative"
    at_least: int = 1

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise RunError(f"scale must be one of {', '.join(SCALES)}. Got {self.scale!r}.")
        for name in ("warmup", "end", "level"):
            value = getattr(self, name)
            if not _is_number(value) or not 0 <= value <= 1:
                raise RunError(f"{name} must be a number from 0 to 1. Got {value!r}.")
        if self.warmup > self.end:
            raise RunError(
                f"The warm-up ends at {self.warmup:g} of the run, after the ramp, which ends at {self.end:g}. "
                "Make warmup smaller or end larger."
            )
        if self.scale == "relative" and self.level == 1:
            raise RunError("A relative level must be below 1, or it would freeze every unit but the foremost. Got 1.")
        for name, least in (("checks", 2), ("at_least", 1)):
            _require_whole(name, getattr(self, name), least)

    def ramp(self, total: int) -> tuple[int, int]:
        """The steps t_w and t_f of a run of ``total`` steps. Raises RunError unless that is a whole number from 1."""
        _require_whole("The number of steps", total, 1)
        return round(self.warmup * total), round(self.end * total)

    def threshold(self, step: int, total: int) -> float:
        """The threshold after ``step`` of ``total`` optimiser steps. Where t_w = t_f, it is a single cut."""
        start, stop = self.ramp(total)
        if step < start:
            return 0.0
        if step >= stop:
            return float(self.level)
        return float(self.level * (1 - (1 - (step - start) / (stop - start)) ** 3))

    def check_steps(self, total: int) -> tuple[int, ...]:
        """The steps after which importance is measured: the first at t_w, the last at t_f, equally spaced but for
        rounding up to whole steps.

        Steps count from 1, since nothing has moved before the first one. A ramp shorter than its checks has fewer.
        """
        start, stop = self.ramp(total)
        gaps = self.checks - 1
        places = (math.ceil((start * (gaps - k) + stop * k) / gaps) for k in range(self.checks))
        return tuple(sorted({max(1, place) for place in places}))

    def frame(self, total: int) -> pd.DataFrame:
        """pandas, for drawing: ``step`` (rising from 0 to ``total``), ``threshold`` (float64, 0 to 1), ``check`` (bool,
        whether importance is measured after it). Long runs have a row for every check and some 400 steps more."""
        import pandas as pd

        checks = self.check_steps(total)
        corners = [min(max(0, step), total) for edge in self.ramp(total) for step in (edge - 1, edge)]
        even = np.linspace(0, total, min(total, _POINTS) + 1).round().astype(int).tolist()
        steps = sorted({*even, *corners, *checks})
        return pd.DataFrame(
            {
                "step": steps,
                "threshold": [self.threshold(step, total) for step in steps],
                "check": [step in checks for step in steps],
            }
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _require_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise RunError(f"{name} must be a whole number of at least {least}. Got {value!r}.")

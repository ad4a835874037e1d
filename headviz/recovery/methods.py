"""The ways to recover a model, one entry each: what they train, and what they freeze at which step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headviz.errors import RunError
from headviz.recovery.freezing import below, first_of, lowest, prefix_below, random_order, require_live
from headviz.recovery.history import History
from headviz.recovery.run import Run
from headviz.recovery.schedule import Schedule
from headviz.recovery.settings import ADAPTERS, COUNTS_FROM, SAFE, TRAINING, check_settings
from headviz.registry import Registry

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Freezing:
    """What a method freezes. ``steps``: after which optimizer steps it looks, 0 is before the first; ``scores``:
    whether it needs the units' importance; ``freeze(step, importance (U,), frozen (U,))`` gives the new frozen set;
    ``threshold(step)`` the threshold, NaN without one."""

    steps: tuple[int, ...]
    scores: bool
    freeze: Callable[[int, np.ndarray, np.ndarray], np.ndarray]
    threshold: Callable[[int], float] = lambda step: math.nan


@dataclass(frozen=True)
class Method:
    """``adapters``: whether adapters are trained and not all weights; ``takes``: the settings it has; ``defaults``:
    where they differ from the settings' own; ``freezing(settings, units, total, seed)``, None for nothing frozen, which
    raises RunError where these settings do not fit so many blocks or steps."""

    name: str
    title: str
    sentence: str
    takes: tuple[str, ...]
    adapters: bool = True
    defaults: Settings = field(default_factory=dict)
    freezing: Callable[[Settings, int, int, int], Freezing] | None = None

    def settings(self, given: Settings) -> dict[str, Any]:
        """All settings with their values. Raises RunError for one that is unknown or out of its range."""
        return check_settings(self.name, self.takes, self.defaults, given)


methods: Registry[Method] = Registry("method", RunError)


def schedule_of(settings: Settings) -> Schedule:
    """The schedule of a method that has a threshold."""
    return Schedule(**{name: settings[name] for name in ("warmup", "end", "level", "checks", "scale", "at_least")})


def _by_importance(rule: Callable[..., np.ndarray]) -> Callable[[Settings, int, int, int], Freezing]:
    def freezing(settings: Settings, units: int, total: int, seed: int) -> Freezing:
        schedule = schedule_of(settings)
        require_live(schedule.at_least, units)

        def freeze(step: int, importance: np.ndarray, frozen: np.ndarray) -> np.ndarray:
            return rule(importance, frozen, schedule.threshold(step, total), schedule.scale, schedule.at_least)

        return Freezing(schedule.check_steps(total), True, freeze, lambda step: schedule.threshold(step, total))

    return freezing


def _lowest(settings: Settings, units: int, total: int, seed: int) -> Freezing:
    if settings["lowest"] is not None:
        lowest(settings["lowest"], np.zeros(units, dtype=bool))  # at least one stays live
        return Freezing((0,), False, lambda step, importance, frozen: lowest(settings["lowest"], frozen))
    counts = counts_of(settings, units, total)
    return Freezing(tuple(counts), False, lambda step, importance, frozen: lowest(counts[step], frozen))


def _random(settings: Settings, units: int, total: int, seed: int) -> Freezing:
    counts, order = counts_of(settings, units, total), random_order(units, seed)
    return Freezing(tuple(counts), False, lambda step, importance, frozen: first_of(order, counts[step], frozen))


def counts_of(settings: Settings, units: int, total: int) -> dict[int, int]:
    """How many blocks the run that a control copies had frozen after which step.

    Raises RunError where no run is named, or one that is not finished, freezes nothing, or is of another length.
    """
    if settings.get(COUNTS_FROM) is None:
        raise RunError(
            "This control copies how many blocks a run with method='safe' froze at which step. Name that run's folder "
            "with counts_from."
        )
    run = Run.open(settings[COUNTS_FROM])
    name = repr(str(run.folder))
    if not run.is_done or not (history := History.open(run.folder)).checks:
        raise RunError(f"{name} holds no finished run that froze blocks. Name one of method='safe'.")
    if history.total != total or len(history.layers) != units:
        raise RunError(
            f"{name} has {len(history.layers)} blocks and {history.total:,} steps, this run has {units} and {total:,}. "
            "Use the same model, data, epochs and batch size."
        )
    counts = {check.step: sum(check.frozen) for check in history.checks}
    lowest(max(counts.values()), np.zeros(units, dtype=bool))  # at least one stays live
    return counts


for _method in (
    Method(
        name="full",
        title="Full fine-tune",
        sentence="All weights that are left are trained: the single fine-tune of CAHP.",
        takes=TRAINING,
        adapters=False,
        # CAHP's settings, as its authors' code has them
        defaults={"lr": 2e-5, "epochs": 3, "batch_size": 32, "lr_warmup": 0.1, "evaluations": 1, "patience": None},
    ),
    Method(
        name="lora",
        title="LoRA",
        sentence="Small adapters beside the attention's projections are trained, and the head on top.",
        takes=(*TRAINING, *ADAPTERS),
    ),
    Method(
        name="safe",
        title="SAFE",
        sentence="LoRA whose adapters are frozen block by block as they stop changing what the model represents.",
        takes=(*TRAINING, *ADAPTERS, *SAFE),
        freezing=_by_importance(below),
    ),
    Method(
        name="safe-prefix",
        title="SAFE, from the bottom",
        sentence="SAFE that only freezes blocks below which nothing is trained: the ones that save memory.",
        takes=(*TRAINING, *ADAPTERS, *SAFE),
        freezing=_by_importance(prefix_below),
    ),
    Method(
        name="prefix",
        title="Control: lowest blocks",
        sentence="As many blocks as a SAFE run froze, at the same steps, but the lowest: does importance matter?",
        takes=(*TRAINING, *ADAPTERS, COUNTS_FROM, "lowest"),
        freezing=_lowest,
    ),
    Method(
        name="random",
        title="Control: random blocks",
        sentence="As many blocks as a SAFE run froze, at the same steps, but random ones: does position matter?",
        takes=(*TRAINING, *ADAPTERS, COUNTS_FROM),
        freezing=_random,
    ),
):
    methods.register(_method.name, _method)

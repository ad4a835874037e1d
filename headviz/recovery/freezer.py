"""Freezing in the middle of a run: looks at importance after the steps of a method, and freezes what it says.

It acts at the end of a step, when gradients have just been cleared, so that nothing frozen moves once more. Frozen
parameters keep their place in the optimizer, which skips what has no gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn
from transformers import TrainerCallback

from headviz.recovery.adapters import Unit, parameters_of
from headviz.recovery.cka import change
from headviz.recovery.history import Check
from headviz.recovery.meters import Clock
from headviz.recovery.methods import Freezing
from headviz.recovery.probe import Probe


class Freezer(TrainerCallback):
    """``checks`` so far, and the ``frozen`` set (U,); ``probe`` None for a method that needs no importance."""

    def __init__(
        self,
        model: nn.Module,
        units: Sequence[Unit],
        freezing: Freezing,
        probe: Probe | None,
        clock: Clock,
        *,
        previous: bool = False,
        checks: Sequence[Check] = (),
    ) -> None:
        self.model, self.units, self.freezing, self.probe, self.clock = model, units, freezing, probe, clock
        self.previous = previous  # compare with the last check, not with the start
        self.checks = list(checks)
        self.frozen = np.zeros(len(units), dtype=bool) if not checks else np.array(checks[-1].frozen)
        # Taken now, while the adapters still add nothing: to switch them off later would unfreeze them all.
        self.reference: list[np.ndarray] = []
        if probe is not None:
            with clock("scoring"):
                self.reference = probe.outputs(model)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._freeze()
        if state.global_step == 0 and 0 in self.freezing.steps:
            self._check(0)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step in self.freezing.steps:
            self._check(state.global_step)

    def _check(self, step: int) -> None:
        importance = np.full(len(self.units), math.nan)
        if self.probe is not None:
            with self.clock("scoring"):
                now = self.probe.outputs(self.model)
                importance = np.array([change(*pair) for pair in zip(self.reference, now, strict=True)])
                if self.previous:
                    self.reference = now
        self.frozen = self.freezing.freeze(step, importance, self.frozen)
        self._freeze()
        self.checks.append(
            Check(step, self.freezing.threshold(step), tuple(importance.tolist()), tuple(self.frozen.tolist()))
        )

    def _freeze(self) -> None:
        for unit, gone in zip(self.units, self.frozen, strict=True):
            if gone:
                for weight in parameters_of(self.model, unit):
                    weight.requires_grad_(False)

"""Measuring while a run trains: callbacks that count steps, time them, and measure one at each change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from torch import Tensor, nn
from transformers import TrainerCallback

from headviz.recovery.cost import Cost
from headviz.recovery.meters import Clock, Segment, flops, saved_activations


class Meters(TrainerCallback):
    """Counts steps into segments, measures a step at each change of what is trained, and times training.

    It comes after whatever freezes. Measuring draws no random number of the run, and its time is nobody's.
    """

    def __init__(
        self, model: nn.Module, batch: Mapping[str, Tensor], clock: Clock, state: Mapping[str, Any] | None = None
    ) -> None:
        self.model, self.batch, self.clock = model, batch, clock
        state = state or {"segments": [], "step_seconds": [], "optimizer_bytes": 0}
        self.segments = [Segment(**one) for one in state["segments"]]
        self.step_seconds: list[float] = list(state["step_seconds"])
        self.optimizer_bytes: int = state.get("optimizer_bytes", 0)
        self._training = contextlib.ExitStack()
        self._before = 0.0

    def state(self) -> dict[str, Any]:
        """What goes on in a run that goes on."""
        segments = [asdict(segment) for segment in self.segments]
        return {
            "segments": segments,
            "step_seconds": self.step_seconds,
            "seconds": self.clock.seconds,
            "optimizer_bytes": self.optimizer_bytes,
        }

    def cost(self) -> Cost:
        return Cost(
            seconds=dict(self.clock.seconds),
            step_seconds=median(self.step_seconds) if self.step_seconds else float("nan"),
            segments=tuple(self.segments),
            tokens=self.batch["input_ids"].numel(),
            optimizer_bytes=self.optimizer_bytes,
        )

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not self.segments or self.segments[-1].trainable != _trained(self.model):
            self._open_segment()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._before = self.clock.seconds["training"]
        self._training.enter_context(self.clock("training"))

    def stop_clock(self) -> None:
        """A step is over, or failed."""
        self._training.close()

    def on_step_end(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        if optimizer is not None and not self.optimizer_bytes:  # or a run stopped in its only look would have none
            self.optimizer_bytes = _bytes_of(optimizer)
        self.step_seconds.append(round(self.clock.seconds["training"] - self._before, 5))
        last = self.segments[-1]
        self.segments[-1] = Segment(last.steps + 1, last.activation_bytes, last.flops, last.trainable)
        if _trained(self.model) != last.trainable:
            self._open_segment()

    def on_evaluate(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        if optimizer is not None:
            self.optimizer_bytes = _bytes_of(optimizer)

    on_train_end = on_evaluate

    def _open_segment(self) -> None:
        training = self.model.training
        self.model.train()
        try:
            ignore = [*self.model.parameters(), *self.model.buffers(), *self.batch.values()]
            self.segments.append(
                Segment(0, saved_activations(self._loss, ignore), flops(self._loss), _trained(self.model))
            )
        finally:
            self.model.train(training)

    def _loss(self) -> Tensor:
        return self.model(**self.batch).loss


class StopClock(TrainerCallback):
    """Ends the time of a training step before anything else happens at its end; so it stands first."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self.stop = stop

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.stop()


def _trained(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def _bytes_of(optimizer: Any) -> int:
    inner = getattr(optimizer, "optimizer", optimizer)
    states: Sequence[Mapping[str, Any]] = list(inner.state.values())
    return sum(value.nbytes for state in states for value in state.values() if isinstance(value, Tensor))

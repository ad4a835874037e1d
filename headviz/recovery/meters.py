"""What a step of training costs: bytes of saved activations, FLOPs of both passes, seconds by kind of work.

Measuring runs the forward pass again and leaves nothing behind: no gradient, and the random numbers as they were, so
that a run with meters is the run without them. Segments put the measurements of a run together: stretches of steps with
one set of frozen units.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headviz.errors import RunError

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("training", "scoring", "evaluation", "saving")
"""What a run spends time on; scoring is the measuring of importance."""


def saved_activations(forward: Callable[[], Tensor], ignore: Iterable[Tensor] = ()) -> int:
    """Bytes that autograd keeps for the backward pass of what ``forward()`` gives, each storage counted once.

    ``ignore``: tensors that are there anyway, the parameters, buffers and inputs; whatever lies in their storages does
    not count. Counting tensors instead of storages would overstate by about a tenth.
    """
    import torch

    there = list(ignore)  # alive while it counts, as are all kept ones: a freed address would be taken again
    skipped = {tensor.untyped_storage().data_ptr() for tensor in there}
    kept: dict[int, Any] = {}

    def keep(tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in skipped:
            kept[storage.data_ptr()] = storage

    with torch.random.fork_rng(), torch.autograd.graph.saved_tensors_hooks(keep, _never):
        forward()
    return sum(storage.nbytes() for storage in kept.values())


def flops(forward: Callable[[], Tensor]) -> int:
    """FLOPs of ``forward()`` and of the backward pass of its sum, a multiply-add counted twice.

    Only products of matrices count, those inside fused attention included. Gradients of parameters are left as they
    were. Where nothing requires a gradient, there is no backward pass to count.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

    # The fused kernels of the CPU, which torch 2.13 does not count by itself as it counts those of a GPU: without them
    # the products of attention vanish from the count wherever its dropout is 0.
    fused = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: (
            lambda query, key, value, *_, **__: sdpa_flop_count(query, key, value)
        ),
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: (
            lambda gradient, query, key, value, *_, **__: sdpa_backward_flop_count(gradient, query, key, value)
        ),
    }
    with torch.random.fork_rng(), FlopCounterMode(display=False, custom_mapping=fused) as counter:
        loss = forward()
        if loss.requires_grad:
            torch.autograd.grad(loss.sum(), _leaves(loss))
    return int(counter.get_total_flops())


class Clock:
    """Seconds by kind of work: ``with clock("scoring"): ...``.

    Work within other work counts once, for the inner kind: a look at importance that a training step makes is scoring
    alone. ``seconds`` holds the sums, of every one of `KINDS`; a run that goes on starts from those of the part before.
    """

    def __init__(
        self, seconds: Mapping[str, float] | None = None, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self.seconds = dict.fromkeys(KINDS, 0.0) | dict(seconds or {})
        self._now, self._since, self._open = now, now(), list[str]()

    @contextmanager
    def __call__(self, kind: str) -> Iterator[None]:
        if kind not in KINDS:
            raise RunError(f"There is no kind of work {kind!r}; choose from {', '.join(KINDS)}.")
        self._settle()
        self._open.append(kind)
        try:
            yield
        finally:
            self._settle()
            self._open.pop()

    @property
    def total(self) -> float:
        """Seconds of all kinds."""
        return sum(self.seconds.values())

    @property
    def without_scoring(self) -> float:
        """Seconds of all kinds but the measuring of importance."""
        return self.total - self.seconds["scoring"]

    def _settle(self) -> None:
        """Book the time since the last change on the kind that was running."""
        now = self._now()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


@dataclass(frozen=True)
class Segment:
    """``steps`` optimiser steps with one set of frozen units: bytes of saved activations and FLOPs of a step, and the
    number of trainable parameters."""

    steps: int
    activation_bytes: float
    flops: float
    trainable: int


@dataclass(frozen=True)
class Summary:
    """A quantity over a run: its mean over steps, its peak, and where it stood at the end."""

    mean: float
    peak: float
    end: float


def summary(segments: Sequence[Segment], quantity: str) -> Summary:
    """Mean, peak and end of ``quantity`` ("activation_bytes", "flops" or "trainable") over ``segments`` in the order of
    the run; those without a step count for nothing. NaN where no step was made."""
    made = [(segment.steps, float(getattr(segment, quantity))) for segment in segments if segment.steps > 0]
    if not made:
        return Summary(math.nan, math.nan, math.nan)
    mean = sum(steps * value for steps, value in made) / sum(steps for steps, _ in made)
    return Summary(mean, max(value for _, value in made), made[-1][1])


def _never(_: Any) -> Tensor:
    raise AssertionError("a graph that was only measured has no backward pass")


def _leaves(loss: Tensor) -> list[Tensor]:
    """The tensors that gradients of ``loss`` reach, each once."""
    found, seen, waiting = [], {loss.grad_fn}, [loss.grad_fn]
    while waiting:
        node: Any = waiting.pop()
        if hasattr(node, "variable"):
            found.append(node.variable)
        new = {following for following, _ in node.next_functions if following is not None} - seen
        seen |= new
        waiting += new
    return found

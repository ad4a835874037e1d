"""What a schedule of SAFE can save, said before anything is trained.

Only a frozen prefix saves: with the share p of layers below the lowest live block, p of the saved activations go, and
of the FLOPs p times what the backward pass through the layers is of a step. Layers are taken to be alike. Importance
tends to rise with depth; the forecast takes it to rise evenly from block to block (1/U, 2/U, ... 1), so that what
freezes is a prefix. The bound beside it takes nothing of it: from the first check that can freeze, all blocks are
frozen but those that must stay live.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headviz.errors import RunError
from headviz.recovery.freezing import below, prefix_length, require_live
from headviz.recovery.schedule import Schedule

BACKWARD_SHARE = 0.52
"""Of the FLOPs of a step, the backward pass through all blocks: 8.7 % for each of the six blocks of a BERT 384 wide,
LoRA of rank 8 on attention, texts of 64 tokens. It is near one half for any LoRA, whose frozen weights get no gradient
of their own."""


@dataclass(frozen=True)
class Forecast:
    """Predicted for a run of ``total`` steps over ``units`` blocks.

    ``freezes``: the steps at which blocks freeze, each with how many are frozen from there; ``frozen``: how many at the
    end; ``prefix``: the share of blocks in the frozen prefix, mean over all steps; ``memory``, ``flops``: the shares of
    saved activations and of arithmetic that this saves, mean over all steps; ``most_memory``, ``most_flops``: what no
    run with this schedule saves more than, were all layers alike. Shares are 0 to 1.
    """

    units: int
    total: int
    freezes: tuple[tuple[int, int], ...]
    frozen: int
    prefix: float
    memory: float
    flops: float
    most_memory: float
    most_flops: float

    def sentence(self) -> str:
        """The forecast in one or two sentences for a page."""
        if not self.most_memory:
            return "This schedule freezes nothing, so it saves nothing."
        bound = (
            f"No run with it saves more than about {_percent(self.most_memory)} and {_percent(self.most_flops)}, "
            "and the peak of memory never falls, since nothing is frozen at first."
        )
        if not self.frozen:
            return (
                f"Predicted: this schedule freezes nothing where importance rises evenly from block to block. {bound}"
            )
        return (
            f"Predicted, where importance rises evenly from block to block: this schedule freezes {self.frozen} of "
            f"{self.units} blocks and saves {_percent(self.memory)} of the saved activations on average and about "
            f"{_percent(self.flops)} of the arithmetic. {bound}"
        )


def best_saving(
    schedule: Schedule,
    units: int,
    total: int,
    *,
    layers: Sequence[int] | None = None,
    depth: int | None = None,
    backward_share: float = BACKWARD_SHARE,
) -> Forecast:
    """What ``schedule`` saves over ``total`` steps of a model with ``units`` blocks.

    ``layers``: the layer of each block, from the bottom, of ``depth`` layers, where some have nothing to adapt (None:
    all have); ``backward_share``: of a step's FLOPs, those of the backward pass through the layers. Raises RunError
    where there is no block, fewer than must stay live, no step, or layers that do not belong to the blocks.
    """
    if isinstance(units, bool) or not isinstance(units, int | np.integer) or units < 1:
        raise RunError(f"units must be the number of blocks that can be frozen, at least 1. Got {units!r}.")
    require_live(schedule.at_least, units)
    below_block = _below_block(units, layers, depth)
    even = np.arange(1, units + 1) / units
    frozen = np.zeros(units, dtype=bool)
    freezes: list[tuple[int, int]] = []
    first = total
    for step in schedule.check_steps(total):
        threshold = schedule.threshold(step, total)
        if threshold > 0:
            first = min(first, step)
        after = below(even, frozen, threshold, schedule.scale, schedule.at_least)
        if (after != frozen).any():
            freezes.append((step, prefix_length(after)))
        frozen = after
    most = _mean(below_block, [(first, units - schedule.at_least)], total)
    memory = _mean(below_block, freezes, total)
    return Forecast(
        units=units,
        total=total,
        freezes=tuple(freezes),
        frozen=prefix_length(frozen),
        prefix=_mean(np.arange(units) / units, freezes, total),
        memory=memory,
        flops=memory * backward_share,
        most_memory=most,
        most_flops=most * backward_share,
    )


def _below_block(units: int, layers: Sequence[int] | None, depth: int | None) -> np.ndarray:
    """(U,) the share of the layers, of those from the lowest block on, that lie below each block."""
    places = np.arange(units) if layers is None else np.asarray(layers)
    depth = units if depth is None else depth
    if len(places) != units:
        raise RunError(f"{len(places)} layers do not belong to {units} blocks; give one for each.")
    if places[0] < 0 or places[-1] >= depth or (np.diff(places) <= 0).any():
        raise RunError(f"The layers of blocks must rise from 0 to {depth - 1}. Got {tuple(places.tolist())}.")
    return (places - places[0]) / (depth - places[0])


def _mean(share: np.ndarray, freezes: list[tuple[int, int]], total: int) -> float:
    """Mean over the steps of a run of the ``share`` (U,) by the number of frozen blocks; a freeze after a step counts
    from the next one on."""
    before = [0, *(count for _, count in freezes)]
    new = zip(freezes, before, strict=False)
    return sum(float(share[count] - share[earlier]) * (total - step) for (step, count), earlier in new) / total


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"

"""Improve a mask by greedy swaps: a kept head is cut and a cut head restored, and what is measured better stays.

The number of heads never changes. Swaps are tried in the order of their predicted change of the loss
(`headviz.prediction`), which is asked anew for each mask; the prediction only orders, the measurement decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from headviz import stats
from headviz.errors import ScoreError
from headviz.evaluation import gates_of
from headviz.mask import head_name, places
from headviz.prediction import swap_changes
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.provenance import data_block
from headviz.replay import Replay

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.mask import Mask
    from headviz.scores import Scores
    from headviz.subject import Subject

MEASURES = ("loss", "accuracy")
WAYS = ("predicted", "random")


class Swap(NamedTuple):
    """One swap that was kept, and the measured value after it."""

    cut: str
    restored: str
    value: float


@dataclass(frozen=True, eq=False)
class Improvement:
    """What `improve` found: the best mask, whose record tells of the search; the measure before and after; the swaps
    that led there; how many masks were measured; and a sentence that says why it ended."""

    mask: Mask
    measure: str
    before: float
    after: float
    swaps: tuple[Swap, ...]
    evaluations: int
    ended: str


def improve(
    subject: Subject,
    data: Data,
    mask: Mask,
    scores: Scores,
    *,
    measure: str = "loss",
    budget: int = 200,
    locked: Collection[str] = (),
    least_per_layer: int = 0,
    by: str = "predicted",
    seed: int = 0,
    replay: Replay | None = None,
    on_better: Callable[[Mask, float], None] | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> Improvement:
    """Swap heads of ``mask`` as long as that makes it better on ``data``, with at most ``budget`` evaluations.

    ``measure``: the mean "loss" in nats (lower is better) or the "accuracy". A swap stays as soon as its value is
    strictly better, so the result is never worse on this measure than ``mask``; on other data it may be. No mask is
    measured twice. ``locked``: names of heads that stay as they are. ``least_per_layer``: no swap takes a layer below
    so many kept heads (all it has, where it has fewer), or further below. ``by``: swaps in the order "predicted" to
    second order from ``scores``, or in "random" order with ``seed``, the control. ``replay``: one of the same subject
    and data that exists already. ``on_better(mask, value)`` hears of each swap that stays, so that a caller who cancels
    has the best mask so far.

    Raises ScoreError or MaskError for arguments that do not fit, DataError when data and model do not fit, Cancelled.
    """
    _require(measure, MEASURES, "measure")
    _require(by, WAYS, "by")
    budget, least = _whole(budget, "budget", 1), _whole(least_per_layer, "least_per_layer", 0)
    gates_of(subject, mask)  # says where mask and model do not fit
    fixed = np.zeros(mask.keep.shape, dtype=bool)
    for place in places(locked, mask.heads):
        fixed[place] = True
    random = stats.generator(seed) if by == "random" else None
    asked = {
        "by": "search", "measure": measure, "budget": budget, "data": data_block(data), "order": by,
        **({"seed": seed} if by == "random" else {}),
        **({"locked": [head_name(*place) for place in places(locked, mask.heads)]} if locked else {}),
        **({"least_per_layer": least} if least else {}),
    }  # fmt: skip
    with Progress(budget, "improving the mask", on_progress, cancel) as progress:
        search = _Search(replay or Replay(subject, data), measure, budget, progress, cancel)
        before = value = search.value(mask)
        start, swaps = mask, list[Swap]()

        def found() -> Mask:
            """The best mask so far, with the record of the search."""
            if not swaps:
                return start
            came_of_it = {
                "evaluations": len(search.measured), "before": before, "after": value,
                "swaps": [{"cut": swap.cut, "restored": swap.restored, measure: swap.value} for swap in swaps],
            }  # fmt: skip
            return start.with_step(asked | came_of_it, *start.differing(mask))

        while swap := search.first_better(mask, value, _swaps(scores, mask, fixed, least, random)):
            mask, value = mask.with_toggled(swap.cut, swap.restored), swap.value
            swaps.append(swap)
            if on_better is not None:
                on_better(found(), value)
        progress.finish()
    return Improvement(found(), measure, before, value, tuple(swaps), len(search.measured), search.ended)


@dataclass
class _Search:
    """The measuring: every mask once, within the budget."""

    replay: Replay
    measure: str
    budget: int
    progress: Progress
    cancel: CancelSignal | None
    measured: set[Mask] = field(default_factory=set)
    ended: str = "No two heads may be swapped."

    def value(self, mask: Mask) -> float:
        evaluation = self.replay.evaluate(mask, cancel=self.cancel)
        self.measured.add(mask)
        self.progress.step()
        if self.measure == "loss":
            return float(evaluation.loss.mean())
        return float((evaluation.predictions == evaluation.labels).mean())

    def first_better(self, mask: Mask, value: float, swaps: Iterable[tuple[str, str]]) -> Swap | None:
        """The first of ``swaps`` that is measured better than ``value``; None, and why in ``ended``, where none is.
        What was measured before was no better than a mask that this one improved on, so it is left out."""
        for cut, restored in swaps:
            self.ended = "No untested swap is left."
            candidate = mask.with_toggled(cut, restored)
            if candidate in self.measured:
                continue
            if len(self.measured) == self.budget:
                self.ended = f"The budget of {self.budget} evaluations is spent."
                return None
            found = self.value(candidate)
            if found < value if self.measure == "loss" else found > value:
                return Swap(cut, restored, found)
        return None


def _swaps(
    scores: Scores, mask: Mask, fixed: np.ndarray, least: int, random: np.random.Generator | None
) -> Iterator[tuple[str, str]]:
    """(head to cut, head to restore) of each swap that is allowed, in the order of trying; equal predictions go by
    reading order."""
    changes = swap_changes(scores, mask, order=2)
    if random is not None:
        changes = random.random(changes.shape)
    if not changes.size:
        return
    names_kept, names_cut = mask.kept, mask.pruned
    kept, cut = np.array(places(names_kept, mask.heads)), np.array(places(names_cut, mask.heads))
    spare = mask.keep.sum(axis=1) - np.minimum(least, np.array(mask.heads))
    allowed = (spare[kept[:, 0]] > 0)[:, None] | (kept[:, :1] == cut[:, 0])  # within a layer the number stays
    allowed &= ~fixed[tuple(kept.T)][:, None] & ~fixed[tuple(cut.T)]
    for flat in np.argsort(changes, axis=None, kind="stable"):
        row, column = divmod(int(flat), changes.shape[1])
        if allowed[row, column]:
            yield names_kept[row], names_cut[column]


def _require(value: Any, known: tuple[str, ...], name: str) -> None:
    if value not in known:
        raise ScoreError(f"{name}={value!r} is not one of {', '.join(known)}.")


def _whole(value: Any, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ScoreError(f"{name} must be a whole number, at least {least}. Got {value!r}.")
    return int(value)

"""Which units freeze at a check. A unit is a transformer block with its adapters, numbered from the bottom.

Sets of frozen units are arrays (U,) bool. What is frozen stays frozen: every function here gives a superset of the set
that it is given, as a new array. Only a frozen prefix, the units below the lowest live one, saves activations and a
backward pass; a frozen unit above a live one still carries the gradient.
"""

from __future__ import annotations

import numpy as np

from headviz import stats
from headviz.errors import RunError
from headviz.recovery.schedule import SCALES

STATES = ("live", "free", "carrying")
"""A unit that trains; a frozen one without a graph, below every live one; a frozen one that carries a gradient down."""


def below(
    importance: np.ndarray, frozen: np.ndarray, threshold: float, scale: str = "relative", at_least: int = 1
) -> np.ndarray:
    """SAFE: every live unit freezes whose ``importance`` (U,) is below ``threshold``, strictly.

    With the scale "relative" importances count as shares of the greatest among live units; nothing freezes where that
    is 0 or not finite. ``at_least`` units stay live: of those that would freeze the ones with the greatest importance,
    the deeper of equals. Raises RunError for arrays and settings that do not fit each other.
    """
    importance, frozen = _checked(importance, frozen, scale, at_least)
    falling = _falling(importance, frozen, threshold, scale)
    spared = at_least - np.count_nonzero(~frozen & ~falling)
    if spared > 0:
        candidates = np.flatnonzero(falling)
        rising = candidates[np.argsort(importance[candidates], kind="stable")]  # of equals the deeper comes later
        falling[rising[-spared:]] = False
    return frozen | falling


def prefix_below(
    importance: np.ndarray, frozen: np.ndarray, threshold: float, scale: str = "relative", at_least: int = 1
) -> np.ndarray:
    """SAFE where it saves something: the longest run of units from the bottom that are frozen or whose ``importance``
    (U,) is below ``threshold``, as in `below`, freezes; the topmost ``at_least`` live units are no part of it."""
    importance, frozen = _checked(importance, frozen, scale, at_least)
    run = prefix_length(frozen | _falling(importance, frozen, threshold, scale))
    live = np.flatnonzero(~frozen)
    most = live[-at_least] if at_least <= len(live) else 0
    return frozen | (np.arange(len(frozen)) < min(run, most))


def lowest(count: int, frozen: np.ndarray) -> np.ndarray:
    """The control "prefix": the ``count`` lowest units freeze. Raises RunError where no unit would stay live."""
    return first_of(np.arange(len(frozen)), count, frozen)


def first_of(order: np.ndarray, count: int, frozen: np.ndarray) -> np.ndarray:
    """The control "random": the first ``count`` units of ``order`` (U,), see `random_order`, freeze.

    Raises RunError where no unit would stay live.
    """
    frozen = np.asarray(frozen, dtype=bool)
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 0 <= count < len(frozen):
        raise RunError(
            f"{count!r} of {len(frozen)} blocks cannot be frozen: at least one must stay live. "
            f"Choose a whole number from 0 to {len(frozen) - 1}."
        )
    chosen = np.zeros_like(frozen)
    chosen[np.asarray(order)[:count]] = True
    return frozen | chosen


def random_order(units: int, seed: int) -> np.ndarray:
    """All ``units`` in an order drawn with ``seed``, (U,) int64; its beginnings are random sets, nested."""
    return stats.generator(seed).permutation(units)


def prefix_length(frozen: np.ndarray) -> int:
    """How many units from the bottom are frozen without a live one among them, 0 to U."""
    live = np.flatnonzero(~np.asarray(frozen, dtype=bool))
    return int(live[0]) if len(live) else len(frozen)


def is_prefix(frozen: np.ndarray) -> bool:
    """Whether no frozen unit lies above a live one (none frozen at all counts)."""
    return prefix_length(frozen) == np.count_nonzero(frozen)


def states(frozen: np.ndarray) -> tuple[str, ...]:
    """Of each unit one of `STATES`: "live", "free" (frozen below the lowest live unit) or "carrying"."""
    free = prefix_length(frozen)
    return tuple("live" if not own else "free" if unit < free else "carrying" for unit, own in enumerate(frozen))


def _falling(importance: np.ndarray, frozen: np.ndarray, threshold: float, scale: str) -> np.ndarray:
    """The live units below the threshold, (U,) bool."""
    live = ~frozen
    if scale == "relative" and live.any():
        greatest = importance[live].max()
        if not (np.isfinite(greatest) and greatest > 0):
            return np.zeros_like(frozen)
        importance = importance / greatest
    return live & (importance < threshold)  # NaN is below nothing


def _checked(importance: np.ndarray, frozen: np.ndarray, scale: str, at_least: int) -> tuple[np.ndarray, np.ndarray]:
    importance, frozen = np.asarray(importance, dtype=np.float64), np.asarray(frozen, dtype=bool)
    if importance.ndim != 1 or importance.shape != frozen.shape:
        raise RunError(f"{importance.size} importances do not belong to {frozen.size} blocks; give one for each.")
    if scale not in SCALES:
        raise RunError(f"scale must be one of {', '.join(SCALES)}. Got {scale!r}.")
    require_live(at_least, len(frozen))
    return importance, frozen


def require_live(at_least: int, units: int) -> None:
    """Raises RunError unless ``at_least`` is a whole number from 1 to ``units``."""
    if isinstance(at_least, bool) or not isinstance(at_least, int | np.integer) or not 1 <= at_least <= units:
        raise RunError(
            f"at_least must be a whole number from 1 to {units}, the blocks that can be frozen. Got {at_least!r}."
        )

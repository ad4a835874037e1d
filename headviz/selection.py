"""From scores to a mask: the lowest heads go, under the rules that the caller sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from headviz.errors import MaskError, ScoreError
from headviz.mask import Mask, head_name, head_present, places


def select(
    head_scores: Any,
    prune: int | float,
    *,
    least_per_layer: int = 0,
    always: str | Iterable[str] = (),
    never: str | Iterable[str] = (),
) -> Mask:
    """The mask that cuts the lowest-scored heads.

    ``head_scores``: HeadScores, or an array (L, H), larger = more worth keeping, NaN where a layer has no such head.
    ``prune``: an int is heads, a float in [0, 1] the share of all heads, rounded half up. Ties go by lower layer, then
    lower head. ``always``: names of heads that are cut first and count. ``never``: names of heads that are kept.
    ``least_per_layer``: how many heads each layer keeps at least (all it has, where it has fewer); the next lowest
    heads of other layers go instead.

    Raises ScoreError for scores without an order, MaskError for impossible wishes, saying which rule is in the way.
    """
    values, heads, provenance = _scores(head_scores)
    count = count_to_prune(prune, sum(heads))
    if not _is_int(least_per_layer) or least_per_layer < 0:
        raise MaskError(f"least_per_layer must be a whole number from 0; it is {least_per_layer!r}.")
    cut_first, kept = places(always, heads), places(never, heads)
    _require_possible(count, heads, cut_first, kept, int(least_per_layer))
    keep = _cut(values, heads, count, cut_first, kept, int(least_per_layer))
    rules = {
        "least_per_layer": int(least_per_layer),
        "always": [head_name(*place) for place in cut_first],
        "never": [head_name(*place) for place in kept],
    }
    provenance["selection"] = {"prune": count, **{name: rule for name, rule in rules.items() if rule}}
    return Mask(keep, provenance=provenance)


def count_to_prune(prune: int | float, heads: int) -> int:
    """How many of ``heads`` heads ``prune`` stands for: an int as it is, a share rounded half up.

    >>> count_to_prune(3, 72), count_to_prune(0.5, 7), count_to_prune(0.145, 100)
    (3, 4, 15)
    """
    if _is_int(prune):
        if not 0 <= prune <= heads:
            raise MaskError(
                f"prune={prune} is not between 0 and the {heads} heads there are. A share has a point: 0.5."
            )
        return int(prune)
    if not isinstance(prune, float | np.floating):
        raise MaskError(f"prune must be a whole number of heads or a share from 0.0 to 1.0; it is {prune!r}.")
    if not 0 <= prune <= 1:
        raise MaskError(f"prune={float(prune)} is not a share from 0.0 to 1.0. A number of heads has no point: 36.")
    # The share as it is written: 0.145 of 100 is 14.5, which no float product gives.
    return int(Fraction(repr(float(prune))) * heads + Fraction(1, 2))


def _is_int(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _scores(head_scores: Any) -> tuple[np.ndarray, tuple[int, ...], dict[str, Any]]:
    """Values (L, H) float64, head counts, and the blocks of provenance that the mask takes over."""
    values = np.asarray(getattr(head_scores, "values", head_scores))
    if values.ndim != 2 or 0 in values.shape or values.dtype.kind not in "biuf":
        raise ScoreError(
            f"Scores of heads must be numbers of shape (layers, heads); these have the shape {values.shape}."
        )
    values = values.astype(np.float64)
    known = getattr(head_scores, "provenance", None) or {}
    provenance = {block: known[block] for block in ("model", "data") if known.get(block) is not None}
    if criterion := getattr(head_scores, "criterion", None):
        provenance["criterion"] = {"name": criterion, "options": dict(getattr(head_scores, "options", {}))}
    # Without the model's own counts, what stands right of the last number of a layer is taken for absent.
    counted = tuple(int(np.flatnonzero(~np.isnan(row)).max(initial=-1)) + 1 for row in values)
    heads = tuple((provenance.get("model") or {}).get("heads") or counted)
    if (
        len(heads) != len(values)
        or max(heads) > values.shape[1]
        or any(c > h for c, h in zip(counted, heads, strict=True))
    ):
        raise ScoreError(f"Scores of shape {values.shape} do not fit the head counts {list(heads)} of their model.")
    provenance["model"] = {**provenance.get("model", {}), "heads": list(heads)}
    if not any(heads):
        raise ScoreError("No head has a score. Score a model that has heads left.")
    values = values[:, : max(heads)]
    lost = np.argwhere(head_present(heads) & ~np.isfinite(values))
    if len(lost):
        layer, head = lost[0]
        raise ScoreError(
            f"The score of {head_name(layer, head)} is {values[layer, head]}, which has no place in an order. "
            "Score again with other data: longer texts, and losses that are finite."
        )
    return values, heads, provenance


def _require_possible(
    count: int, heads: Sequence[int], cut_first: list[tuple[int, int]], kept: list[tuple[int, int]], least: int
) -> None:
    """Raises MaskError naming the rule that keeps ``count`` heads from being cut."""
    if both := sorted(set(cut_first) & set(kept)):
        raise MaskError(f"{head_name(*both[0])} stands in both always and never. Take it out of one of them.")
    if len(cut_first) > count:
        raise MaskError(
            f"always names {len(cut_first)} heads, but only {count} are to be cut. Prune more or name fewer."
        )
    cut_in, kept_in = (
        [sum(layer == one for layer, _ in found) for one in range(len(heads))] for found in (cut_first, kept)
    )
    for layer, there in enumerate(heads):
        if there - cut_in[layer] < min(least, there) and cut_in[layer]:
            raise MaskError(
                f"always cuts {cut_in[layer]} of the {there} heads of layer {layer}, but least_per_layer={least}. "
                "Name fewer heads of that layer or lower least_per_layer."
            )
    total = sum(heads)
    if total - len(kept) < count:
        raise MaskError(
            f"{count} of {total} heads are to be cut, but never keeps {len(kept)}. Prune fewer or name fewer in never."
        )
    free = sum(there - max(min(least, there), kept_in[layer]) for layer, there in enumerate(heads))
    if free < count:
        together = " and never together leave" if kept else " leaves"
        raise MaskError(
            f"{count} of {total} heads are to be cut, but least_per_layer={least}{together} only {free} that may go. "
            "Prune fewer or lower least_per_layer."
        )


def _cut(
    values: np.ndarray,
    heads: Sequence[int],
    count: int,
    cut_first: list[tuple[int, int]],
    kept: list[tuple[int, int]],
    least: int,
) -> np.ndarray:
    keep = head_present(heads)
    for place in cut_first:
        keep[place] = False
    left = count - len(cut_first)
    spare = keep.sum(axis=1) - np.minimum(least, np.array(heads))  # heads that each layer can still lose
    barred = set(kept) | set(cut_first)
    # A stable sort leaves equals in reading order, by layer, then head; heads that are not there sort last.
    for flat in np.argsort(values, axis=None, kind="stable"):
        place = divmod(int(flat), values.shape[1])
        if left == 0:
            break
        if place in barred or not keep[place] or spare[place[0]] == 0:
            continue
        keep[place] = False
        spare[place[0]] -= 1
        left -= 1
    return keep

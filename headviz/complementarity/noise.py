"""Matched noise through the whole procedure: what the knee says when there is nothing to find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from headviz.complementarity.curve import Curve
from headviz.complementarity.distance import distances, shuffled
from headviz.complementarity.streamed import told
from headviz.errors import ScoreError
from headviz.progress import CancelSignal, OnProgress, Progress

if TYPE_CHECKING:
    from headviz.complementarity.plan import Plan

KINDS = ("columns", "labels")


def noise_curve(plan: Plan, seed: int = 0, kind: str = "columns", *, check: Callable[[], None] = lambda: None) -> Curve:
    """The silhouette curve of matched noise at the plan's degree.

    ``kind`` "columns": each feature shuffled over heads, which keeps its distribution and destroys what the features of
    one head share; "labels": features of permuted labels, permutation ``seed`` mod their number. ``seed`` also drives
    the plane. ``check()`` is called between blocks of features where they are streamed; what it raises ends the
    search. Raises ScoreError without permutations, or for a distance that does not look at labels.
    """
    signatures = plan.required_signatures()
    measure = distances[plan.options.distance]
    if kind not in KINDS:
        raise ScoreError(f"The kind of noise must be one of {', '.join(KINDS)}. Got {kind!r}.")
    options = replace(plan.options, seed=seed)
    if kind == "columns":
        parts = shuffled(measure.parts(signatures, plan.options, None), seed)
        return plan.regrouped(told(parts, check), options).silhouettes
    if not measure.by_class:
        raise ScoreError(f"The distance {measure.name} does not look at labels, so permuting them changes nothing.")
    if not len(signatures.null_mean):
        raise ScoreError("These signatures hold no permuted labels (nulls=0). Take them with nulls=2.")
    parts = measure.parts(signatures, plan.options, seed % len(signatures.null_mean))
    return plan.regrouped(told(parts, check), options).silhouettes


def noise_curves(
    plan: Plan,
    seeds: int = 5,
    *,
    kinds: Sequence[str] = KINDS,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> dict[str, list[Curve]]:
    """Kind -> `noise_curve` of each seed from 0, for those of ``kinds`` that there are: "labels" where the signatures
    hold permutations and the distance looks at labels."""
    by_class = distances[plan.options.distance].by_class
    if not (by_class and len(plan.required_signatures().null_mean)):
        kinds = [kind for kind in kinds if kind != "labels"]
    found: dict[str, list[Curve]] = {}
    with Progress(len(kinds) * seeds, "grouping matched noise", on_progress, cancel) as progress:
        for kind in kinds:
            found[kind] = []
            for seed in range(seeds):
                found[kind].append(noise_curve(plan, seed, kind, check=progress.check))
                progress.step()
    return found


def compared(k: int | None, total: int, degree: int | None, noises: Sequence[Curve]) -> str:
    """One sentence on how far the knee ``k`` of ``total`` heads lies from the knees of ``noises``."""
    at = "Without smoothing" if degree is None else f"At degree {degree}"
    found = sorted(noise.k for noise in noises if noise.k is not None)
    if k is None:
        return f"{at} there is no knee on this model."
    said = f"{at} the knee of this model is at {k} of {total} heads; "
    if not found:
        return said + "the same procedure on shuffled features finds no knee."
    band = str(found[0]) if found[0] == found[-1] else f"{found[0]} to {found[-1]}"
    said += f"the same procedure on shuffled features finds it at {band}. "
    if found[0] <= k <= found[-1]:
        decides = "procedure" if degree is None else "degree"
        return said + f"The {decides}, not the model, sets this number."
    away = found[0] - k if k < found[0] else k - found[-1]
    side = "below" if k < found[0] else "above"
    return said + f"The model's number lies {away} {'head' if away == 1 else 'heads'} {side} that band."

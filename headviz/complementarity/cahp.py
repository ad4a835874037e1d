"""From signatures to a plan: the steps of Complementary Attention Head Pruning (Livertovsky, Somin, Singer 2026, arXiv
2606.19150) in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from headviz.complementarity.curve import cluster
from headviz.complementarity.distance import distances
from headviz.complementarity.plan import Plan
from headviz.complementarity.presets import BY_PRESET, PlanOptions, differences, resolve
from headviz.complementarity.salience import salience_of
from headviz.complementarity.space import place
from headviz.complementarity.streamed import Parts, blocks_of, count_of, told
from headviz.progress import CancelSignal, OnProgress, Progress

if TYPE_CHECKING:
    from headviz.complementarity.signature import Signatures

_FAR_ABOVE = 3
_LENGTHS_TELL = 0.5
_ABOVE_FLOOR = 1.5  # below it the median head's separability is mostly sampling noise


def cahp(
    signatures: Signatures,
    *,
    preset: str = "headviz",
    degree: int | None = BY_PRESET,
    space: str = BY_PRESET,
    distance: str = BY_PRESET,
    representative: str = BY_PRESET,
    guard: bool = BY_PRESET,
    mss: str = BY_PRESET,
    seed: int = BY_PRESET,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
    coefficient: float = BY_PRESET,
    jm: str = BY_PRESET,
    eps: float | None = BY_PRESET,
    eps_rule: str = BY_PRESET,
    start: str = BY_PRESET,
    salience: str = BY_PRESET,
    perplexity: float = BY_PRESET,
    init: str = BY_PRESET,
) -> Plan:
    """Group heads that tell classes apart in the same way, and keep one of each group.

    ``preset``: "headviz" or "reference" (docs/methods.md has both); what is given wins. ``degree``: 1 to 8 of the
    polynomial whose knee says how many, 6 by default, None = no smoothing; ``space``, ``distance``: names in
    `hv.spaces` ("tsne") and `hv.distances` ("jm"); ``representative``: "salience", "medoid" or "random"; ``guard``: an
    empty layer gets its most salient head back; ``mss``: "mean" or "nearest". A curve without a knee gives a plan
    whose ``k`` is None; `Plan.with_degree` and `Plan.with_count` go on from there.

    Raises ScoreError for an option out of range and for heads that are all alike, Cancelled.
    """
    given = {
        "degree": degree, "space": space, "distance": distance, "representative": representative, "guard": guard,
        "mss": mss, "seed": seed, "coefficient": coefficient, "jm": jm, "eps": eps, "eps_rule": eps_rule,
        "start": start, "salience": salience, "perplexity": perplexity, "init": init,
    }  # fmt: skip
    options = resolve(PlanOptions, preset, given)
    measure = distances[options.distance]
    notes = list(signatures.notes)
    if signatures.preset != preset:
        notes.append(f'The signatures are of preset "{signatures.preset}", the plan of preset "{preset}".')
    parts = measure.parts(signatures, options, None)
    features = parts if options.distance == "jm" else signatures.parts_by(options)
    rounds = count_of(features) * (len(signatures.null_mean) + 1) + count_of(parts)
    with Progress(rounds, "comparing classes", on_progress, cancel) as progress:
        levels = _levels(signatures, options, told(features, progress.step), progress.step)
        placed = place(told(parts, progress.step), measure, options)
        progress.finish()
    with Progress(len(signatures), "grouping heads", on_progress, cancel) as progress:
        medoids, curve = cluster(placed, options, progress.step)
        progress.finish()
    separability, floor, above, apart = levels
    notes += [*placed.notes, *_floor_notes(separability, floor), *_length_notes(signatures, apart)]
    recorded = {"preset": preset, **asdict(options), "differs": sorted(differences(options, preset))}
    return Plan(
        options=options,
        preset=preset,
        heads=signatures.heads,
        placed=placed,
        medoids=medoids,
        silhouettes=curve,
        salience=salience_of(signatures, options.salience),
        separability=separability,
        floor=floor,
        above_floor=above,
        notes=tuple(notes),
        provenance={**signatures.provenance, "plan": recorded},
        signatures=signatures,
    )


def _levels(
    signatures: Signatures, options: PlanOptions, features: Parts, step: Callable[[], None]
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None, np.ndarray]:
    """Each head's mean JM on the labels, on permuted ones where there are any, and the share of its features above 3
    times the latter, (N,) each; and the mean JM of each class pair over all heads."""
    nulls = range(len(signatures.null_mean))
    floors = [signatures.mean_features(told(signatures.parts_by(options, null=null), step)) for null in nulls]
    floor = np.mean(floors, axis=0) if floors else None
    cells, apart = signatures.cells, []
    total, above, count = np.zeros(len(signatures)), np.zeros(len(signatures)), 0
    for block in blocks_of(features):
        apart.append(signatures.mean_of_pairs(block))
        used = block.reshape(len(block), -1, cells.size)[..., cells]
        total += used.sum(axis=(1, 2), dtype=np.float64)
        count += used.shape[1] * used.shape[2]
        if floor is not None:
            above += (used > _FAR_ABOVE * floor[:, None, None]).sum(axis=(1, 2))
    share = None if floor is None else above / count
    return total / count, floor, share, np.concatenate(apart)


def _floor_notes(separability: np.ndarray, floor: np.ndarray | None) -> list[str]:
    if floor is None or not (separability < _ABOVE_FLOOR * floor)[_median_head(separability)]:
        return []
    ratio = separability[_median_head(separability)] / floor[_median_head(separability)]
    return [
        "The classes hardly differ in these heads; the groups below are mostly sampling noise: the median head's mean "
        f"JM is {ratio:.2f} times what permuted labels give."
    ]


def _length_notes(signatures: Signatures, apart: np.ndarray) -> list[str]:
    """Position and length tell classes apart, too, above all in low layers: said where they go together."""
    found = signatures.length_correlation(apart)
    if found is None or found < _LENGTHS_TELL:
        return []
    return [
        f"Class pairs that heads tell apart are those whose texts differ in length (correlation {found:z.2f} over "
        f"{len(signatures.pairs)} pairs): part of what is told here may be length."
    ]


def _median_head(separability: np.ndarray) -> int:
    return int(np.argsort(separability, kind="stable")[(len(separability) - 1) // 2])

"""Signatures: what the attention of each head looks like on the examples of each class, without padding and length.

Complementary Attention Head Pruning (Livertovsky, Somin, Singer 2026, arXiv 2606.19150) compares heads by how they
tell classes apart; these are the means and variances that it needs, from the same pass that takes the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz import memory, room
from headviz.batches import truncation_notes
from headviz.complementarity import streamed
from headviz.complementarity.classes import Classes, classes_of
from headviz.complementarity.moments import Moments, size_of
from headviz.complementarity.presets import BY_PRESET, PlanOptions, SignatureOptions, differences, resolve
from headviz.complementarity.separability import cells_in_use, jm_blocks
from headviz.complementarity.streamed import Parts, Streamed, blocks_of
from headviz.data import require_data
from headviz.errors import DataError, ScoreError
from headviz.listing import listed
from headviz.mask import head_name
from headviz.observers.signature import OutputObserver, SignatureObserver
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.provenance import record
from headviz.scores import Scores, score_beside

if TYPE_CHECKING:
    import torch

    from headviz.attention import Observer
    from headviz.batches import Batch
    from headviz.data import Data
    from headviz.subject import Subject

_SMALLEST_GRID = 4
_FEW = 20  # examples of a class below which its noise is worth a warning


@dataclass(frozen=True, eq=False)
class Signatures:
    """Means and variances of signatures; N heads in reading order, C classes, grid g.

    ``mean``, ``variance`` (N, C, g, g) float64, NaN for a class with fewer than 2 examples; ``counts`` (C,) int
    examples and ``lengths`` (C,) float64 mean tokens of each class; ``classes`` their names; ``grid`` g; ``heads``
    per layer; ``null_mean``, ``null_variance`` (R, N, C, g, g) the same under R permutations of the labels; ``outputs``
    (P, N, d) float32 head outputs of P probe examples, or None; ``scores`` from the same pass, or None; ``notes``
    sentences a page shows; ``provenance``.
    """

    mean: np.ndarray
    variance: np.ndarray
    counts: np.ndarray
    lengths: np.ndarray
    classes: tuple[str, ...]
    grid: int
    heads: tuple[int, ...]
    null_mean: np.ndarray
    null_variance: np.ndarray
    outputs: np.ndarray | None
    scores: Scores | None
    notes: tuple[str, ...]
    provenance: dict[str, Any]

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def preset(self) -> str:
        return str(self.provenance["options"]["preset"])

    @property
    def layer_of(self) -> np.ndarray:
        """(N,) int: the layer of each head."""
        return np.repeat(np.arange(len(self.heads)), self.heads)

    @property
    def names(self) -> list[str]:
        """N names, L0H0 first."""
        return [head_name(layer, head) for layer, there in enumerate(self.heads) for head in range(there)]

    @property
    def usable(self) -> np.ndarray:
        """(C,) bool: classes with the two examples that a variance needs."""
        return self.counts >= 2

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The class pairs of the features, in their order."""
        names = [name for name, there in zip(self.classes, self.usable, strict=True) if there]
        return [(names[c], names[d]) for c in range(len(names)) for d in range(c + 1, len(names))]

    def features(self, *, null: int | None = None, **options: Any) -> np.ndarray:
        """Jeffries-Matusita distance of every class pair and cell, (N, pairs * g * g) float32.

        ``options``: coefficient, jm, eps, eps_rule; by default the preset's. ``null``: from that permutation of the
        labels instead. Raises ScoreError for an option that is unknown or out of range.
        """
        unknown = set(options) - {"coefficient", "jm", "eps", "eps_rule"}
        if unknown:
            raise ScoreError(f"features has no option {min(unknown)!r}; it has coefficient, jm, eps, eps_rule.")
        return self.features_by(resolve(PlanOptions, self.preset, options), null=null)

    def features_by(self, plan: PlanOptions, *, null: int | None = None) -> np.ndarray:
        """`features` with the options of a plan. Raises ScoreError where they do not fit into memory."""
        values = len(self) * len(self.pairs) * self.grid**2
        memory.require(
            4 * values,
            "The features of all class pairs",
            f"{len(self.pairs):,} pairs of {int(self.usable.sum())} classes, {self.grid} x {self.grid} cells of each, "
            f"{len(self)} heads",
            "Take signatures on fewer classes or on a smaller grid; plans need no such array and are not bound by it.",
        )
        return next(iter(self._blocks(plan, null)))

    def parts_by(self, plan: PlanOptions, *, null: int | None = None) -> Parts:
        """The same features: an array where they are few, else `Streamed`."""
        if not self.have_many_features:
            return next(iter(self._blocks(plan, null)))
        return self._blocks(plan, null, max(1, streamed.BLOCK // (len(self) * self.grid**2)))

    @property
    def have_many_features(self) -> bool:
        """Whether there are too many features to hold them at once."""
        return len(self) * self.grid**2 * len(self.pairs) > streamed.AT_ONCE

    def _blocks(self, plan: PlanOptions, null: int | None, at_once: int | None = None) -> Streamed:
        mean = self.mean if null is None else self.null_mean[null]
        variance = self.variance if null is None else self.null_variance[null]
        return jm_blocks(
            mean, variance, np.flatnonzero(self.usable).tolist(), coefficient=plan.coefficient, jm=plan.jm,
            eps=(0.01 / self.grid) ** 2 if plan.eps is None else plan.eps, eps_rule=plan.eps_rule, at_once=at_once,
        )  # fmt: skip

    def features_of(self, head: int, plan: PlanOptions | None = None) -> np.ndarray:
        """(pairs, g, g) float32: the features of one head, of all pairs."""
        options = resolve(PlanOptions, self.preset, {}) if plan is None else plan
        one = replace(self, mean=self.mean[head : head + 1], variance=self.variance[head : head + 1], heads=(1,))
        return one.features_by(options).reshape(len(self.pairs), self.grid, self.grid)

    @property
    def cells(self) -> np.ndarray:
        """(g * g,) bool: the cells that are not 0 by the model's design."""
        each = (np.s_[:, number : number + 1] for number in np.flatnonzero(self.usable))  # views: these are large
        return np.logical_or.reduce([cells_in_use(self.mean[one], self.variance[one]) for one in each])

    def mean_features(self, features: Parts) -> np.ndarray:
        """(N,) float64: the mean of each head's ``features`` (N, pairs * g * g) over the cells in use."""
        cells, total, count = self.cells, np.zeros(len(features)), 0
        for block in blocks_of(features):
            used = block.reshape(len(block), -1, cells.size)[..., cells]
            total += used.sum(axis=(1, 2), dtype=np.float64)
            count += used.shape[1] * used.shape[2]
        return total / max(1, count)

    def length_correlation(self, apart: np.ndarray | None = None) -> float | None:
        """Over class pairs, the correlation of the mean JM of all heads with the difference in mean length; None with
        fewer than three pairs, or without any spread. ``apart`` (pairs,): that mean JM, where it is known."""
        if len(self.pairs) < 3:
            return None
        if apart is None:
            features = self.parts_by(resolve(PlanOptions, self.preset, {}))
            apart = np.concatenate([self.mean_of_pairs(block) for block in blocks_of(features)])
        lengths = self.lengths[self.usable]
        longer = np.array([abs(lengths[c] - lengths[d]) for c, d in combinations(range(len(lengths)), 2)])
        if not (np.ptp(apart) and np.ptp(longer)):
            return None
        return float(np.corrcoef(apart, longer)[0, 1])

    def mean_of_pairs(self, block: np.ndarray) -> np.ndarray:
        """(pairs of the block,) float64: the mean over all heads and cells."""
        return block.reshape(len(self), -1, self.grid**2).mean(axis=(0, 2), dtype=np.float64)

    def save(self, path: str | Path) -> None:
        """Write everything to one .npz file, whole or not at all; `open_signatures` reads it back."""
        from headviz.complementarity import signature_file

        signature_file.save(self, Path(path))


def open_signatures(path: str | Path) -> Signatures:
    """Read what `Signatures.save` wrote. Raises ScoreError when the file is not one of headviz's or is damaged."""
    from headviz.complementarity import signature_file

    content = signature_file.read(Path(path))
    scores = content.pop("scores")
    return Signatures(scores=None if scores is None else Scores(*scores), **content)


def signatures(
    subject: Subject,
    data: Data,
    *,
    preset: str = "headviz",
    grid: int = BY_PRESET,
    with_scores: bool = True,
    batch_size: int | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
    resize: str = BY_PRESET,
    special: bool = BY_PRESET,
    classes: str = BY_PRESET,
    bins: int = BY_PRESET,
    nulls: int = BY_PRESET,
    ddof: int = BY_PRESET,
    probe: int = BY_PRESET,
) -> Signatures:
    """Means and variances of every head's signature for each class of ``data``, in one pass; with the scores of the
    same pass unless ``with_scores=False``, which needs no backward pass.

    ``preset``: "headviz" (grid 24, at most the median length; resize "mass"; nulls 2) or "reference" (grid 32,
    "bilinear", no nulls); what is given wins. ``resize``: "mass" or "bilinear"; ``special``: whether special tokens
    count; ``classes``: "labels", "predicted" (the model's, at the cost of one more forward pass) or "bins" (of labels
    that are numbers, into ``bins`` of equal count); ``nulls``: permutations of the labels that measure the noise
    floor; ``ddof``: 1 or 0; ``probe``: examples whose head outputs are kept for the distance "cka".

    Raises DataError for fewer than two classes of two examples, ScoreError for an option out of range, Cancelled.
    """
    given = {
        "grid": grid, "resize": resize, "special": special, "classes": classes, "bins": bins, "nulls": nulls,
        "ddof": ddof, "probe": probe,
    }  # fmt: skip
    options = resolve(SignatureOptions, preset, given)
    require_data(data)
    if len(data) == 0:
        raise DataError(f"{data.name} has no examples; choose data with at least one row.")
    found = classes_of(subject, data, options.classes, options.bins, on_progress=on_progress, cancel=cancel)
    encoded = subject.encode(data.inputs)
    reading = encoded.reading(subject.max_length)
    lengths = np.array([len(one["input_ids"]) for one in encoded.features])
    fixed = grid is not BY_PRESET or preset != "headviz"
    side = options.grid if fixed else min(options.grid, max(_SMALLEST_GRID, int(np.median(lengths))))
    _require(len(found.names), options.nulls, sum(subject.heads), side, len(data))
    for indices in encoded.plan(batch_size=batch_size):
        room.for_maps(subject, int(lengths[indices].max()), len(indices))
    weights = np.concatenate([found.one_hot, *(found.permuted(seed) for seed in range(options.nulls))], axis=1)
    collector = _Collector(subject, Moments(weights, sum(subject.heads), side * side), side, options, len(data))
    scores = None
    if with_scores:
        targets = "labels" if options.classes == "labels" else "predicted"
        scores = score_beside(
            subject, data, collector.observers, targets=targets, batch_size=batch_size, on_progress=on_progress,
            cancel=cancel,
        )  # fmt: skip
    else:
        _forward(subject, data, collector, batch_size, on_progress, cancel)
    mean, variance = collector.moments.result(options.ddof)
    shape = (options.nulls + 1, len(found.names), sum(subject.heads), side, side)
    mean, variance = (values.reshape(shape).swapaxes(1, 2) for values in (mean, variance))
    recorded = {"preset": preset, **asdict(options), "grid": side, "with_scores": with_scores}
    recorded["differs"] = sorted(set(differences(options, preset)) | ({"grid"} if side != options.grid else set()))
    return Signatures(
        mean=mean[0],
        variance=variance[0],
        counts=found.counts,
        lengths=found.means_of(lengths),
        classes=found.names,
        grid=side,
        heads=subject.heads,
        null_mean=mean[1:],
        null_variance=variance[1:],
        outputs=collector.outputs,
        scores=scores,
        notes=(*truncation_notes(reading), *_notes(found, options, side, with_scores)),
        provenance=record(subject, data, recorded) | reading,
    )


class _Collector:
    """The observers of each batch, and what they bring in."""

    def __init__(self, subject: Subject, moments: Moments, grid: int, options: SignatureOptions, examples: int) -> None:
        self.moments, self._grid, self._options = moments, grid, options
        self._offsets = [call.offset for call in subject.calls]
        self._special = set() if options.special else set(subject.processor.all_special_ids)
        self._probe = np.sort(np.random.default_rng(0).permutation(examples)[: options.probe])
        self._pending: tuple[OutputObserver, np.ndarray] | None = None
        self._outputs: dict[int, np.ndarray] = {}

    def observers(self, batch: Batch) -> Sequence[Observer]:
        valid = self._valid(batch)

        def take(call: int, values: torch.Tensor) -> None:
            self.moments.add(batch.indices, self._offsets[call], values.flatten(2))

        riders: list[Observer] = [
            SignatureObserver(valid, self._grid, self._options.resize, take, renormalise=not self._options.special)
        ]
        self._keep_outputs()
        if np.isin(batch.indices, self._probe).any():
            outputs = OutputObserver(valid)
            self._pending = (outputs, batch.indices)
            riders.append(outputs)
        return riders

    def _valid(self, batch: Batch) -> torch.Tensor:
        import torch

        if not self._special:
            return batch.real
        special = torch.tensor(sorted(self._special), device=batch.real.device)
        return batch.real & ~torch.isin(batch.inputs["input_ids"], special)

    def _keep_outputs(self) -> None:
        if self._pending is not None:
            observer, indices = self._pending
            values, wanted = observer.result().cpu().numpy(), np.isin(indices, self._probe)
            self._outputs |= {int(at): values[row] for row, at in enumerate(indices) if wanted[row]}
            self._pending = None

    @property
    def outputs(self) -> np.ndarray | None:
        self._keep_outputs()
        return np.stack([self._outputs[int(at)] for at in self._probe]) if len(self._probe) else None


def resampled_signatures(
    signatures: Signatures,
    subject: Subject,
    data: Data,
    samples: int | Sequence[int],
    *,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> list[Signatures]:
    """``signatures`` on bootstrap samples of the same ``data``, drawn within each class: ``samples`` of them, or those
    of these seeds; all are streamed in one forward pass. Salience and head outputs stay as they were. Raises ScoreError
    for other data or another model."""
    made = signatures.provenance
    if subject.fingerprint != made["model"]["fingerprint"] or data.fingerprint != made["data"]["fingerprint"]:
        raise ScoreError("Resampling needs the model and the data that the signatures were taken from.")
    seeds = range(samples) if isinstance(samples, int) else samples
    recorded = {name: value for name, value in made["options"].items() if name in SignatureOptions.__annotations__}
    options = replace(SignatureOptions(**recorded), probe=0)
    found = classes_of(subject, data, options.classes, options.bins, on_progress=on_progress, cancel=cancel)
    weights = np.concatenate([found.resampled(seed) for seed in seeds], axis=1)
    moments = Moments(weights, len(signatures), signatures.grid**2)
    collector = _Collector(subject, moments, signatures.grid, options, len(data))
    _forward(subject, data, collector, None, on_progress, cancel)
    shape = (len(seeds), len(found.names), len(signatures), signatures.grid, signatures.grid)
    mean, variance = (values.reshape(shape).swapaxes(1, 2) for values in moments.result(options.ddof))
    none = signatures.null_mean[:0]
    return [
        replace(signatures, mean=mean[run], variance=variance[run], null_mean=none, null_variance=none)
        for run in range(len(seeds))
    ]


def resamples_at_once(signatures: Signatures) -> int:
    """How many bootstrap samples of all classes fit into memory together, at least one."""
    return max(1, memory.bound() // size_of(len(signatures.classes), len(signatures), signatures.grid**2))


def _require(classes: int, nulls: int, heads: int, grid: int, examples: int) -> None:
    """Raise ScoreError where the moments of so many classes and heads do not fit into memory."""
    times = f", {nulls + 1} times, for the labels and {nulls} permutations of them" * (nulls > 0)
    remedy = "Choose a smaller grid or fewer permuted labels, or data with fewer classes."
    memory.require(
        size_of(classes * (nulls + 1), heads, grid * grid) + 8 * examples * classes * (nulls + 1),
        "Signatures", f"{classes:,} classes, {grid} x {grid} cells of {heads:,} heads{times}", remedy,
    )  # fmt: skip


def _forward(
    subject: Subject,
    data: Data,
    collector: _Collector,
    batch_size: int | None,
    on_progress: OnProgress | None,
    cancel: CancelSignal | None,
) -> None:
    import torch

    with Progress(len(data), "taking signatures", on_progress, cancel) as progress, torch.no_grad():
        for batch in subject.encode(data.inputs).batches(batch_size=batch_size):
            subject.forward(batch.inputs, observers=collector.observers(batch))
            progress.step(len(batch.indices))


def _notes(found: Classes, options: SignatureOptions, grid: int, with_scores: bool) -> list[str]:
    notes = []
    if grid != options.grid:
        notes.append(f"The grid is {grid} x {grid}: half of the texts are no longer than {grid} tokens.")
    if found.source != "labels":
        notes.append(found.source)
    left_out = [name for name, count in zip(found.names, found.counts, strict=True) if count < 2]
    if left_out:
        notes.append(f"Left out for want of two examples: {listed(left_out)}.")
    few = [f"{name} ({count})" for name, count in zip(found.names, found.counts, strict=True) if 2 <= count < _FEW]
    if few:
        notes.append(f"Few examples of {listed(few)}: pairs with them are mostly sampling noise.")
    if not with_scores:
        notes.append("No gate gradients were taken, so there is no salience: medoids stand for their clusters.")
    return notes

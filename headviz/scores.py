"""Scores: gate gradients and attention entropies of every head for every example, from one forward and one backward
pass.

HIS (Michel et al. 2019, arXiv 1905.10650, eq. 2; Choi et al. 2026, arXiv 2510.13832, eq. 1), attention entropy
(Choi et al., B.2.1), Fisher and HIES all follow from these with no new pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from headviz import hies as hies_
from headviz import room, stats
from headviz.batches import BATCH_TOKENS, truncation_notes
from headviz.data import require_data
from headviz.errors import DataError, ScoreError
from headviz.head_scores import HeadScores
from headviz.labels import match_labels
from headviz.mask import Mask, head_name, head_present, places
from headviz.observers.entropy import EntropyObserver
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.provenance import record
from headviz.selection import select

if TYPE_CHECKING:
    from headviz.attention import Observer
    from headviz.batches import Batch
    from headviz.data import Data
    from headviz.subject import Subject

_SATURATED_HIS = 1e-3
_SURE = 0.1  # nats: the answer has a probability of more than 0.9
_FEW_EXAMPLES = 0.05
_UNCERTAIN = 0.1  # of the mean, to either side: less would not move many heads


class Few(NamedTuple):
    """``examples`` that give more than half of all gate gradients, and ``reach``: how far the 95 % interval of the mean
    over all examples goes to either side, as a share of it."""

    examples: int
    reach: float


@dataclass(frozen=True, eq=False)
class Scores:
    """What one pass over a calibration set gave, per example; N examples, L layers, H heads.

    ``gate_gradient`` (N, L, H) float32: d loss_i / d gate at gates of one, signed, in nats; ``entropy`` (N, L, H)
    float32: 0 to 1 (nats with ``entropy="raw"``), NaN where an example has no row with two keys; ``loss`` (N,) float64;
    ``ids`` (N,) row numbers in the source; ``provenance``. Absent heads are NaN.
    """

    gate_gradient: np.ndarray
    entropy: np.ndarray
    loss: np.ndarray
    ids: np.ndarray
    provenance: dict[str, Any]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def his(self) -> np.ndarray:
        """(L, H) float64, nats: the mean over examples of |gate gradient|."""
        return np.abs(self.gate_gradient).mean(axis=0, dtype=np.float64)

    @property
    def fisher(self) -> np.ndarray:
        """(L, H) float64: the mean over examples of the squared gate gradient."""
        return np.square(self.gate_gradient.astype(np.float64)).mean(axis=0)

    @property
    def ae(self) -> np.ndarray:
        """(L, H) float64: the mean entropy over the examples that have a row with two keys."""
        known = ~np.isnan(self.entropy)
        count = known.sum(axis=0)
        if not count.any():
            raise ScoreError(
                "Attention entropy needs a text of at least two tokens; no example has one. Add longer texts."
            )
        total = np.where(known, self.entropy, 0.0).sum(axis=0, dtype=np.float64)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def hies(self, alpha: float, *, normalise: str = "global") -> HeadScores:
        """HIES for one ``alpha`` in [0, 1]: alpha * hHIS + (1 - alpha) * (1 - hAE) (Choi et al. 2026, section 4.1).

        ``normalise``: min-max over all heads ("global"), per layer ("layer"), or ranks ("rank", not in the paper).
        """
        alpha = hies_.weight(alpha)
        values = hies_.blend(self.his, self.ae, alpha, normalise)
        options = {"alpha": alpha, "normalise": normalise}
        return HeadScores(values, "hies", options, self.provenance, self.notes)

    def alpha_breaks(
        self,
        prune: int | float,
        *,
        normalise: str = "global",
        least_per_layer: int = 0,
        always: str | Iterable[str] = (),
        never: str | Iterable[str] = (),
    ) -> list[tuple[float, float, Mask]]:
        """Every different mask that alpha in [0, 1] can give when ``prune`` heads go (int) or that share (float), as
        (low, high, mask) in order of alpha. Exact, from the crossings of the heads' lines; nothing is evaluated.

        ``least_per_layer``, ``always``, ``never``: the rules of `hv.select`, which gives the same masks and errors.
        """
        at_0 = self.hies(0.0, normalise=normalise)
        base = select(at_0, prune, least_per_layer=least_per_layer, always=always, never=never)
        heads, provenance = base.heads, base.provenance
        cut_first, kept = (places(provenance["selection"].get(rule, ()), heads) for rule in ("always", "never"))
        keep, free = head_present(heads), head_present(heads)
        for place in cut_first:
            keep[place] = False
        for place in (*cut_first, *kept):
            free[place] = False
        layer = room = None
        if least_per_layer:
            layer, room = np.nonzero(free)[0], keep.sum(axis=1) - np.minimum(least_per_layer, heads)
        important, focused = (
            term[:, : max(heads)][free] for term in hies_.terms(self.his, self.ae, normalise)
        )  # fmt: skip
        cut = len(base.pruned) - len(cut_first)
        found = []
        for low, high, pruned in hies_.breaks(important, focused, cut, layer=layer, room=room):
            keep[free] = ~pruned
            criterion = {"name": "hies", "options": {"alpha": (low + high) / 2, "normalise": normalise}}
            found.append((low, high, Mask(keep, provenance={**provenance, "criterion": criterion})))
        return found

    def first(self, n: int) -> Scores:
        """The scores of the first ``n`` examples: a smaller calibration set, with no new pass."""
        return self._take(np.arange(_size(n, len(self))))

    def sample(self, n: int, seed: int = 0) -> Scores:
        """The scores of ``n`` examples drawn without replacement with ``seed``, in their order."""
        drawn = stats.generator(seed).permutation(len(self))[: _size(n, len(self))]
        return self._take(np.sort(drawn))

    def _take(self, index: np.ndarray) -> Scores:
        provenance = dict(self.provenance)
        if provenance.get("data"):
            provenance["data"] = {**provenance["data"], "examples": len(index)}
        return replace(
            self,
            gate_gradient=self.gate_gradient[index],
            entropy=self.entropy[index],
            loss=self.loss[index],
            ids=self.ids[index],
            provenance=provenance,
        )

    def interval(
        self, name: str = "his", level: float = 0.95, *, draws: int = 1000, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """(low, high), each (L, H): the bootstrap interval of "his", "ae" or "fisher" over examples, seeded."""
        per_example = {
            "his": lambda: np.abs(self.gate_gradient),
            "fisher": lambda: np.square(self.gate_gradient),
            "ae": lambda: self.entropy,
        }
        if name not in per_example:
            raise ScoreError(f"There is no interval for {name!r}; choose one of {', '.join(per_example)}.")
        values = per_example[name]().reshape(len(self), -1).astype(np.float64)
        low, high = stats.mean_interval(values, level=level, seed=seed, draws=draws)
        shape = self.gate_gradient.shape[1:]
        return low.reshape(shape), high.reshape(shape)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that a page shows beside these scores."""
        found = list(truncation_notes(self.provenance))
        largest = float(np.nan_to_num(self.his, nan=0.0).max(initial=0.0))
        if largest < _SATURATED_HIS:
            found.append(f"The largest HIS is {largest:.1e}: {self._why_so_small()}")
        if (few := self.resting_on_few) is not None:
            found.append(
                f"More than half of all gate gradients come from {few.examples:,} of {len(self):,} examples, so HIS is "
                f"known to about {100 * few.reach:.0f} % either way, and heads that lie closer may change places."
            )
        if self.provenance.get("options", {}).get("targets") == "predicted":
            found.append("The loss is taken against the model's own predictions, not against labels.")
        return tuple(found)

    @property
    def resting_on_few(self) -> Few | None:
        """Whether so few examples give most of the gate gradients that the scores are uncertain by it; None where they
        do not, or where there are enough of them."""
        weight = np.nan_to_num(np.abs(self.gate_gradient)).sum(axis=(1, 2), dtype=np.float64)
        few = max(1, round(_FEW_EXAMPLES * len(weight)))
        if len(weight) < 20 or not np.sort(weight)[-few:].sum() > 0.5 * weight.sum() > 0:
            return None
        reach = 1.96 * float(weight.std(ddof=1)) / (float(weight.mean()) * len(weight) ** 0.5)
        return Few(few, reach) if reach > _UNCERTAIN else None

    def _why_so_small(self) -> str:
        """Why no head moves the loss, and what to do: the rest of a sentence, and one more."""
        if len(self.loss) and float(np.median(self.loss)) >= _SURE:
            return (
                f"its heads hardly change its answers, which are not sure either (loss {self.loss.mean():.2f}), so "
                "the ranking is little more than rounding. See whether the model was trained and opened as what it is."
            )
        return (
            "the model is so sure of these examples that the ranking is little more than rounding. Score harder "
            "examples."
        )

    def save(self, path: str | Path) -> None:
        """Write everything to one Parquet file, whole or not at all; `open_scores` reads it back."""
        from headviz import scores_file

        content = scores_file.Content(self.gate_gradient, self.entropy, self.loss, self.ids, self.provenance)
        scores_file.save(content, Path(path))


def open_scores(path: str | Path) -> Scores:
    """Read what `Scores.save` wrote. Raises ScoreError when the file is not one of headviz's or is damaged."""
    from headviz import scores_file

    return Scores(*scores_file.read(Path(path)))


def score(
    subject: Subject,
    data: Data,
    *,
    entropy: str = "normalised",
    order: float = 1.0,
    targets: str = "labels",
    batch_tokens: int = BATCH_TOKENS,
    batch_size: int | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> Scores:
    """Gate gradients and attention entropies of every head, in one forward and one backward pass over ``data``.

    Every example has gates of its own, so nothing depends on batch size, order or padding. Only activations are
    differentiated; the model is left as it was. ``entropy``: "normalised" (0 to 1) or "raw" (nats); ``order``: Renyi
    order of the entropy, 1 is Shannon; ``targets``: loss against "labels" or against the model's own "predicted"
    classes; ``batch_size`` fixes the size where ``batch_tokens`` would choose it.

    Raises DataError when data and model do not fit, ScoreError for a loss that is not finite, Cancelled.
    """
    return score_beside(
        subject, data, _nothing, entropy=entropy, order=order, targets=targets, batch_tokens=batch_tokens,
        batch_size=batch_size, on_progress=on_progress, cancel=cancel,
    )  # fmt: skip


def _nothing(batch: Batch) -> Sequence[Observer]:
    return ()


def score_beside(
    subject: Subject,
    data: Data,
    observers_of: Callable[[Batch], Sequence[Observer]],
    *,
    entropy: str = "normalised",
    order: float = 1.0,
    targets: str = "labels",
    batch_tokens: int = BATCH_TOKENS,
    batch_size: int | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> Scores:
    """`score`, with further observers riding on the same pass: ``observers_of`` is asked for each batch's."""
    import torch

    if entropy not in ("normalised", "raw"):
        raise ScoreError(f"entropy={entropy!r} is not one of normalised, raw.")
    if targets not in ("labels", "predicted"):
        raise ScoreError(f"targets={targets!r} is not one of labels, predicted.")
    if isinstance(order, bool) or not isinstance(order, int | float | np.number) or not order > 0:
        raise ScoreError(f"The order of the entropy must be above 0. Got {order!r}.")
    require_data(data)
    if len(data) == 0:
        raise DataError(f"{data.name} has no examples; choose data with at least one row.")
    wanted = match_labels(data, subject.labels) if targets == "labels" else None
    total = int(sum(subject.heads))
    gradient = np.empty((len(data), total), dtype=np.float32)
    spread = np.empty((len(data), total), dtype=np.float32)
    loss = np.empty(len(data))
    paths: set[str | None] = set()
    # a caller's inference mode would leave nothing to differentiate
    with Progress(len(data), "scoring heads", on_progress, cancel) as progress, torch.inference_mode(False):
        encoded = subject.encode(data.inputs)
        batch_tokens = room.for_gradients(subject, encoded.longest, batch_tokens)
        for batch in encoded.batches(batch_tokens, batch_size):
            observer = EntropyObserver(batch.real, normalised=entropy == "normalised", order=order)
            chosen = None if wanted is None else wanted[batch.indices]
            loss[batch.indices], gradient[batch.indices] = _gate_gradients(
                subject, batch, chosen, [observer, *observers_of(batch)]
            )
            spread[batch.indices] = observer.result().cpu().numpy()
            paths.add(observer.path)
            progress.step(len(batch.indices))
    _check_finite(loss, gradient, spread, data, subject)
    options = {"entropy": entropy, "order": float(order), "targets": targets}
    provenance = record(subject, data, options) | {
        **encoded.reading(subject.max_length),
        "entropy_path": sorted(str(path) for path in paths),
    }
    ids = data.ids
    return Scores(subject.per_head(gradient), subject.per_head(spread), loss, ids, provenance)


def _gate_gradients(
    subject: Subject, batch: Batch, targets: np.ndarray | None, observers: Sequence[Observer]
) -> tuple[np.ndarray, np.ndarray]:
    """Losses (B,) and gate gradients (B, T) of one batch."""
    import torch

    with torch.enable_grad(), subject.own_precision():
        size = (len(batch.indices), int(sum(subject.heads)))
        gates = torch.ones(size, dtype=subject.torch_dtype, device=subject.device, requires_grad=True)
        logits = subject.forward(batch.inputs, gates=gates, observers=observers)
        goal = logits.argmax(-1) if targets is None else torch.as_tensor(targets, device=logits.device)
        losses = subject.task_definition.loss(logits.to(torch.promote_types(logits.dtype, torch.float32)), goal)
        # the sum, not the mean: each row of gates then carries its own example's gradient
        (gradient,) = torch.autograd.grad(losses.sum(), gates)
    return losses.detach().double().cpu().numpy(), gradient.float().cpu().numpy()


def _check_finite(loss: np.ndarray, gradient: np.ndarray, spread: np.ndarray, data: Data, subject: Subject) -> None:
    bad = np.flatnonzero(~np.isfinite(loss))
    if bad.size:
        raise ScoreError(
            f"Row {data[int(bad[0])].id}: the loss is {loss[bad[0]]}, not a finite number. "
            "Remove the row, or load the model in float32."
        )
    # a whole row of NaN entropies is a text without two tokens; a single one is a head whose logits overflowed
    partly = np.isnan(spread) & ~np.isnan(spread).all(axis=1, keepdims=True)
    rows, heads = np.nonzero(~np.isfinite(gradient) | partly)
    if rows.size:
        layer, head = np.argwhere(subject.head_present)[heads[0]]
        raise ScoreError(
            f"Row {data[int(rows[0])].id}: the gate gradient or entropy of {head_name(int(layer), int(head))} is not a "
            "finite number. Remove the row, or load the model in float32."
        )


def _size(n: int, available: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ScoreError(f"The number of examples must be a whole number of at least 1. Got {n!r}.")
    return min(int(n), available)

"""Plan: heads in groups that do much the same, how many groups there should be, and which head stands for each.

Complementary Attention Head Pruning (Livertovsky, Somin, Singer 2026, arXiv 2606.19150), as docs/methods.md states it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz.complementarity.curve import Curve, cluster
from headviz.complementarity.distance import distances
from headviz.complementarity.medoids import nearest_medoid
from headviz.complementarity.presets import PlanOptions, differences, option_of
from headviz.complementarity.representatives import pick_heads, rescue
from headviz.complementarity.space import Placed, place
from headviz.complementarity.streamed import Parts
from headviz.errors import ScoreError
from headviz.mask import Mask, head_name
from headviz.progress import CancelSignal, OnProgress

if TYPE_CHECKING:
    import pandas as pd

    from headviz.complementarity.signature import Signatures
    from headviz.data import Data
    from headviz.head_scores import HeadScores
    from headviz.subject import Subject

_NEIGHBOURS = 3


@dataclass(frozen=True, eq=False)
class Plan:
    """Which heads complement each other; N heads in reading order.

    ``options`` in force and ``preset``; ``heads`` per layer; ``placed`` (coordinates and distances); ``medoids`` for
    k = 1, 2, ...; ``silhouettes``, the curve; ``salience`` (N,) float64 or None; ``separability`` and ``floor`` (N,):
    each head's mean JM, on the labels and on permuted ones, and ``above_floor`` the share of its features above 3 times
    the latter, or None; ``notes`` sentences a page shows; ``provenance``;
    ``signatures`` it was made from, None in a plan that was opened from a file; ``count`` as asked, None = the knee's.
    """

    options: PlanOptions
    preset: str
    heads: tuple[int, ...]
    placed: Placed
    medoids: tuple[np.ndarray, ...]
    silhouettes: Curve
    salience: np.ndarray | None
    separability: np.ndarray | None
    floor: np.ndarray | None
    above_floor: np.ndarray | None
    notes: tuple[str, ...]
    provenance: dict[str, Any]
    signatures: Signatures | None = None
    count: int | None = None

    def __len__(self) -> int:
        return sum(self.heads)

    @property
    def k(self) -> int | None:
        """How many clusters: what was asked for, else what the knee says; None without a knee. Rescued heads come on
        top."""
        return self.count if self.count is not None else self.silhouettes.k

    @property
    def degree(self) -> int | None:
        return self.options.degree

    @property
    def curve(self) -> pd.DataFrame:
        """pandas: k, mss, nearest, fit, difference."""
        return self.silhouettes.curve

    def with_degree(self, degree: int | None) -> Plan:
        """The plan at the knee of another degree (1 to 8; None: no smoothing): nothing else is computed again."""
        degree = option_of(PlanOptions, "degree").check("degree", degree)
        return replace(
            self,
            options=replace(self.options, degree=degree),
            silhouettes=self.silhouettes.with_degree(degree),
            count=None,
        )

    def with_count(self, k: int) -> Plan:
        """The plan at ``k`` clusters, 1 to N, whatever the knee says."""
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= len(self):
            raise ScoreError(f"The number of heads must be a whole number from 1 to {len(self)}. Got {k!r}.")
        return replace(self, count=int(k))

    @cached_property
    def labels(self) -> np.ndarray:
        """(N,) int: each head's cluster at `k`, the place of its medoid among `centres`."""
        return nearest_medoid(self.placed.distances, self.centres)

    @property
    def centres(self) -> np.ndarray:
        """The medoids at `k`, at most as many as there are distinct heads less one."""
        return self.medoids[min(self._required_k(), len(self.medoids)) - 1]

    @cached_property
    def picked(self) -> tuple[np.ndarray, np.ndarray]:
        """(kept, rescued), each (N,) bool."""
        k, order = self._required_k(), self.ranking
        kept, _ = pick_heads(
            self.labels, self.centres, order, self.layer_of, self._representative, False, self.options.seed
        )
        missing = k - int(kept.sum())
        if missing > 0:  # more than there are distinct heads: the most salient of the rest
            rest = np.flatnonzero(~kept)
            kept[rest[np.argsort(-order[rest], kind="stable")[:missing]]] = True
        rescued = rescue(kept, order, self.layer_of) if self.options.guard else np.zeros_like(kept)
        return kept | rescued, rescued

    @property
    def mask(self) -> Mask:
        """The mask that keeps one head of each cluster, and the rescued, whose names are in its record. Raises
        ScoreError without a knee."""
        kept, rescued = self.picked
        mask = self.mask_of(kept, "cahp", {"k": self.k})
        names = [self.names[place] for place in np.flatnonzero(rescued)]
        return mask.with_provenance(rescued=names) if names else mask

    def mask_of(self, kept: np.ndarray, criterion: str, options: dict[str, Any]) -> Mask:
        """A mask that keeps ``kept`` (N,) bool, with the plan's record."""
        keep = np.zeros((len(self.heads), max(self.heads)), dtype=bool)
        keep[self.places] = kept
        chosen = {"preset": self.preset, **differences(self.options, self.preset), **options}
        if criterion == "cahp":
            chosen["degree"] = self.degree
        blocks = {"model": self.provenance.get("model"), "data": self.provenance.get("data")}
        return Mask(keep, provenance={**blocks, "criterion": {"name": criterion, "options": chosen}})

    @property
    def points(self) -> pd.DataFrame:
        """pandas, one row per head: head, x, y, cluster, role (medoid, kept, pruned, rescued), salience (0 to 1),
        layer, index. Without a knee cluster is -1 and every role empty."""
        import pandas as pd

        table = pd.DataFrame(
            {
                "head": self.names,
                "x": self.placed.coordinates[:, 0],
                "y": self.placed.coordinates[:, 1],
                "cluster": -1 if self.k is None else self.labels,
                "role": "",
                "salience": np.nan if self.salience is None else _unit(self.salience),
                "layer": self.layer_of,
                "index": self._index_of,
            }
        )
        if self.k is not None:
            kept, rescued = self.picked
            centre = np.isin(np.arange(len(self)), self.centres)
            table["role"] = np.select([rescued, kept & centre, kept], ["rescued", "medoid", "kept"], "pruned")
        return table

    @property
    def edges(self) -> pd.DataFrame:
        """pandas: head, other, distance, kind: "similar" between heads that are among each other's 3 nearest before any
        reduction, and "kept" between all kept heads."""
        return self.edges_of("similar", "kept")

    def edges_of(self, *kinds: str) -> pd.DataFrame:
        """`edges` of these kinds alone."""
        import pandas as pd

        apart = self.placed.apart.copy()
        np.fill_diagonal(apart, np.inf)
        near = np.zeros_like(apart, dtype=bool)
        np.put_along_axis(near, np.argsort(apart, axis=1, kind="stable")[:, :_NEIGHBOURS], True, axis=1)
        kept = np.zeros(len(self), dtype=bool) if self.k is None else self.picked[0]
        joined = {"similar": near & near.T, "kept": np.outer(kept, kept)}
        names = np.array(self.names, dtype=object)
        ends = [np.nonzero(np.triu(joined[kind], 1)) for kind in kinds]
        first, second = (np.concatenate([end[side] for end in ends]) for side in (0, 1))
        return pd.DataFrame(
            {
                "head": names[first],
                "other": names[second],
                "distance": apart[first, second],
                "kind": np.repeat(kinds, [len(end[0]) for end in ends]),
            }
        )

    @property
    def layer_of(self) -> np.ndarray:
        """(N,) int: the layer of each head."""
        return np.repeat(np.arange(len(self.heads)), self.heads)

    @property
    def names(self) -> list[str]:
        """N names, L0H0 first."""
        return [head_name(int(layer), int(head)) for layer, head in zip(self.layer_of, self._index_of, strict=True)]

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """(N,) int each: where each head stands in arrays (L, H)."""
        return self.layer_of, self._index_of

    @property
    def _index_of(self) -> np.ndarray:
        return np.concatenate([np.arange(there) for there in self.heads])

    @property
    def ranking(self) -> np.ndarray:
        """(N,) float64, larger = sooner kept: salience, or without it closeness to the head's own medoid."""
        if self.salience is not None:
            return self.salience
        return -self.placed.distances[np.arange(len(self)), self.centres[self.labels]]

    @property
    def _representative(self) -> str:
        return "medoid" if self.salience is None else self.options.representative

    def _required_k(self) -> int:
        if self.k is None:
            at = "Without smoothing" if self.degree is None else f"At degree {self.degree}"
            why = (
                "a straight line has none"
                if self.degree == 1
                else f"{len(self.silhouettes.mss)} points, no bend inside"
            )
            raise ScoreError(f"{at} the curve has no knee ({why}); choose another degree, or a number of heads.")
        return self.k

    def regrouped(self, parts: Parts, options: PlanOptions) -> Plan:
        """The same plan with heads placed and clustered anew, from other ``parts`` (N, ...) or ``options``."""
        placed = place(parts, distances[options.distance], options)
        medoids, curve = cluster(placed, options)
        return replace(self, options=options, placed=placed, medoids=medoids, silhouettes=curve, count=None)

    # What checks it: each in a file of its own

    def noise_curve(self, seed: int = 0, kind: str = "columns") -> Curve:
        """The same procedure on matched noise: features shuffled over heads ("columns") or of permuted "labels"."""
        from headviz.complementarity.noise import noise_curve

        return noise_curve(self, seed, kind)

    def controls(self, seed: int = 0) -> dict[str, Mask]:
        """Other choices of as many heads under the same guard: salience, random, random_per_cluster, medoid."""
        from headviz.complementarity.controls import controls

        return controls(self, seed)

    def top(self, head_scores: HeadScores) -> Mask:
        """The highest-scored heads of any criterion, as many as this plan keeps and under the same guard."""
        from headviz.complementarity.controls import top

        return top(self, head_scores)

    def quality_curve(
        self,
        subject: Subject,
        data: Data,
        counts: int | Sequence[int] = 12,
        *,
        metric: str | None = None,
        on_progress: OnProgress | None = None,
        cancel: CancelSignal | None = None,
    ) -> pd.DataFrame:
        """Measured quality against kept heads: see `headviz.complementarity.quality`."""
        from headviz.complementarity.quality import quality_curve

        return quality_curve(self, subject, data, counts, metric=metric, on_progress=on_progress, cancel=cancel)

    def stability(
        self,
        seeds: int = 8,
        resamples: int = 8,
        *,
        subject: Subject | None = None,
        data: Data | None = None,
        on_progress: OnProgress | None = None,
        cancel: CancelSignal | None = None,
    ) -> pd.DataFrame:
        """Which heads are kept under other seeds and on resampled examples: see `headviz.complementarity.stability`."""
        from headviz.complementarity.stability import stability

        return stability(self, seeds, resamples, subject=subject, data=data, on_progress=on_progress, cancel=cancel)

    def required_signatures(self) -> Signatures:
        """The signatures. Raises ScoreError in a plan that was opened from a file, which does not hold them."""
        if self.signatures is None:
            raise ScoreError(
                "This plan was opened from a file, which does not hold the signatures. Make it anew with hv.cahp."
            )
        return self.signatures

    def save(self, path: str | Path) -> None:
        """Write the plan to one Parquet file, whole or not at all; `open_plan` reads it back, without signatures."""
        from headviz.complementarity import plan_file

        plan_file.save(self, Path(path))


def open_plan(path: str | Path) -> Plan:
    """Read what `Plan.save` wrote. Raises ScoreError when the file is not one of headviz's or is damaged."""
    from headviz.complementarity import plan_file

    return Plan(**plan_file.read(Path(path)))


def _unit(values: np.ndarray) -> np.ndarray:
    span = np.ptp(values)
    return (values - values.min()) / span if span > 0 else np.zeros_like(values)

"""The section of docs/results.md that `cahp_results.py` writes: tables, and what they say in sentences."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from results import difference, share, table, wrapped

import headviz as hv
from headviz import stats
from headviz.complementarity.overlap import hypergeometric, salience_chance
from headviz.complementarity.plan import Plan
from headviz.stats import Estimate

if TYPE_CHECKING:
    from cahp_results import Arm, Measured

TITLE = "CAHP on MiniLM fine-tuned on SST-5"
_KNEE_DEGREES = (2, 3, 4, 5, 6, 7, 8, None)
_COLUMN_SEEDS, _LABEL_SEEDS = range(5), range(6)  # of labels: permutation by seed mod 2, so 3 planes for each
_PACKAGES = ("torch", "transformers", "numpy", "scikit-learn", "kneed", "numba")
_DRAWN = ("random", "random_per_cluster")
_NAMES = {
    "salience": "top-k salience",
    "his": "top-k HIS",
    "medoid": "medoids",
    "random": "random",
    "random_per_cluster": "random member",
}


def section(
    plans: dict[str, Plan], candidates: Sequence[Arm], measured: Measured, whole: hv.Mask, draws: dict[str, int]
) -> str:
    """Everything under the title; ``candidates`` with those that have no knee."""
    arms = [arm for arm in candidates if arm.plan.k is not None and arm.plan.mask in measured]
    knees = {preset: _knees(plan) for preset, plan in plans.items()}
    shared, with_salience = _between(plans, arms), _with_salience(arms)
    parts = [
        f"## {TITLE}\n",
        _intro(plans, measured),
        "### What was found\n",
        "\n".join(
            wrapped(f"- {line}")
            for line in [
                *_findings(arms, measured, draws), *_beside_noise(knees), *_beside_chance(shared, with_salience),
                *(f"The plan of preset {preset} says: {note}" for preset, plan in plans.items() for note in plan.notes),
            ]
        )
        + "\n",
        "### How many heads: the knee beside matched noise\n",
        "Heads of 72 at the knee, and the range of knees that the same procedure finds in noise. Columns: every "
        "feature shuffled over heads, 5 seeds. Labels: features of permuted labels, 2 permutations x 3 seeds of the "
        "plane. Rescued heads are not counted here.\n",
        *(_knee_table(preset, found, len(plans[preset])) for preset, found in knees.items()),
        "### Accuracy on the test split, before any fine-tune\n",
        f"Per cent of {len(measured.labels):,} sentences, with Wilson's 95 % interval. All heads: "
        f"{share(_wilson(measured[whole]))}; always the commonest label: {100 * measured.constant:.1f}. Every control "
        "keeps as many heads as CAHP, under the same guard, which gives an empty layer its most salient head back: "
        "the most salient heads (by HIS in preset headviz, by gradients averaged over batches in preset reference), "
        "the highest by HIS, the medoids, random heads, and a random member of each of CAHP's clusters. Of what is "
        "drawn: mean, range, and the number of draws so far; the whole command makes "
        f"{draws['random']} and {draws['random_per_cluster']}.\n",
        *(_accuracies(preset, candidates, measured, draws) for preset in plans),
        "CAHP less each control, in points, paired over the test sentences, with 95 % intervals from a bootstrap over "
        "them; of what is drawn, less the mean of the draws. The intervals hold neither the choice of training "
        "sentences nor the seed of the plane.\n",
        *(_differences(preset, arms, measured, draws) for preset in plans),
        "### Which heads: overlap beside chance\n",
        "Heads that the two presets share, beside what two unrelated choices of these sizes would (hypergeometric).\n",
        table(
            None, ["degree", *(f"{name} keeps" for name in plans), "shared", "chance (95 %)"],
            [[_degree(row.degree), *map(str, row.sizes), str(row.shared), _chance(row.chance)] for row in shared],
        ),
        "Heads shared with the most salient ones at equal count. Picking by salience within clusters shares many "
        "whatever the clusters are, so chance here is the same picking in 200 random partitions of the same sizes.\n",
        table(
            None, ["preset", "degree", "heads kept", "shared", "chance (95 %)"],
            [
                [row.preset, _degree(row.degree), str(row.sizes[0]), str(row.shared), _chance(row.chance)]
                for row in with_salience
            ],
        ),
    ]  # fmt: skip
    return "\n".join(wrapped(part) for part in parts).rstrip("\n") + "\n"


def _intro(plans: dict[str, Plan], measured: Measured) -> str:
    made = plans["headviz"].provenance
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    counts = plans["headviz"].required_signatures()
    classes = ", ".join(f"{name} {n}" for name, n in zip(counts.classes, counts.counts, strict=True))
    grids = " and ".join(f"{preset} {plan.required_signatures().grid}" for preset, plan in plans.items())
    return f"""CAHP (Livertovsky, Somin, Singer 2026, arXiv 2606.19150) as [methods.md](methods.md) states it, in both
presets. The figures of the paper are not available to us and the authors' code prints none, so nothing here is compared
with them, and nothing here says whether headviz reproduces them.

- Model: MiniLM, 6 layers x 12 heads, fine-tuned on SST-5 (fingerprint `{made["model"]["fingerprint"]}`), float32, on
  the CPU, one thread. Another processor may round otherwise, and t-SNE may then choose other heads.
- Signatures: {made["data"]["examples"]:,} sentences drawn from the training split with seed 0
  (fingerprint `{made["data"]["fingerprint"]}`; {classes}); grid: {grids}. Both presets see the same sentences.
- Quality: the whole test split (fingerprint `{measured.test.fingerprint}`), which nothing was chosen on; no fine-tune.
- Seeds: plane 0 (headviz) and 42 (reference); controls 0, 1, ... Salience: each preset's own.
- Versions: headviz {made["headviz"]}, {versions}.
- To measure it again: `OMP_NUM_THREADS=1 python benchmarks/cahp_results.py --cache FOLDER`, with model and data in the
  folder that `HEADVIZ_SHARED` names; it goes on where it was interrupted.
"""


def _findings(arms: Sequence[Arm], measured: Measured, draws: dict[str, int]) -> list[str]:
    distinct = list({(arm.preset, arm.plan.k): arm for arm in arms}.values())
    lines = [
        f"{len(distinct)} arms were measured: a preset and a number of heads (degrees with the same knee are one arm)."
    ]
    against = {
        name: [one for arm in distinct if (one := _paired(arm, name, measured, draws)) is not None] for name in _NAMES
    }
    for name, said in (
        ("salience", "the most salient heads, by the preset's own salience"),
        ("his", "the highest by HIS"),
        ("medoid", "the medoids of its own clusters"),
        ("random", "the mean of random heads"),
        ("random_per_cluster", "the mean of a random member of each cluster (the worth of salience)"),
    ):
        if found := against[name]:
            points = [100 * one.value for one in found]
            lines.append(
                f"Against {said}, CAHP is lower in {sum(point < 0 for point in points)} of {len(found)} arms "
                f"({sum(one.high < 0 for one in found)} beyond the interval) and higher in "
                f"{sum(point > 0 for point in points)} ({sum(one.low > 0 for one in found)}): on average "
                f"{np.mean(points):+.1f} points ({min(points):+.1f} to {max(points):+.1f})."
            )
    worth = [
        100 * (np.mean(member) - np.mean(chance))
        for arm in distinct
        if (member := drawn(arm, "random_per_cluster", measured, draws))
        and (chance := drawn(arm, "random", measured, draws))
    ]
    if worth:
        lines.append(
            "A random member of each cluster less random heads (the worth of complementarity alone): on average "
            f"{np.mean(worth):+.1f} points ({min(worth):+.1f} to {max(worth):+.1f}), from few draws that scatter."
        )
    lines.append(_verdict(against["his"]))
    return lines


def _verdict(against_his: Sequence[Estimate]) -> str:
    lower, sure = sum(one.value < 0 for one in against_his), sum(one.high < 0 for one in against_his)
    of = f"of {len(against_his)} arms, beyond the interval in {sure}"
    if any(one.low > 0 for one in against_his):
        order = "which of CAHP and plain top-k HIS is better depends on the arm"
    else:
        order = f"CAHP is in no arm better than plain top-k HIS beyond the interval, and worse in {lower} {of}"
    return f"**So before recovery, on this model, {order}.** A fine-tune after the cut may change that; it was not run."


def _beside_noise(knees: dict[str, list[KneeRow]]) -> list[str]:
    lines = []
    for preset, rows in knees.items():
        places = Counter(row.place for row in rows if row.k is not None)
        told = ", ".join(f"{place} at {count}" for place, count in places.most_common())
        lines.append(
            f"The knee of preset {preset} beside those of noise: of {places.total()} degrees, it lies "
            f"{told}. Where it lies inside, the degree sets the number of heads and not the model."
        )
    return lines


def _beside_chance(shared: Sequence[OverlapRow], with_salience: Sequence[OverlapRow]) -> list[str]:
    return [
        f"The two presets share more heads than unrelated choices at {sum(row.side > 0 for row in shared)} of "
        f"{len(shared)} degrees.",
        f"With top-k salience CAHP shares as many heads as salience picks from random clusters in "
        f"{sum(row.side == 0 for row in with_salience)} of {len(with_salience)} rows, fewer in "
        f"{sum(row.side < 0 for row in with_salience)}, more in {sum(row.side > 0 for row in with_salience)}.",
    ]


@dataclass(frozen=True)
class KneeRow:
    """The knee at one degree, and the knees of each kind of noise."""

    degree: int | None
    k: int | None
    noise: dict[str, list[int | None]]

    @property
    def place(self) -> str:
        """Where the knee lies beside the ranges of both kinds of noise."""
        ranges = [[k for k in found if k is not None] for found in self.noise.values()]
        if self.k is None or not all(ranges):
            return ""
        inside = [kind for kind, r in zip(self.noise, ranges, strict=True) if min(r) <= self.k <= max(r)]
        if inside:
            return "inside both" if len(inside) == len(ranges) else f"inside {inside[0]} only"
        low, high = min(map(min, ranges)), max(map(max, ranges))
        if low < self.k < high:
            return "between them"
        side, away = ("above", self.k - high) if self.k > high else ("below", low - self.k)
        return f"{away} {'head' if away == 1 else 'heads'} {side} both"


def _knees(plan: Plan) -> list[KneeRow]:
    noises = {
        "columns": [plan.noise_curve(seed) for seed in _COLUMN_SEEDS],
        "labels": [plan.noise_curve(seed, "labels") for seed in _LABEL_SEEDS],
    }
    return [
        KneeRow(
            degree,
            plan.with_degree(degree).k,
            {kind: [curve.with_degree(degree).k for curve in curves] for kind, curves in noises.items()},
        )
        for degree in _KNEE_DEGREES
    ]


def _knee_table(preset: str, found: Sequence[KneeRow], heads: int) -> str:
    rows = [
        [
            _degree(row.degree),
            "no knee" if row.k is None else f"{row.k} ({100 * row.k / heads:.0f} %)",
            *map(_band, row.noise.values()),
            row.place,
        ]
        for row in found
    ]
    return table(f"Preset {preset}", ["degree", "knee", "columns", "labels", "the model's knee is"], rows)


def _band(found: Sequence[int | None]) -> str:
    there = [k for k in found if k is not None]
    without = len(found) - len(there)
    if not there:
        return "no knee"
    return _range(min(there), max(there)) + (f" ({without} of {len(found)} without)" if without else "")


def _accuracies(preset: str, candidates: Sequence[Arm], measured: Measured, draws: dict[str, int]) -> str:
    rows = []
    for arm in (one for one in candidates if one.preset == preset):
        if arm.plan.k is None:
            try:
                arm.plan.mask  # noqa: B018 -- for what it says
            except hv.ScoreError as error:
                rows.append([_degree(arm.degree), str(error), *[""] * (1 + len(_NAMES))])
        elif arm.plan.mask in measured:
            cells = [share(_wilson(measured[arm.plan.mask]))]
            for name in _NAMES:
                shares = [100 * right.mean() for right in drawn(arm, name, measured, draws)]
                if name not in _DRAWN:
                    cells.append(share(_wilson(measured[arm.controls()[name]])) if shares else "")
                elif shares:
                    span = (
                        f"{min(shares):.1f} to {max(shares):.1f}, {len(shares)} draws" if len(shares) > 1 else "1 draw"
                    )
                    cells.append(f"{np.mean(shares):.1f} ({span})")
                else:
                    cells.append("")
            rows.append([_degree(arm.degree), str(arm.plan.mask.count), *cells])
    return table(f"Preset {preset}", ["degree", "heads kept", "CAHP", *_NAMES.values()], rows)


def _differences(preset: str, arms: Sequence[Arm], measured: Measured, draws: dict[str, int]) -> str:
    rows = []
    for arm in (one for one in arms if one.preset == preset):
        found = [_paired(arm, name, measured, draws) for name in _NAMES]
        cells = ["" if one is None else difference(one) for one in found]
        rows.append([_degree(arm.degree), str(arm.plan.mask.count), *cells])
    return table(f"Preset {preset}", ["degree", "heads kept", *(f"less {name}" for name in _NAMES.values())], rows)


def drawn(arm: Arm, name: str, measured: Measured, draws: dict[str, int]) -> list[np.ndarray]:
    """Which examples each measured draw of one control gets right; one draw where nothing is drawn."""
    masks = [arm.controls(seed)[name] for seed in range(draws.get(name, 1))]
    return [measured[mask] for mask in masks if mask in measured]


def _paired(arm: Arm, name: str, measured: Measured, draws: dict[str, int]) -> Estimate | None:
    found = drawn(arm, name, measured, draws)
    if not found:
        return None
    return stats.paired(measured[arm.plan.mask].astype(float), np.mean(found, axis=0))


@dataclass(frozen=True)
class OverlapRow:
    """How many heads two choices share, and mean and 95 % band of what chance would."""

    preset: str
    degree: int | None
    sizes: tuple[int, ...]
    shared: int
    chance: tuple[float, float, float]

    @property
    def side(self) -> int:
        """1 above the band of chance, -1 below it, 0 inside."""
        return int(self.shared > self.chance[2]) - int(self.shared < self.chance[1])


def _between(plans: dict[str, Plan], arms: Sequence[Arm]) -> list[OverlapRow]:
    by = {(arm.preset, arm.degree): arm.plan for arm in arms}
    rows = []
    for degree in dict.fromkeys(arm.degree for arm in arms):
        both = [by[preset, degree].picked[0] for preset in plans if (preset, degree) in by]
        if len(both) == len(plans):
            sizes = tuple(int(kept.sum()) for kept in both)
            chance = hypergeometric(sizes[0], sizes[1], len(both[0]))
            rows.append(OverlapRow("", degree, sizes, int(np.logical_and(*both).sum()), chance))
    return rows


def _with_salience(arms: Sequence[Arm]) -> list[OverlapRow]:
    rows = []
    for arm in arms:
        plan, top = arm.plan, arm.controls()["salience"].keep.ravel()
        kept = plan.picked[0]
        chance = salience_chance(plan.labels, plan.centres, plan.ranking, plan.layer_of, top)
        rows.append(OverlapRow(arm.preset, arm.degree, (int(kept.sum()),), int((kept & top).sum()), chance))
    return rows


def _degree(degree: int | None) -> str:
    return "no smoothing" if degree is None else str(degree)


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _chance(found: tuple[float, float, float]) -> str:
    return f"{found[0]:.1f} ({_range(round(found[1], 1), round(found[2], 1))})"


def _wilson(right: np.ndarray) -> Estimate:
    return stats.wilson(int(right.sum()), len(right))

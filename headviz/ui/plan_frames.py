"""Tables of a plan for the charts: what each needs, one row per mark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from headviz.complementarity.controls import filled
from headviz.stats import generator
from headviz.ui.frames import heads_frame

if TYPE_CHECKING:
    from headviz.complementarity.curve import Curve
    from headviz.complementarity.plan import Plan

NOISES = {"columns": "shuffled features", "labels": "permuted labels"}
CONTROLS = {
    "cahp": "CAHP",
    "salience": "top salience",
    "random": "random",
    "random_per_cluster": "random per cluster",
    "medoid": "medoids",
    "integrated_gradients": "top integrated gradients",
}
_DRAWS = 20  # of random masks of the plan's size
_BAND = (0.025, 0.975)


def graph_points(plan: Plan, picked: str | None) -> pd.DataFrame:
    """`Plan.points` with size (heads in the same cluster) and picked."""
    points = plan.points
    points["size"] = 0 if plan.k is None else np.bincount(plan.labels)[plan.labels]
    points["picked"] = points["head"] == picked
    return points.round({"x": 4, "y": 4, "salience": 4})


def graph_edges(plan: Plan, *, kept: bool) -> pd.DataFrame:
    """x, y, x2, y2, kind, of edges between like heads and, with ``kept``, between all kept heads."""
    edges = plan.edges_of("similar", "kept") if kept else plan.edges_of("similar")
    number = {name: head for head, name in enumerate(plan.names)}
    places = plan.placed.coordinates.round(4)
    (x, y), (x2, y2) = (places[edges[end].map(number).to_numpy(dtype=int)].T for end in ("head", "other"))
    return pd.DataFrame({"x": x, "y": y, "x2": x2, "y2": y2, "kind": edges["kind"]})


def knees(plan: Plan) -> pd.DataFrame:
    """k, name, chosen: the knee of the degree, and the number in force where that is another."""
    own, rows = plan.silhouettes.k, []
    if own is not None:
        rows.append((own, f"knee {own}", own == plan.k))
    if plan.k is not None and plan.k != own:
        rows.append((plan.k, f"{plan.k} in force", True))
    return pd.DataFrame(rows, columns=["k", "name", "chosen"]).astype({"k": float, "name": str, "chosen": bool})


def noise_bands(noise: Mapping[str, Sequence[Curve]]) -> pd.DataFrame:
    """k, kind, low, high: between the lowest and the highest curve of each kind."""
    tables = []
    for kind, curves in noise.items():
        last = min(len(curve.values) for curve in curves)
        values = np.stack([curve.values[:last] for curve in curves])
        band = pd.DataFrame({"k": curves[0].counts[:last], "low": values.min(axis=0), "high": values.max(axis=0)})
        tables.append(band.assign(kind=NOISES[kind]))
    return (
        pd.concat(tables, ignore_index=True).round(5) if tables else pd.DataFrame(columns=["k", "low", "high", "kind"])
    )


def noise_at(noise: Mapping[str, Sequence[Curve]], degree: int | None) -> dict[str, list[Curve]]:
    """The same curves at a degree."""
    return {kind: [curve.with_degree(degree) for curve in curves] for kind, curves in noise.items()}


def noise_knees(noise: Mapping[str, Sequence[Curve]]) -> pd.DataFrame:
    """k, kind, times: where the knees of matched noise lie, and how many seeds each."""
    times = Counter((NOISES[kind], curve.k) for kind, curves in noise.items() for curve in curves)
    rows = [(kind, float(k), count) for (kind, k), count in times.items() if k is not None]
    return pd.DataFrame(rows, columns=["kind", "k", "times"])


def layer_shares(plan: Plan) -> tuple[pd.DataFrame, dict[str, tuple[float, float, float]]]:
    """name, cahp, salience, low, high: pruned share per layer, of the plan, of top salience, and of random draws under
    the same guard. With it mean kept depth, 0 to 1, of "cahp", "salience" and "random": value and its band."""
    kept = {"cahp": plan.picked[0][None]}
    if plan.salience is not None:
        kept["salience"] = _top(plan, plan.salience)[None]
    kept["random"] = np.stack([_top(plan, generator(seed).random(len(plan))) for seed in range(_DRAWS)])
    per_layer = {name: _pruned_by_layer(plan, found) for name, found in kept.items()}
    low, high = np.quantile(per_layer["random"], _BAND, axis=0)
    table = pd.DataFrame({"name": [f"L{layer}" for layer in range(len(plan.heads))]})
    table["cahp"] = per_layer["cahp"][0]
    table["salience"] = per_layer["salience"][0] if "salience" in per_layer else np.nan
    table["low"], table["high"] = low, high
    depth = (plan.layer_of + 0.5) / len(plan.heads)
    depths = {}
    for name, found in kept.items():
        means = (found * depth).sum(axis=1) / found.sum(axis=1)
        low_depth, high_depth = np.quantile(means, _BAND)
        depths[name] = (float(means.mean()), float(low_depth), float(high_depth))
    return table.round(4), depths


def _top(plan: Plan, order: np.ndarray) -> np.ndarray:
    """(N,) bool: the highest of ``order``, as many as the plan keeps and under its guard, as `Plan.controls` does."""
    first = np.zeros(len(plan), dtype=bool)
    return filled(first, order, plan.layer_of, int(plan.picked[0].sum()), guard=plan.options.guard)


def _pruned_by_layer(plan: Plan, kept: np.ndarray) -> np.ndarray:
    """``kept`` (draws, N) gives (draws, L)."""
    of_layer = np.arange(len(plan.heads))[:, None] == plan.layer_of
    return 1 - (kept @ of_layer.T.astype(float)) / np.array(plan.heads)


def kept_shares(plan: Plan, runs: pd.DataFrame, picked: str | None) -> pd.DataFrame:
    """One row per head: the share of ``runs`` of `Plan.stability` that keep it, and whether the plan does."""
    share = np.full((len(plan.heads), max(plan.heads)), np.nan)
    share[plan.places] = np.mean([np.isin(plan.names, kept) for kept in runs["kept"]], axis=0)
    return heads_frame(plan.heads, plan.mask, picked=picked, share=share)


def measured_rows(table: pd.DataFrame) -> pd.DataFrame:
    """`measured_controls` for the chart: what, own, and where there are draws their ends."""
    several = table["draws"] > 1
    rows = table.assign(what=[CONTROLS.get(name, name) for name in table["name"]], own=table["name"] == "cahp")
    for name in ("lowest", "highest"):
        rows[name] = rows[name].where(several, rows["value"])
    return rows[["what", "value", "low", "high", "lowest", "highest", "own"]]

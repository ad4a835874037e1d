"""Tables of a plan for the charts: what each needs, one row per mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

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
    points["size"] = points.groupby("cluster")["head"].transform("size")
    points["picked"] = points["head"] == picked
    return points.round({"x": 4, "y": 4, "salience": 4})


def graph_edges(plan: Plan, *, kept: bool) -> pd.DataFrame:
    """x, y, x2, y2, kind, of edges between like heads and, with ``kept``, between all kept heads."""
    edges, places = plan.edges, plan.points.set_index("head")[["x", "y"]].round(4)
    edges = edges if kept else edges[edges["kind"] == "similar"]
    start, end = places.loc[edges["head"]], places.loc[edges["other"]]
    return pd.DataFrame(
        {
            "x": start["x"].to_numpy(),
            "y": start["y"].to_numpy(),
            "x2": end["x"].to_numpy(),
            "y2": end["y"].to_numpy(),
            "kind": edges["kind"].to_numpy(),
        }
    )


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


def noise_knees(noise: Mapping[str, Sequence[Curve]], degree: int | None) -> pd.DataFrame:
    """k, kind, times: where the knees of matched noise lie at a degree, and how many seeds each."""
    rows = [(NOISES[kind], curve.with_degree(degree).k) for kind, curves in noise.items() for curve in curves]
    found = pd.DataFrame(rows, columns=["kind", "k"]).dropna()
    return found.groupby(["kind", "k"]).size().rename("times").reset_index().astype({"k": float})


def layer_shares(plan: Plan) -> tuple[pd.DataFrame, dict[str, tuple[float, float, float]]]:
    """name, cahp, salience, low, high: pruned share per layer, of the plan, of top salience, and of random draws under
    the same guard. With it mean kept depth, 0 to 1, of "cahp", "salience" and "random": value and its band."""
    draws = [plan.controls(seed) for seed in range(_DRAWS)]
    kept = {"cahp": plan.picked[0][None]}
    if "salience" in draws[0]:
        kept["salience"] = draws[0]["salience"].keep[plan.places][None]
    kept["random"] = np.stack([draw["random"].keep[plan.places] for draw in draws])
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

"""How steeply the loss rises around the weights that training found: slices in random directions (Li et al. 2018).

theta are the weights of the projections that adapters sit on, after merging, so that "lora" and "safe" are sliced in
the same space; a slice through the adapters' own factors would mean nothing, since A c and B / c are the same model. A
direction is Gaussian, each output row scaled to the norm of that row of theta (filter normalisation): what is drawn is
the same for all models, the scale is each model's own. One direction says nothing about flatness: look at several.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from transformers.pytorch_utils import Conv1D

from headviz import stats
from headviz.errors import RunError
from headviz.evaluation import Prepared, prepare
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.recovery.adapters import projections
from headviz.subject import Subject

if TYPE_CHECKING:
    import pandas as pd

    from headviz.data import Data

LIMIT = 512


@dataclass(frozen=True, eq=False)
class LossSlice:
    """``frame``, pandas: name, direction (from 0), alpha (-1 to 1), loss (mean over ``examples`` texts, nats).

    ``rise``, pandas, a row per model: name; rise, how much the loss is higher at alpha -0.5 and 0.5 than at 0, mean
    over both sides and all directions; lowest and highest of any one direction; directions, their number.
    """

    frame: pd.DataFrame
    rise: pd.DataFrame
    examples: int


def loss_slice(
    subjects: Mapping[str, Subject],
    data: Data,
    *,
    points: int = 21,
    directions: int = 3,
    mlp: bool = False,
    seed: int = 0,
    limit: int = LIMIT,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> LossSlice:
    """The loss of each of ``subjects`` on ``data`` at ``points`` weights theta + alpha d, alpha from -1 to 1, along
    ``directions`` random directions d drawn with ``seed``.

    ``points`` is 5, 9, 13, ..., so that 0 and 0.5 are among them. ``mlp``: theta has the projections of the MLP, too.
    Of more than ``limit`` texts so many are drawn with ``seed``, the same for all. The subjects are not touched: copies
    of their models are moved. Raises RunError for models of different shapes and settings that make no sense, DataError
    where data and models do not fit, Cancelled.
    """
    _check(subjects, points, directions, limit, mlp)
    data = _some(prepare(next(iter(subjects.values())), data).data, limit, seed)
    prepared = {name: prepare(subject, data) for name, subject in subjects.items()}
    alphas = np.linspace(-1, 1, points)
    alphas[points // 2] = 0.0
    passes = len(subjects) * (directions * (points - 1) + 1)
    rows: list[dict[str, Any]] = []
    with Progress(passes * len(data), "slicing the loss", on_progress, cancel) as progress:
        for name, one in prepared.items():
            for direction, losses in enumerate(_curves(one, alphas, directions, mlp, seed, progress)):
                places = zip(alphas.tolist(), losses, strict=True)
                rows += [{"name": name, "direction": direction, "alpha": at, "loss": loss} for at, loss in places]
    return _result(rows, len(data))


@torch.no_grad()
def _curves(
    prepared: Prepared, alphas: np.ndarray, directions: int, mlp: bool, seed: int, progress: Progress
) -> Iterator[list[float]]:
    """Mean losses (points,) along each direction, on a copy of the model; the one at 0 is measured once."""
    own = prepared.subject
    moved = Subject.wrap(copy.deepcopy(own.model), own.processor, name=own.name, task=own.task)
    loss = _loss(moved, prepared, progress)
    parts = projections(moved.model, mlp)
    start = [_rows(part).double() for part in parts.values()]
    here = loss()
    for number in range(directions):
        draw = np.random.default_rng((seed, number))
        along = [_like(theta, draw) for theta in start]
        losses = []
        for alpha in alphas:
            for part, theta, direction in zip(parts.values(), start, along, strict=True):
                _rows(part).copy_(theta + alpha * direction)
            losses.append(loss() if alpha else here)
        yield losses


def _loss(subject: Subject, prepared: Prepared, progress: Progress) -> Callable[[], float]:
    """A function that gives the mean loss of ``subject`` as its weights stand, in nats."""
    encoded = subject.encode(prepared.data.inputs)
    batches = list(encoded.batches())
    labels = torch.as_tensor(prepared.labels)

    def mean() -> float:
        total = 0.0
        for batch in batches:
            logits = subject.forward(batch.inputs).double().cpu()
            total += float(subject.task_definition.loss(logits, labels[torch.as_tensor(batch.indices)]).sum())
            progress.step(len(batch.indices))
        return total / len(labels)

    return mean


def _like(theta: Tensor, draw: np.random.Generator) -> Tensor:
    """A Gaussian direction (out, in) whose rows have the norms of those of ``theta``."""
    drawn = torch.as_tensor(draw.standard_normal(tuple(theta.shape)), device=theta.device)
    norms = drawn.norm(dim=1, keepdim=True)
    return drawn * torch.where(norms > 0, theta.norm(dim=1, keepdim=True) / norms, 0.0)


def _rows(part: Any) -> Tensor:
    """The weight of a projection as (out, in), sharing its memory."""
    return part.weight.T if isinstance(part, Conv1D) else part.weight


def _some(data: Data, limit: int, seed: int) -> Data:
    if len(data) <= limit:
        return data
    return data.take(sorted(stats.generator(seed).permutation(len(data))[:limit].tolist()))


def _result(rows: list[dict[str, Any]], examples: int) -> LossSlice:
    import pandas as pd

    frame = pd.DataFrame(rows)
    rises = []
    for name, of_model in frame.groupby("name", sort=False):
        each = [_rise(curve["loss"].to_numpy()) for _, curve in of_model.groupby("direction")]
        spread = {"lowest": min(each), "highest": max(each), "directions": len(each)}
        rises.append({"name": name, "rise": math.fsum(each) / len(each), **spread})
    return LossSlice(frame, pd.DataFrame(rises), examples)


def _rise(losses: np.ndarray) -> float:
    """The mean of the losses at alpha -0.5 and 0.5, less that at 0, of a curve (points,) over -1 to 1."""
    quarter = (len(losses) - 1) // 4
    return float((losses[quarter] + losses[-1 - quarter]) / 2 - losses[2 * quarter])


def _check(subjects: Mapping[str, Subject], points: int, directions: int, limit: int, mlp: bool) -> None:
    if not subjects:
        raise RunError("There is no model to slice the loss of; give at least one, by name.")
    for what, value in (("points", points), ("directions", directions), ("limit", limit)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise RunError(f"{what} must be a whole number of at least 1. Got {value!r}.")
    if points < 5 or points % 4 != 1:
        raise RunError(f"points must be 5, 9, 13 and so on, so that 0 and 0.5 are among them. Got {points}.")
    first_name, first = next(iter(subjects.items()))
    shapes = _shapes(first, mlp)
    if not shapes:
        raise RunError(f"{first_name} has no heads left, so it has no projections to slice along.")
    for name, subject in subjects.items():
        if _shapes(subject, mlp) != shapes:
            raise RunError(
                f"{name} and {first_name} have projections of different shapes, so their losses cannot be sliced in "
                "one direction. Compare models that were cut by the same mask."
            )


def _shapes(subject: Subject, mlp: bool) -> dict[str, tuple[int, ...]]:
    return {name: tuple(part.weight.shape) for name, part in projections(subject.model, mlp).items()}

"""What may be set of a recovery: each setting with its default, its sentence and its range, and what a method takes."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from headviz.errors import RunError, ScoreError
from headviz.option import Option

SETTINGS: Mapping[str, Option] = {
    "lr": Option(5e-4, "Learning rate at its highest; it falls linearly to 0.", low=1e-8, high=1.0),
    "epochs": Option(1, "Passes over the training texts.", low=1, high=100, whole=True),
    "batch_size": Option(16, "Texts in a step.", low=1, high=4096, whole=True),
    "weight_decay": Option(0.01, "Weight decay of AdamW.", low=0, high=1),
    "lr_warmup": Option(0.06, "Share of the steps over which the learning rate rises.", low=0, high=1),
    "clip": Option(1.0, "Greatest norm of the gradient.", low=1e-6, high=1e6),
    "max_length": Option(128, "Tokens at which a training text is cut.", low=4, high=100_000, whole=True),
    "evaluations": Option(4, "Looks at the validation texts in an epoch.", low=1, high=100, whole=True),
    "patience": Option(
        3, "Looks without a better one after which the run stops.", low=1, high=1000, whole=True, optional=True
    ),
    "r": Option(8, "Rank of an adapter.", low=1, high=1024, whole=True),
    "alpha": Option(16, "Scale of an adapter: its output counts alpha / r times.", low=1e-6, high=1e6),
    "dropout": Option(0.0, "Dropout before an adapter.", low=0, high=0.9),
    "mlp": Option(False, "Whether the MLP's projections have adapters, too.", switch=True),
    "warmup": Option(0.15, "Share of the steps before the first block may be frozen.", low=0, high=0.5),
    "end": Option(0.5, "Share of the steps at which the threshold reaches its level.", low=0, high=1),
    "level": Option(0.8, "The threshold in the end.", low=0, high=0.99),
    "checks": Option(8, "How often importance is looked at, from the warm-up's end on.", low=2, high=20, whole=True),
    "at_least": Option(1, "Blocks that stay live whatever happens.", low=1, high=1000, whole=True),
    "scale": Option(
        "relative",
        "What the threshold is a share of: the greatest importance of a live block, or nothing.",
        choices=("relative", "absolute"),
    ),
    "reference": Option(
        "start", "What a block's output is compared with: at the start, or at the last check.", ("start", "previous")
    ),
    "site": Option(
        "block", "Whose output is compared: the block's, or that of its attention's output projection.",
        ("block", "adapter"),
    ),
    "probe": Option(
        64, "Training texts on which outputs are compared, of 2,048 tokens at most.", low=4, high=4096, whole=True
    ),
    "lowest": Option(None, "Blocks frozen from the first step on, from the bottom.", low=1, whole=True, optional=True),
}  # fmt: skip

TRAINING = ("lr", "epochs", "batch_size", "weight_decay", "lr_warmup", "clip", "max_length", "evaluations", "patience")
ADAPTERS = ("r", "alpha", "dropout", "mlp")
COUNTS_FROM = "counts_from"
SAFE = ("warmup", "end", "level", "checks", "at_least", "scale", "reference", "site", "probe")


def check_settings(
    method: str, names: tuple[str, ...], defaults: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Every setting of ``names`` with its value: the given one, else the method's default, else the setting's own.

    ``counts_from`` is a run's folder and no number; it becomes text. Raises RunError for a setting that the method does
    not take, and for a value out of its range.
    """
    unknown = [name for name in given if name not in names]
    if unknown:
        raise RunError(f"{method} has no setting {unknown[0]!r}; it takes {', '.join(names)}.")
    values = {name: defaults.get(name, SETTINGS[name].default) for name in names if name in SETTINGS} | dict(given)
    if values.get(COUNTS_FROM) is not None:
        if not isinstance(values[COUNTS_FROM], str | os.PathLike):
            raise RunError(f"{COUNTS_FROM} must be the folder of a run. Got {values[COUNTS_FROM]!r}.")
        values[COUNTS_FROM] = os.fspath(values[COUNTS_FROM])
    try:
        return {
            name: SETTINGS[name].check(name, value) if name in SETTINGS else value for name, value in values.items()
        }
    except ScoreError as error:
        raise RunError(str(error)) from error


def total_steps(texts: int, settings: Mapping[str, Any]) -> int:
    """Optimizer steps of a run over ``texts`` training texts."""
    return steps_of_an_epoch(texts, settings) * settings["epochs"]


def steps_of_an_epoch(texts: int, settings: Mapping[str, Any]) -> int:
    return math.ceil(texts / settings["batch_size"])

"""What tests of recovery start from: a small model with uneven and empty layers, two splits, and runs in few steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import headviz as hv
from headviz.data import Data
from headviz.recovery import Recovery
from tests.tiny import LABELS, tiny_labels, tiny_model, tiny_texts

KEPT = ((0, 2, 3), (), (1, 2), (0, 1, 2, 3))  # of four layers with four heads: uneven, and one without any
FREEZING = {"warmup": 0.2, "end": 0.6, "level": 0.99, "checks": 3}  # after steps 2, 4 and 6 of 10


def pruned(
    family: str = "bert", kept: Sequence[Sequence[int]] = KEPT, dtype: torch.dtype = torch.float32, **config: Any
) -> hv.Subject:
    """A random classifier of ``family``, with dropout, and only the heads ``kept`` left."""
    model, tokenizer = tiny_model(family, layers=len(kept), **config)
    subject = hv.Subject.wrap(model.to(dtype), tokenizer, name="tiny")
    keep = np.zeros(subject.shape, dtype=bool)
    for layer, heads in enumerate(kept):
        keep[layer, list(heads)] = True
    return hv.prune(subject, hv.Mask(keep, subject=subject)) if not keep.all() else subject


def splits(train: int = 40, validation: int = 24, labels: Sequence[str] = LABELS) -> tuple[Data, Data]:
    """Two splits without a text in common, whose labels have nothing to do with the texts."""
    texts = tiny_texts(train + validation, shortest=5, longest=20)
    frame = pd.DataFrame({"text": texts, "label": tiny_labels(len(texts), labels=labels)})
    data = hv.load_data(frame)
    return data[:train], data[train:]


def short(method: str, **settings: Any) -> dict[str, Any]:
    """Settings of a run of 10 steps in two epochs of 5, with a look at validation every 2 steps, decay and dropout."""
    values: dict[str, Any] = {"epochs": 2, "batch_size": 8, "evaluations": 2, "weight_decay": 0.1, "patience": None}
    if method != "full":
        values |= {"dropout": 0.1, "r": 4, "lr": 5e-3}
    if method.startswith("safe"):
        values |= FREEZING
    return values | settings


def run(
    method: str, folder: Path, *, subject: hv.Subject, data: tuple[Data, Data] | None = None, **rest: Any
) -> Recovery:
    """A short recovery of ``subject`` in ``folder``."""
    own = {name: rest.pop(name) for name in ("seed", "on_progress", "cancel") if name in rest}
    return hv.recover(subject, *(data or splits()), method=method, folder=folder, **own, **short(method, **rest))


def weights_of(subject: hv.Subject) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in subject.model.state_dict().items()}


def same_weights(a: hv.Subject, b: hv.Subject) -> bool:
    """Whether two subjects have the same weights, bit for bit, under the same names."""
    ours, theirs = a.model.state_dict(), b.model.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)

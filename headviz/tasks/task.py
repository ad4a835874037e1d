"""What a task is: how examples become features, the loss, the metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from headviz.stats import Estimate

Metric = Callable[[np.ndarray, np.ndarray, int], Estimate]
"""labels (N,), predictions (N,), number of classes -> estimate with its 95 % interval"""
PROBE_TEXTS = ("It was not what we hoped for, but it was good in its own way.", "A good one.")


def labels_of_config(config: Any, processor: Any) -> tuple[str, ...]:
    """The names of the classes, in the order of the logits."""
    return tuple(str(config.id2label[number]) for number in range(config.num_labels))


def probe_texts(processor: Any) -> list[tuple[Any, ...]]:
    """Two texts of different lengths."""
    return [(text,) for text in PROBE_TEXTS]


def pad(processor: Any, features: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Padded on the right, whatever the tokenizer says: encoders count positions from the left and classify the first
    token."""
    return dict(processor.pad(features, padding_side="right", return_tensors="pt", verbose=False))


def missing_of_tokenizer(processor: Any) -> str | None:
    """What a tokenizer lacks, as the rest of a sentence that begins with the model's name; None for a good one."""
    if not callable(processor) or not hasattr(processor, "pad") or not hasattr(processor, "pad_token_id"):
        return f"came with {type(processor).__name__} for a tokenizer. Give the model's tokenizer"
    if processor.pad_token_id is None:
        return "has a tokenizer without a padding token, so texts cannot be read together. Set one"
    return None


def as_given(logits: Tensor, inputs: dict[str, Tensor]) -> Tensor:
    return logits


@dataclass(frozen=True)
class Task:
    """One kind of problem. What has a default is that of texts with one label.

    ``auto``: the class of transformers that opens such a model. ``tokenise(processor, inputs, max_length, segments)``
    gives per example the model's features without padding and how many examples were cut, ``collate(processor,
    features)`` the tensors of a batch; ``loss(logits (B, C), targets (B,))`` gives the loss of each example (B,), in
    nats; ``metrics`` the figures of quality, the main one first; ``classes(config, processor)`` the names of the
    classes; ``read(logits, inputs)`` turns what the model gives into logits (B, C); ``probes(processor)`` two inputs to
    try a model on; ``missing(processor)`` what a processor lacks.
    """

    name: str
    title: str
    auto: str
    tokenise: Callable[[Any, list[tuple[Any, ...]], int, bool], tuple[list[dict[str, Any]], int]]
    loss: Callable[[Tensor, Tensor], Tensor]
    metrics: Mapping[str, Metric]
    collate: Callable[[Any, list[dict[str, Any]]], dict[str, Tensor]] = pad
    classes: Callable[[Any, Any], tuple[str, ...]] = labels_of_config
    read: Callable[[Tensor, dict[str, Tensor]], Tensor] = as_given
    probes: Callable[[Any], list[tuple[Any, ...]]] = probe_texts
    missing: Callable[[Any], str | None] = missing_of_tokenizer

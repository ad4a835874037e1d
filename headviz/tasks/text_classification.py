"""Text classification: one text or a pair of texts, one label out of C classes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from headviz import stats
from headviz.tasks.task import Task


def tokenise(
    processor: Any, inputs: list[tuple[str, ...]], max_length: int, segments: bool
) -> tuple[list[dict[str, list[int]]], int]:
    """Features of each example without padding, cut to ``max_length`` tokens, and the number of examples that were
    cut."""
    # asked for explicitly: some tokenizers leave segment ids out though their model reads them, or the other way round
    options = {"return_token_type_ids": segments, "return_attention_mask": True}
    features = _features(processor, inputs, truncation=False, **options)
    long = [i for i, one in enumerate(features) if len(one["input_ids"]) > max_length]
    if long:
        cut = _features(processor, [inputs[i] for i in long], truncation=True, max_length=max_length, **options)
        for i, one in zip(long, cut, strict=True):
            features[i] = one
    return features, len(long)


def _features(processor: Any, inputs: list[tuple[str, ...]], **options: Any) -> list[dict[str, list[int]]]:
    columns = [list(column) for column in zip(*inputs, strict=True)]
    encoded = processor(*columns, padding=False, verbose=False, **options)
    return [{name: values[i] for name, values in encoded.items()} for i in range(len(inputs))]


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each example, (B,), in nats."""
    return torch.nn.functional.cross_entropy(logits, targets, reduction="none")


TEXT_CLASSIFICATION = Task(
    name="text-classification",
    title="Text classification",
    auto="AutoModelForSequenceClassification",
    tokenise=tokenise,
    loss=loss,
    metrics={"accuracy": stats.accuracy, "macro_f1": stats.macro_f1_estimate, "matthews": stats.matthews_estimate},
)

"""Batches: examples sorted by length, so that little is padded, in an order that depends on nothing but the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from headviz.errors import DataError

BATCH_TOKENS = 1024
"""Tokens in a batch, padding included. On two cores smaller batches stay in cache and larger ones win nothing."""


@dataclass(frozen=True)
class Batch:
    """``indices`` (B,) of the examples in the data; ``inputs`` for the model, padded; ``real`` (B, n) bool, False at
    padding."""

    indices: np.ndarray
    inputs: dict[str, Tensor]
    real: Tensor


@dataclass(frozen=True)
class Encoded:
    """Tokenised data: features per example without padding, ``truncated`` of them cut to the model's limit."""

    features: list[dict[str, list[int]]]
    truncated: int
    processor: Any
    device: str

    def __len__(self) -> int:
        return len(self.features)

    def plan(self, batch_tokens: int = BATCH_TOKENS, batch_size: int | None = None) -> list[np.ndarray]:
        """Indices of each batch: longest first, ties in the data's order; at most ``batch_tokens`` padded tokens or
        ``batch_size`` examples each."""
        for name, size in (("batch_tokens", batch_tokens), ("batch_size", 1 if batch_size is None else batch_size)):
            if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
                raise DataError(f"{name} must be a whole number of at least 1. Got {size!r}.")
        lengths = np.array([len(one["input_ids"]) for one in self.features])
        order = np.argsort(-lengths, kind="stable")
        batches, start = [], 0
        while start < len(order):
            size = (
                int(batch_size)
                if batch_size is not None
                else max(1, batch_tokens // max(1, int(lengths[order[start]])))
            )
            batches.append(order[start : start + size])
            start += size
        return batches

    def batches(self, batch_tokens: int = BATCH_TOKENS, batch_size: int | None = None) -> Iterator[Batch]:
        for indices in self.plan(batch_tokens, batch_size):
            yield self.batch(indices)

    def batch(self, indices: np.ndarray) -> Batch:
        # on the right whatever the tokenizer says: encoders count positions from the left and classify the first token
        padded = self.processor.pad(
            [self.features[i] for i in indices], padding_side="right", return_tensors="pt", verbose=False
        )
        inputs = {name: tensor.to(self.device) for name, tensor in padded.items()}
        real = inputs["attention_mask"].bool()
        return Batch(indices, inputs, real)


def encode(subject: Any, inputs: list[tuple[str, ...]]) -> Encoded:
    """Tokenise ``inputs`` for ``subject``; texts beyond its limit are cut and counted."""
    if not inputs:
        raise DataError("There are no examples; choose data with at least one row.")
    features, truncated = subject.task_definition.tokenise(
        subject.processor, inputs, subject.max_length, subject.segments
    )
    return Encoded(features, truncated, subject.processor, subject.device)

"""Batches: examples sorted by length, so that little is padded, in an order that depends on nothing but the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from headviz.errors import DataError
from headviz.tasks import Task, tasks

BATCH_TOKENS = 1024
"""Tokens in a batch, padding included. On two cores smaller batches stay in cache and larger ones win nothing."""


@dataclass(frozen=True)
class Batch:
    """``indices`` (B,) of the examples in the data; ``inputs`` for the model, padded; ``real`` (B, n) bool, False at
    padding, or (B, 1) where there is none."""

    indices: np.ndarray
    inputs: dict[str, Tensor]
    real: Tensor


def truncation_notes(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    """The sentence on texts that were cut at the model's limit, of a result whose record holds `Encoded.reading`."""
    cut, texts, limit = (provenance.get(key) for key in ("truncated", "texts", "max_length"))
    if not cut:
        return ()
    of = f" of the {texts:,} texts" if texts else " texts"
    at = f"{limit:,} tokens" if limit else "the model's limit"
    are, were = ("is", "was") if cut == 1 else ("are", "were")
    return (f"{cut:,}{of} {are} longer than {at} and {were} cut there; the rest was not read.",)


@dataclass(frozen=True)
class Encoded:
    """Tokenised data: features per example without padding, ``truncated`` of them cut to the model's limit."""

    features: list[dict[str, Any]]
    truncated: int
    processor: Any
    device: str
    task: Task = tasks["text-classification"]

    def __len__(self) -> int:
        return len(self.features)

    @property
    def longest(self) -> int:
        """Tokens of the longest text."""
        return max(map(_length, self.features), default=0)

    def reading(self, limit: int) -> dict[str, Any]:
        """For a record: how many of how many texts were cut at ``limit`` tokens."""
        return {"truncated": self.truncated, "texts": len(self), "max_length": limit}

    def plan(self, batch_tokens: int = BATCH_TOKENS, batch_size: int | None = None) -> list[np.ndarray]:
        """Indices of each batch: longest first, ties in the data's order; at most ``batch_tokens`` padded tokens or
        ``batch_size`` examples each."""
        for name, size in (("batch_tokens", batch_tokens), ("batch_size", 1 if batch_size is None else batch_size)):
            if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
                raise DataError(f"{name} must be a whole number of at least 1. Got {size!r}.")
        lengths = np.array([_length(one) for one in self.features])
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
        tensors = self.task.collate(self.processor, [self.features[i] for i in indices])
        inputs = {name: tensor.to(self.device) for name, tensor in tensors.items()}
        mask = inputs.get("attention_mask")
        real = torch.ones(len(indices), 1, dtype=torch.bool, device=self.device) if mask is None else mask.bool()
        return Batch(indices, inputs, real)


def _length(features: dict[str, Any]) -> int:
    """Tokens of a text; an image counts as many as it has rows of pixels."""
    return len(features["input_ids"]) if "input_ids" in features else int(features["pixel_values"].shape[1])


def encode(subject: Any, inputs: list[tuple[Any, ...]]) -> Encoded:
    """Tokenise ``inputs`` for ``subject``; texts beyond its limit are cut and counted."""
    if not inputs:
        raise DataError("There are no examples; choose data with at least one row.")
    features, truncated = subject.task_definition.tokenise(
        subject.processor, inputs, subject.max_length, subject.segments
    )
    return Encoded(features, truncated, subject.processor, subject.device, subject.task_definition)

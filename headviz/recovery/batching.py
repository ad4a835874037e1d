"""What a step reads: encoded texts with their labels, in an order that the seed and the epoch decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from headviz.batches import Encoded

_POOL = 32  # batches that are sorted by length together


class Texts(Dataset[dict[str, Any]]):
    """Features of each text, not padded, with the class under "labels"."""

    def __init__(self, encoded: Encoded, labels: np.ndarray) -> None:
        self.features, self.labels = encoded.features, labels.tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, position: int) -> dict[str, Any]:
        return {**self.features[position], "labels": self.labels[position]}

    @property
    def lengths(self) -> list[int]:
        """Tokens of each text."""
        return [len(one["input_ids"]) for one in self.features]


class Collate:
    """A batch of texts as tensors, padded on the right."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor

    def __call__(self, texts: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        features = [{name: value for name, value in text.items() if name != "labels"} for text in texts]
        padded = self.processor.pad(features, padding_side="right", return_tensors="pt", verbose=False)
        return {**padded, "labels": torch.tensor([text["labels"] for text in texts])}


class LikeLengths(Sampler[int]):
    """All texts in random order, such that texts of a batch are of like length: little is padded.

    An epoch's order depends on the seed and the epoch alone, so a run that goes on sees what it would have seen.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = np.asarray(lengths), batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = np.random.default_rng((self.seed, self.epoch))
        order = generator.permutation(len(self.lengths))
        pool = _POOL * self.batch_size
        batches: list[np.ndarray] = []
        for start in range(0, len(order), pool):
            some = order[start : start + pool]
            some = some[np.argsort(self.lengths[some], kind="stable")]
            batches += [some[at : at + self.batch_size] for at in range(0, len(some), self.batch_size)]
        whole = [batch for batch in batches if len(batch) == self.batch_size]
        rest = [batch for batch in batches if len(batch) < self.batch_size]  # a short one may only be the last
        for place in generator.permutation(len(whole)):
            yield from whole[place].tolist()
        for batch in rest:
            yield from batch.tolist()

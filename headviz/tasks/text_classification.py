"""Text classification: one text or a pair of texts, one label out of C classes."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from headviz import stats
from headviz.errors import DataError
from headviz.foreign import explained
from headviz.tasks.task import Task

_LONGEST_TOKEN = 1_000  # characters; no text is read further than as if all of its tokens were that long
_AT_ONCE = 1_024  # texts, whose tokens take far more memory in the tokenizer than afterwards


def tokenise(
    processor: Any, inputs: list[tuple[str, ...]], max_length: int, segments: bool
) -> tuple[list[dict[str, list[int]]], int]:
    """Features of each example without padding, cut to ``max_length`` tokens, and the number of examples that were
    cut."""
    # asked for explicitly: some tokenizers leave segment ids out though their model reads them, or the other way round
    options = {"return_token_type_ids": segments, "return_attention_mask": True}
    most = max_length * _LONGEST_TOKEN
    endless = {i for i, parts in enumerate(inputs) if max(map(len, parts)) > most}
    if endless:  # only their beginning can matter, and reading all of it would take time and memory
        inputs = [tuple(part[:most] for part in parts) for parts in inputs]
    features = _features(processor, inputs, truncation=False, **options)
    long = [i for i, one in enumerate(features) if len(one["input_ids"]) > max_length]
    if long:
        cut = _features(processor, [inputs[i] for i in long], truncation=True, max_length=max_length, **options)
        for i, one in zip(long, cut, strict=True):
            features[i] = one
    return features, len(endless.union(long))


def _features(processor: Any, inputs: list[tuple[str, ...]], **options: Any) -> list[dict[str, list[int]]]:
    features = []
    for start in range(0, len(inputs), _AT_ONCE):
        part = inputs[start : start + _AT_ONCE]
        with explained(DataError, partial(_unreadable, processor, part, options)):
            encoded = _encoded(processor, part, options)
        features += [{name: values[i] for name, values in encoded.items()} for i in range(len(part))]
    return features


def _encoded(processor: Any, inputs: list[tuple[str, ...]], options: dict[str, Any]) -> Any:
    columns = [list(column) for column in zip(*inputs, strict=True)]
    return processor(*columns, padding=False, verbose=False, **options)


def _unreadable(processor: Any, inputs: list[tuple[str, ...]], options: dict[str, Any], reason: str) -> str:
    """The sentence on a text that the tokenizer itself fails on, the first of ``inputs``."""
    which = ""
    for parts in inputs:
        try:
            _encoded(processor, [parts], options)
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException:  # noqa: BLE001 - a panic of Rust code is no Exception
            which = f" that begins {parts[0][:40]!r}"
            break
    return (
        f"The model's tokenizer fails on a text{which}: {reason}. Leave the text out, or use the tokenizer of the "
        "model's makers."
    )


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

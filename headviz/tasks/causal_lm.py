"""Causal language modelling: a text, and one logit for each token of the vocabulary that might come next."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from headviz import stats
from headviz.tasks.task import Task
from headviz.tasks.text_classification import loss, tokenise


def classes(config: Any, processor: Any) -> tuple[str, ...]:
    """The tokens that the model tells apart; ids that the tokenizer has no token for are named by their number."""
    return tuple(
        str(number if token is None else token)
        for number, token in enumerate(processor.convert_ids_to_tokens(range(config.vocab_size)))
    )


def read(logits: Tensor, inputs: dict[str, Tensor]) -> Tensor:
    """(B, n, V) -> (B, V): what is said after the last token of each text that is no padding. What has another shape,
    of a model for another task, is left as it is."""
    if logits.dim() != 3:
        return logits
    real = inputs["attention_mask"]
    last = (real * torch.arange(real.shape[1], device=real.device)).argmax(dim=1)
    return logits[torch.arange(len(logits), device=logits.device), last]


CAUSAL_LM = Task(
    name="causal-lm",
    title="Causal language modelling",
    auto="AutoModelForCausalLM",
    tokenise=tokenise,
    loss=loss,
    metrics={"accuracy": stats.accuracy},
    classes=classes,
    read=read,
)

"""The probe: training texts, always the same, on which the units' outputs are compared over a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from headviz import stats
from headviz.recovery.batching import Collate, Texts
from headviz.recovery.cka import ROWS_PER_COLUMN, rows_are_few
from headviz.recovery.precision import in_own_precision

_MOST_TOKENS = 2048
_BATCH = 16


class Probe:
    """Tokens of some training texts, and the ``modules`` (names in the model as it trains) whose outputs are looked at.

    ``texts`` are drawn by ``seed``, with the labels' own shares; more where they hold fewer tokens than CKA needs for
    ``width`` features, fewer where they hold more than the 2,048 tokens that are kept. Padding never counts: it would
    make every change small.
    """

    def __init__(
        self, data: Texts, processor: Any, modules: Sequence[str], *, texts: int, width: int, seed: int, device: Any
    ) -> None:
        lengths = np.asarray(data.lengths)
        order = _in_shares(np.asarray(data.labels), seed)
        tokens = np.cumsum(lengths[order])
        needed = min(_MOST_TOKENS, ROWS_PER_COLUMN * width)
        enough, most = (int(place) + 1 for place in np.searchsorted(tokens, (needed, _MOST_TOKENS)))
        chosen = order[: min(max(texts, enough), most)]
        chosen = chosen[np.argsort(lengths[chosen], kind="stable")]
        collate = Collate(processor)
        batches = (chosen[at : at + _BATCH] for at in range(0, len(chosen), _BATCH))
        self.batches = [_on(collate([data[int(place)] for place in some]), device) for some in batches]
        self.modules = tuple(modules)
        self.texts, self.tokens = len(chosen), min(_MOST_TOKENS, int(lengths[chosen].sum()))
        self.notes: list[str] = []
        if rows_are_few(self.tokens, width):
            self.notes.append(
                f"Importance was measured on {self.tokens:,} tokens, fewer than {ROWS_PER_COLUMN} for each of the "
                f"{width:,} features, so CKA was debiased."
            )

    @torch.no_grad()
    def outputs(self, model: nn.Module) -> list[np.ndarray]:
        """Of each module its output on the probe, (tokens, width) float32, without dropout or autocast; no random
        number is drawn, and the model's mode is as before."""
        rows: list[list[Tensor]] = [[] for _ in self.modules]
        with _evaluating(model), in_own_precision(model):
            for batch in self.batches:
                real = batch["attention_mask"].bool()
                with _caught(model, self.modules) as caught:
                    model(**{name: tensor for name, tensor in batch.items() if name != "labels"})
                for place, name in enumerate(self.modules):
                    rows[place].append(caught[name][real].float().cpu())
        return [torch.cat(parts)[: self.tokens].numpy() for parts in rows]


def _in_shares(labels: np.ndarray, seed: int) -> np.ndarray:
    """All places in an order drawn by ``seed`` whose every beginning has about the labels' own shares."""
    generator = stats.generator(seed)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        own = generator.permutation(np.flatnonzero(labels == label))
        place[own] = (np.arange(len(own)) + generator.random()) / len(own)
    return np.argsort(place, kind="stable")


def _on(batch: dict[str, Tensor], device: Any) -> dict[str, Tensor]:
    return {name: tensor.to(device) for name, tensor in batch.items()}


@contextlib.contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@contextlib.contextmanager
def _caught(model: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """The outputs of the modules of these names, filled by a forward pass within the block."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            found[name] = output[0] if isinstance(output, tuple) else output

        return hook

    handles = [model.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()

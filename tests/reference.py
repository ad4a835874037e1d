"""Slow and plain twins of what the library does cleverly: eager attention, one example at a time, gates written out."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn


class GatedInput(nn.Module):
    """An output projection whose input is cut into heads and multiplied with gates first; one set of gates per use."""

    def __init__(self, projection: nn.Linear, gates: list[torch.Tensor]) -> None:
        super().__init__()
        self.projection, self.gates, self.calls = projection, gates, 0

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        gates = self.gates[self.calls % len(self.gates)]
        self.calls += 1
        split = hidden.reshape(*hidden.shape[:-1], len(gates), -1)
        return self.projection((split * gates[:, None]).reshape(hidden.shape))


def gate_outputs(model: nn.Module) -> list[torch.Tensor]:
    """Put gates in front of each output projection of ``model`` (families of tests/tiny.py); one leaf per use."""
    heads, layers = model.config.num_attention_heads, model.config.num_hidden_layers
    dtype = next(model.parameters()).dtype
    gates = [torch.ones(heads, dtype=dtype, requires_grad=True) for _ in range(layers)]
    projections = ("out_lin", "dense", "o_proj", "c_proj")
    places = [
        (module, attribute)
        for name, module in model.named_modules()
        for attribute in projections
        if name.endswith(("attention.output", "attention", ".self_attn", ".attn")) and hasattr(module, attribute)
    ]
    shared = len(places) == 1
    for place, (parent, attribute) in enumerate(places):
        own = gates if shared else [gates[place]]
        setattr(parent, attribute, GatedInput(getattr(parent, attribute), own))
    return gates


def scores_one_by_one(
    model: nn.Module,
    tokenizer: Any,
    texts: list[tuple[str, ...]],
    labels: list[int],
    *,
    max_length: int,
    causal: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(gate gradients (N, L, H), mean normalised entropies (N, L, H), losses (N,)): each text alone, unpadded, eager
    attention with stored maps, head outputs gated in front of the output projection. ``causal`` for decoders."""
    twin = copy.deepcopy(model).eval()
    twin.set_attn_implementation("eager")
    gates = gate_outputs(twin)
    gradients, entropies, losses = [], [], []
    for text, label in zip(texts, labels, strict=True):
        inputs = tokenizer(*text, return_tensors="pt", truncation=True, max_length=max_length)
        output = twin(**inputs, output_attentions=True)
        loss = nn.functional.cross_entropy(output.logits, torch.tensor([label]))
        gradients.append(torch.stack(torch.autograd.grad(loss, gates)).detach().numpy())
        maps = torch.stack([layer[0] for layer in output.attentions]).detach().double()
        entropies.append(mean_entropy_of_maps(maps, causal))
        losses.append(float(loss.detach()))
    return np.stack(gradients), np.stack(entropies), np.array(losses)


def mean_entropy_of_maps(maps: torch.Tensor, causal: bool = False) -> np.ndarray:
    """Normalised entropy (L, H) of the maps (L, H, n, n) of one unpadded text: the mean over rows of H / log n, with n
    the keys that the row sees, of the rows that see two or more."""
    tokens = maps.shape[-1]
    if tokens < 2:
        return np.full(maps.shape[:2], np.nan)
    rows = -(torch.xlogy(maps, maps)).sum(-1)
    sees = torch.arange(1, tokens + 1) if causal else torch.full((tokens,), tokens)
    return (rows[..., sees > 1] / sees[sees > 1].log()).mean(-1).numpy()


def signatures_one_by_one(
    model: nn.Module, tokenizer: Any, texts: list[tuple[str, ...]], *, grid: int, max_length: int
) -> np.ndarray:
    """Signatures (N, heads, grid, grid) float64: each text alone, unpadded, eager maps, overlaps of intervals written
    out."""
    twin = copy.deepcopy(model).eval()
    twin.set_attn_implementation("eager")
    found = []
    for text in texts:
        inputs = tokenizer(*text, return_tensors="pt", truncation=True, max_length=max_length)
        with torch.no_grad():
            maps = torch.cat([layer[0] for layer in twin(**inputs, output_attentions=True).attentions]).double().numpy()
        n = maps.shape[-1]
        overlap = np.zeros((grid, n))
        for i in range(grid):
            for t in range(n):
                overlap[i, t] = max(0.0, min((i + 1) / grid, (t + 1) / n) - max(i / grid, t / n))
        found.append(grid * overlap @ maps @ (n * overlap).T)
    return np.stack(found)

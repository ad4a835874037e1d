"""Heads that are cut but have weights, as zeros where they would be read, since others need the keys and values that
they share: training must not bring them back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from headviz.families import family_of
from headviz.mask import Mask
from headviz.pruning import without_zeroed
from headviz.subject import Subject

Silenced = Mapping[str, Sequence[int]]
"""The name of an attention's output projection -> those of its inputs that come from such heads."""


def silenced(subject: Subject) -> Silenced:
    """Where the heads of ``subject`` that are there as zeros would be read."""
    if not subject.zeroed:
        return {}
    uses, names = family_of(subject.model).uses(subject.model), {m: name for name, m in subject.model.named_modules()}
    gone = ~without_zeroed(subject, Mask.full(subject)).keep & subject.head_present
    found: dict[str, list[int]] = {}
    for layer, head in np.argwhere(gone):
        columns = uses[layer].columns(int(head))
        found.setdefault(names[uses[layer].output], []).extend(range(columns.start, columns.stop))
    return found


@contextlib.contextmanager
def held_silent(model: nn.Module, silent: Silenced) -> Iterator[None]:
    """Nothing of ``silent`` (names in ``model`` as it trains) is read within the block, so that no gradient reaches it:
    weights that are 0 stay 0, those of adapters included."""
    with contextlib.ExitStack() as hooks:
        for name, columns in silent.items():
            module, places = model.get_submodule(name), torch.tensor(columns)
            with torch.no_grad():
                for own, weight in module.named_parameters():
                    if "lora_A" in own:
                        weight[:, places.to(weight.device)] = 0
            hooks.callback(module.register_forward_pre_hook(_without(places)).remove)
        yield


def _without(places: Tensor) -> Any:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (inputs[0].index_fill(-1, places.to(inputs[0].device), 0), *inputs[1:])

    return hook

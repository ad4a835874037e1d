"""Low-rank adapters (LoRA, by peft) on what a cut has left, and the units in which they are frozen."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from headviz.errors import RunError
from headviz.families import AttentionUse, family_of
from headviz.files import write_folder
from headviz.saving import refusals_of_libraries

ADAPTED = "base_model.model"
"""Where peft keeps the model that it was given; names of modules begin with it from then on."""


@dataclass(frozen=True)
class Unit:
    """A transformer block with adapters, which freeze together: autograd keeps activations block by block.

    ``layer``: its number; ``block``: the name of its module in the model without adapters; ``output``: that of its
    attention's output projection.
    """

    layer: int
    block: str
    output: str


def units_of(model: nn.Module, mlp: bool = False) -> tuple[Unit, ...]:
    """The blocks of ``model`` that have something to adapt, from the bottom: heads, or with ``mlp`` an MLP."""
    uses = family_of(model).uses(model)
    names = {id(module): name for name, module in model.named_modules()}
    blocks = [_block(use) for use in uses]
    found: dict[str, Unit] = {}
    for layer, (block, use) in enumerate(zip(blocks, uses, strict=True)):
        if use.heads or mlp:
            found.setdefault(block, Unit(layer, block, names[id(use.output)]))
    return tuple(found.values())


def projections(model: nn.Module, mlp: bool = False) -> dict[str, Any]:
    """The modules that get adapters, by name: query, key, value and output projections of the blocks that have heads,
    and with ``mlp`` every projection of the MLPs."""
    uses = family_of(model).uses(model)
    heads = {id(part): use.heads for use in uses for part in (use.query, use.key, use.value, use.output)}
    blocks = tuple(f"{unit.block}." for unit in units_of(model, mlp))
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and name.startswith(blocks) and heads.get(id(module), mlp)
    }


def is_shared(model: nn.Module) -> bool:
    """Whether one block serves several layers (ALBERT), so that it cannot be frozen at one depth alone."""
    blocks = [_block(use) for use in family_of(model).uses(model)]
    return len(set(blocks)) < len(blocks)


def with_adapters(model: Any, settings: Mapping[str, Any]) -> Any:
    """``model`` with adapters on query, key, value and output projections, and on the MLP's where ``settings`` says so;
    the head on top is trained in full, all else is frozen. ``model`` itself is changed: give a copy.

    An adapter's rank is never above the sizes of what it adapts; its scale stays alpha / r. Raises RunError where no
    block has a head left.
    """
    from peft import LoraConfig, get_peft_model

    targets = projections(model, mlp=settings["mlp"])
    if not targets:
        raise RunError("No block has heads left, so there is nothing to adapt. Recover with method='full'.")
    ranks = _ranks(targets, settings)
    small = {name: rank for name, rank in ranks.items() if rank < settings["r"]}
    scale = settings["alpha"] / settings["r"]
    config = LoraConfig(
        r=settings["r"],
        lora_alpha=settings["alpha"],
        lora_dropout=settings["dropout"],
        # whole names: a suffix such as "dense" would take the pooler, too
        target_modules=sorted(targets),
        modules_to_save=_head(model),
        rank_pattern={f"^{re.escape(name)}$": rank for name, rank in small.items()},
        alpha_pattern={f"^{re.escape(name)}$": scale * rank for name, rank in small.items()},
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in targets.values()),
    )
    _without_input_gradients(model)
    # With a name peft would look for it on the hub at every save, and write a path of this machine into the folder.
    model.name_or_path = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks for an attribute that transformers has renamed
        adapted: Any = get_peft_model(model, config)
    table: Any = model.get_input_embeddings() if hasattr(model, "get_input_embeddings") else None
    if table is not None and table(torch.zeros(1, 1, dtype=torch.long, device=table.weight.device)).requires_grad:
        raise RunError("The embeddings would have a gradient, and freezing saves nothing below them.")
    return adapted


def trained_with_adapters(model: Any, settings: Mapping[str, Any]) -> int:
    """How many weights are trained by `with_adapters`: those of the adapters, and of the head on top."""
    targets = projections(model, mlp=settings["mlp"])
    adapters = sum(rank * sum(_sizes(targets[name])) for name, rank in _ranks(targets, settings).items())
    head = (weight for name in _head(model) for weight in model.get_submodule(name).parameters())
    return adapters + sum(weight.numel() for weight in head)


def _ranks(targets: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, int]:
    """Of each adapter its rank, never above the sizes of what it adapts."""
    return {name: min(settings["r"], *_sizes(module)) for name, module in targets.items()}


def _without_input_gradients(model: Any) -> None:
    """Switch off what gives the embeddings' output a gradient: below it freezing would save nothing, without a word."""
    for module in model.modules():
        if getattr(module, "gradient_checkpointing", False):
            module.gradient_checkpointing = False
    if hasattr(model, "disable_input_require_grads"):
        model.disable_input_require_grads()


def parameters_of(adapted: nn.Module, unit: Unit) -> Iterator[nn.Parameter]:
    """The adapters' weights of one unit."""
    for name, weight in adapted.named_parameters():
        if f".{unit.block}." in name and ".lora_" in name:
            yield weight


def merged(adapted: Any) -> nn.Module:
    """The model with its adapters added to its weights, and nothing of peft left in it."""
    return adapted.merge_and_unload(safe_merge=True)


def write_adapter(adapted: Any, folder: Path, record: Mapping[str, Any]) -> None:
    """Write the adapters, not merged, as peft keeps them, with ``record``: peft itself would put them onto any model of
    the same shapes."""

    def fill(temporary: Path) -> None:
        with refusals_of_libraries(folder):
            adapted.save_pretrained(temporary)
        (temporary / "run.json").write_text(json.dumps(record, indent=1), "utf-8")
        model = record["model"]
        (temporary / "README.md").write_text(
            f"# Adapters for {model['name']}\n\nTrained by headviz with the method {record['method']}. They belong to "
            f"the model with the fingerprint {model['fingerprint']} and to no other.\n",
            "utf-8",
        )

    write_folder(folder, fill)


def _block(use: AttentionUse) -> str:
    """The name of the transformer block that a use of attention is part of: up to its number in the list of blocks."""
    found = re.match(r"(?:.*\.)?\d+(?=\.)", use.name)
    if found is None:
        raise RunError(f"{use.name} stands in no list of blocks, so it cannot be adapted. Recover with method='full'.")
    return found[0]


def _head(model: nn.Module) -> list[str]:
    """The modules on top of the base model, which are trained in full."""
    base = getattr(model, "base_model_prefix", "")
    return [name for name, child in model.named_children() if name != base and any(True for _ in child.parameters())]


def _sizes(module: Any) -> tuple[int, int]:
    rows, columns = module.weight.shape
    return int(rows), int(columns)

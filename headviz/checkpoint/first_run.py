"""A model's first forward passes: whether it gives what its task wants, and whether gates on its heads do something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from headviz import attention
from headviz.attention import AttentionCall, Call
from headviz.checkpoint.configuration import outside_interface
from headviz.checkpoint.plain_model import has_hooks, without_hooks
from headviz.errors import LoadError
from headviz.families.weights import all_heads_are_silent
from headviz.pruned_modeling import whole_type
from headviz.tasks import Task

_TABLES = ("position_embeddings", "embed_positions", "wpe")  # what families call them


def cannot_run(model: Any, processor: Any, name: str, task: str | None) -> Callable[[str], str]:
    """The sentence on a model whose own code fails on a first input, given what it said."""

    def sentence(reason: str) -> str:
        config: Any = model.config
        what = "an image" if task == "image-classification" else "a text"
        padding = getattr(processor, "pad_token_id", None)
        remedy = "Its weights, its configuration and transformers do not fit each other: load or train it again"
        if padding is not None and getattr(config, "pad_token_id", None) is None:
            remedy = f"Its configuration has no pad_token_id: load it again with that of its tokenizer, {padding}"
        return f"{name}, of the family {whole_type(config.model_type)}, cannot run {what}: {reason}. {remedy}."

    return sentence


def positions_of(model: nn.Module) -> int | None:
    """The rows of the model's own table of positions, whatever its configuration says; None where it has none."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) and name.rpartition(".")[2] in _TABLES:
            return len(module.weight)
    return None


def first_run(
    model: nn.Module, inputs: dict[str, Tensor], classes: int, task: Task, name: str
) -> tuple[nn.Module, tuple[AttentionCall, ...], bool]:
    """The view of ``model`` that gates and observers ride on, its attention calls, and whether a keyword reaches them.

    ``inputs``: two of different lengths. Raises LoadError where the logits are not those of ``task`` over ``classes``,
    and where gates cannot be put on its heads.
    """
    plain = _plain_logits(model, inputs, classes, task, name)
    _require_no_hooks(model, inputs, plain, name)
    view = attention.view(model)
    calls, keyword = attention.calls_of(view, inputs)
    _probe(model, view, inputs, plain, calls, keyword, name)
    return view, calls, keyword


@torch.no_grad()
def _plain_logits(model: nn.Module, inputs: dict[str, Tensor], classes: int, task: Task, name: str) -> Tensor:
    """Logits without gates, as the model gives them. Raises LoadError where they are not those of its ``task``."""
    logits = getattr(attention.view(model, "sdpa")(**inputs), "logits", None)
    batch = len(next(iter(inputs.values())))
    if not isinstance(logits, Tensor) or task.read(logits, inputs).shape != (batch, classes):
        if task.name != "text-classification":
            raise LoadError(f"{name} ({type(model).__name__}) is no model for {task.name}. Give it as what it is.")
        raise LoadError(
            f"{name} ({type(model).__name__}) has no classification head. Use a model that was fine-tuned to classify "
            "texts."
        )
    return logits


@torch.no_grad()
def _probe(
    model: nn.Module,
    view: nn.Module,
    inputs: dict[str, Tensor],
    plain: Tensor,
    calls: tuple[AttentionCall, ...],
    keyword: bool,
    name: str,
) -> None:
    """Two texts of different lengths: our function is called, gates of one change nothing, closed gates change
    something."""
    if not calls:
        raise LoadError(outside_interface(getattr(model.config, "model_type", type(model).__name__), name))
    if not torch.isfinite(plain).all():
        raise LoadError(f"{name} gives logits that are not finite; the file may be damaged, or try dtype='float32'.")
    total = calls[-1].offset + calls[-1].heads
    open_, closed = torch.ones(total, dtype=plain.dtype), torch.zeros(total, dtype=plain.dtype)
    gated = attention.run(view, inputs, Call(open_.to(plain.device)), keyword=keyword)
    if not torch.equal(gated, plain):
        raise LoadError(
            f"{name} ({type(model).__name__}) gives other logits under headviz's attention than under its own; it is "
            "not supported."
        )
    shut = attention.run(view, inputs, Call(closed.to(plain.device)), keyword=keyword)
    if torch.equal(shut, plain) and not all_heads_are_silent(model):
        raise LoadError(_without_effect(model, plain, calls, name))


@torch.no_grad()
def _require_no_hooks(model: nn.Module, inputs: dict[str, Tensor], plain: Tensor, name: str) -> None:
    """Raises LoadError where something that was hung around a module changes the logits, since no weight holds it."""
    where = has_hooks(model)
    if where is None:
        return
    twin: Any = without_hooks(attention.view(model, "sdpa"))
    if not torch.equal(twin(**inputs).logits, plain):
        raise LoadError(
            f"{name} has a hook, or a forward pass of its own, that changes its answers ({where}), and no saved "
            "weights would hold that. Remove it, or give the model from before it was added."
        )


def _without_effect(model: nn.Module, plain: Tensor, calls: Sequence[AttentionCall], name: str) -> str:
    """The sentence on a model whose logits stay the same when all of its heads are closed."""
    zero = [key for key, tensor in model.named_parameters() if tensor.dim() > 1 and not tensor.any()]
    which = f" ({zero[0]} is all zeros)" if zero else ""
    heads = calls[-1].offset + calls[-1].heads
    if torch.equal(plain[:1].expand_as(plain), plain):
        return f"{name} gives the same answer whatever it reads{which}, so no head can matter. Train or load it again."
    if zero:
        return f"None of the {heads} heads of {name} has any effect on its answers{which}. Train or load it again."
    return (
        f"Closing all {heads} heads of {name} changes none of its answers: they do nothing, or its attention cannot be "
        "gated. Use another model."
    )

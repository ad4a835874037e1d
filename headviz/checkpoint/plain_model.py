"""A model that is already in memory, as the plain module that everything else takes it for: unwrapped where that is all
it needs, else refused by what it is, with the way out. And whether a folder of it would open again."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from headviz import attention
from headviz.checkpoint.names import kept_otherwise, shape_of
from headviz.errors import LoadError
from headviz.pruned_modeling import PREFIX

# Classes that stand around a model -> where they keep it.
_AROUND = {
    "OptimizedModule": "_orig_mod",  # torch.compile
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "FullyShardedDataParallel": "_fsdp_wrapped_module",
    "GradSampleModule": "_module",  # opacus
}
_MERGE = (
    "Merge it first, with merge_and_unload of the PeftModel; one that was put in with add_adapter is saved and opened "
    "as a PeftModel for that"
)
_FULL = "Use the model in full precision"
# Packages whose modules take the place of a model's own -> what that makes of it, and the way out.
_REPLACED = {
    "peft": ("has a live adapter", _MERGE),
    "adapters": ("has a live adapter", "Merge it first (merge_adapter), or give the model without it"),
    "loralib": ("has a live adapter", "Merge it into the weights first"),
    "bitsandbytes": ("is quantised", _FULL),
    "torch.ao": ("is quantised", _FULL),
    "torch.nn.quantized": ("is quantised", _FULL),
    "torchao": ("is quantised", _FULL),
    "optimum.quanto": ("is quantised", _FULL),
    "quanto": ("is quantised", _FULL),
    "hqq": ("is quantised", _FULL),
    "auto_gptq": ("is quantised", _FULL),
    "gptqmodel": ("is quantised", _FULL),
    "awq": ("is quantised", _FULL),
    "aqlm": ("is quantised", _FULL),
    "transformers.integrations": ("is quantised", _FULL),
}
_DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def plain_model(model: Any, name: str) -> nn.Module:
    """``model`` out of torch.compile and the like. Raises LoadError for what is no model of transformers, and for one
    whose weights are not what it computes with."""
    while (place := _AROUND.get(type(model).__name__)) and isinstance(getattr(model, place, None), nn.Module):
        model = getattr(model, place)
    if isinstance(model, torch.jit.ScriptModule):
        raise LoadError(
            f"{name} is TorchScript, whose attention cannot be reached. Give the model that it was made of."
        )
    if not isinstance(model, nn.Module) or not hasattr(getattr(model, "config", None), "model_type"):
        inner = next((key for key in ("model", "auto_model", "module") if _is_of_transformers(model, key)), None)
        hint = f"Give its .{inner}" if inner else "Give one with its config"
        raise LoadError(f"{name} is a {type(model).__name__}, not a model of transformers. {hint}.")
    for path, module in model.named_modules():
        _refuse_replaced(module, path, name)
    if getattr(model.config, "quantization_config", None) is not None or getattr(model, "is_quantized", False):
        raise LoadError(f"{name} is quantised (quantization_config). {_FULL}.")
    if what := kept_otherwise(_names(model)):
        raise LoadError(f"{name} {what}")
    for key, tensor in (*model.named_parameters(), *model.named_buffers()):
        _check_tensor(key, tensor, isinstance(tensor, nn.Parameter), name)
    return model


def _is_of_transformers(model: Any, key: str) -> bool:
    return hasattr(getattr(getattr(model, key, None), "config", None), "model_type")


def _names(model: nn.Module) -> list[str]:
    """Names of all tensors, and of those that a module packs away when it is asked for its state."""
    return [
        *(key for key, _ in model.named_parameters()),
        *(key for key, _ in model.named_buffers()),
        *model.state_dict(),
    ]


def _refuse_replaced(module: nn.Module, path: str, name: str) -> None:
    """Raises LoadError where a part of a model is not a module of the model's own."""
    for kind in type(module).__mro__:
        for package, (what, remedy) in _REPLACED.items():
            if issubclass(kind, nn.Module) and f"{kind.__module__}.".startswith(f"{package}."):
                where = f" ({path})" if path else f" ({type(module).__name__})"
                raise LoadError(f"{name} {what}{where}. {remedy}.")
    if path and type(module).__name__ in _AROUND:
        raise LoadError(
            f"{name} has a part inside {type(module).__name__} ({path}). Give the model from before it was wrapped."
        )


def _check_tensor(key: str, tensor: torch.Tensor, is_weight: bool, name: str) -> None:
    if tensor.is_meta:
        raise LoadError(f"{name} has weights on the meta device, which holds no numbers ({key}). Load them first.")
    if is_weight and (tensor.is_quantized or tensor.dtype not in _DTYPES):
        raise LoadError(f"{name} is quantised ({key} is {str(tensor.dtype).removeprefix('torch.')}). {_FULL}.")
    if type(tensor.data) is not torch.Tensor:
        raise LoadError(
            f"{name} keeps {key} as a {type(tensor.data).__name__}, not as plain numbers. Give it with plain weights."
        )
    if tensor.is_floating_point() and not (tensor.sum().isfinite() or tensor.isfinite().all()):
        raise LoadError(f"{name} holds values that are no numbers or are infinite, in {key}. Load or train it again.")


def has_hooks(model: nn.Module) -> str | None:
    """The name of the first module with a forward of its own or with a hook around it; None where there is none."""
    for path, module in model.named_modules():
        if module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
            return path or "the whole model"
    return None


def without_hooks(twin: nn.Module) -> nn.Module:
    """``twin``, a view of a model that may be changed, with its classes' own forward passes and nothing around them."""
    for module in twin.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
        vars(module).pop("forward", None)
    return twin


def unlike_its_config(model: Any, auto: str) -> str | None:
    """Why a folder of ``model`` would not open again, since its configuration describes another one: the rest of a
    sentence that begins with the model's name. None where it would, or where transformers knows no such models.
    ``auto``: the class of transformers that opens them."""
    planned = _planned(model, auto)
    if planned is None:
        return None
    by_config = {key: tuple(tensor.shape) for key, tensor in planned.state_dict().items()}
    held = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    for key, shape in held.items():
        if key in by_config and shape != by_config[key]:
            told = f"{key} is {shape_of(shape)}, and {shape_of(by_config[key])} by its configuration"
            return f"was cut or changed by hand ({told})"
    if other := sorted(set(held) ^ set(by_config)):
        return f"has other parts than its configuration says ({other[0]})"
    return None


@torch.no_grad()
def unlike_its_class(model: Any, auto: str, probe: Callable[[], dict[str, torch.Tensor]]) -> str | None:
    """As `unlike_its_config`, where the weights agree: whether parts of ``model`` are of classes of their own, which
    compute something else than those that a folder opens with. ``probe`` makes inputs to try both on."""
    planned = _planned(model, auto)
    if planned is None:
        return None
    kinds = {path: type(module) for path, module in planned.named_modules()}
    own = {path: kinds[path] for path, one in model.named_modules() if path in kinds and type(one) is not kinds[path]}
    if not own:
        return None
    inputs, twin = probe(), attention.view(model, "sdpa")
    plain = attention.view(model, "sdpa")(**inputs).logits
    for path, kind in own.items():
        twin.get_submodule(path).__class__ = kind
    where = type(model.get_submodule(min(own))).__name__
    with contextlib.suppress(Exception):  # its classes may need what only it has
        if torch.allclose(twin(**inputs).logits, plain, rtol=1e-3, atol=1e-4):
            return None
    return f"has a class of its own ({where}), and a saved folder would open with another, which gives other answers"


def _planned(model: Any, auto: str) -> nn.Module | None:
    """The model, without numbers, that a folder of ``model`` would be opened as; None where that is not known."""
    import transformers

    opens: Any = type(model)
    if not model.config.model_type.startswith(PREFIX):
        try:
            opens = getattr(transformers, auto)._model_mapping[type(model.config)]
        except KeyError:
            return None
        if isinstance(opens, tuple):
            opens = type(model) if type(model) in opens else opens[0]
    try:
        with torch.device("meta"):
            return opens(copy.deepcopy(model.config))
    except Exception:  # noqa: BLE001 - its own forward pass comes next, and says what is wrong
        return None

"""From a model folder to a model in memory. Everything that transformers lets pass in silence is refused here."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headviz.checkpoint.configuration import PADDED_POSITIONS, build_config, class_of, label_notes, read_config
from headviz.checkpoint.files import Entry, read_header, weight_files, weights_fingerprint
from headviz.checkpoint.names import kept_otherwise, left_out, shape_of, without_wrappers
from headviz.checkpoint.processor import open_image_processor
from headviz.checkpoint.pruned import heads_with_weights, is_pruned, pruned_class, read_cut, zeroed_heads
from headviz.checkpoint.quiet import quiet_transformers
from headviz.checkpoint.tokenizer import open_tokenizer
from headviz.errors import LoadError
from headviz.families import family_of
from headviz.foreign import explained
from headviz.mask import head_name
from headviz.pruned_modeling import auto_class, whole_type
from headviz.tasks import tasks

if TYPE_CHECKING:
    import torch

    from headviz.mask import Mask

# transformers changes torch's default dtype and its initialisers while it builds a model: one at a time.
_ONE_AT_A_TIME = threading.Lock()
_BLOCK = re.compile(r"(?:^|\.)(?:layer|layers|h|block|blocks)\.(\d+)\.")
_NUMBERED = re.compile(r"\.\d+\.")
_STORED = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_GENERATION_FILE = "generation_config.json"
_WHOLE_NUMBERS = ("I64", "I32", "U64", "U32", "I16", "U16", "BOOL")  # positions and the like, never weights


@dataclass(frozen=True)
class Checkpoint:
    """An opened model folder.

    ``model`` (in eval mode, its weights apart from the file's), ``processor`` (the tokenizer, or for images the image
    processor), ``fingerprint`` of the weight files, ``family`` (model type, of the whole model), ``config``, ``notes``:
    sentences about what is usable but worth knowing, ``cut``: of a pruned model the mask over the heads of the whole
    one, ``stored``: the dtypes of the numbers in the files.
    """

    model: Any
    processor: Any
    fingerprint: str
    family: str
    config: Any
    notes: tuple[str, ...]
    cut: Mask | None = None
    stored: tuple[str, ...] = ()


def open_checkpoint(
    folder: Path | str, *, name: str, device: str = "cpu", dtype: str = "float32", task: str | None = None
) -> Checkpoint:
    """Open the text classifier in ``folder``, or a pruned model of another ``task``; ``name`` is what messages call it.

    Weights come from safetensors only, code in the folder is never run, and the network is not asked. ``dtype`` is what
    the model computes in, whatever the file stores. LoadError, with one or two sentences, when the folder is no such
    model, a file is damaged, or configuration, weights and tokenizer contradict one another.
    """
    if task is not None and task not in tasks:
        raise LoadError(f"There is no task {task!r} for the model {name}; there are {', '.join(tasks)}.")
    with explained(LoadError, lambda reason: f"{name} cannot be opened: {reason}. Download or save it again."):
        return _open(Path(folder), name, device, dtype, task)


def _open(folder: Path, name: str, device: str, dtype: str, task: str | None) -> Checkpoint:
    raw = read_config(folder, name)
    made_for = _task_of(raw, name)
    if made_for != (task or "text-classification"):
        raise LoadError(
            f"{name} is a model for {made_for}, not for {task or 'text-classification'}. "
            + ("Open it with hv.load_pruned." if is_pruned(raw) else "Wrap the model in memory with hv.Subject.wrap.")
        )
    with quiet_transformers(), _ONE_AT_A_TIME:
        config = build_config(raw, name)
        cut = read_cut(folder, config, name) if is_pruned(raw) else None
        files = weight_files(folder, name)
        held = _held(files, name)
        names = _check_against(held, config, raw, name)
        with ThreadPoolExecutor(1) as beside:
            fingerprint = beside.submit(weights_fingerprint, folder, name)
            open_processor = open_image_processor if made_for == "image-classification" else open_tokenizer
            processor = open_processor(folder, config, name)
            padding = _fill_in_padding(config, processor, name)
            model, unused = _model(files, names, config, raw, dtype, name)
            _require_zeros(model, name)
            _read_generation(model, folder, name)
            model = _to(model, device)
            found = fingerprint.result()
    stored = tuple(sorted({_STORED[entry.dtype] for entry in held.values() if entry.dtype in _STORED}))
    notes = [*_storage_notes(stored, dtype), *_unused_notes(unused, name), *label_notes(raw, config, name), *padding]
    if prefix := left_out(names):
        notes.append(f"The names of its weights have a wrapper's {prefix!r} in them, which was left out.")
    return Checkpoint(model, processor, found, whole_type(config.model_type), model.config, tuple(notes), cut, stored)


def _fill_in_padding(config: Any, processor: Any, name: str) -> list[str]:
    """Give a configuration that says no padding token the tokenizer's, and a sentence on it."""
    padding = getattr(processor, "pad_token_id", None)
    if getattr(config, "pad_token_id", None) is not None or padding is None:
        return []
    config.pad_token_id = padding
    if whole_type(config.model_type) not in PADDED_POSITIONS:
        return []
    return [f"config.json of {name} says no padding token (pad_token_id); its tokenizer's, {padding}, is used."]


def task_of_folder(folder: Path, name: str) -> str:
    """The task that the model in ``folder`` is for. LoadError where config.json does not say it."""
    return _task_of(read_config(folder, name), name)


def _task_of(raw: dict[str, Any], name: str) -> str:
    """The task that a folder is for, by its config.json: a whole model can only be a classifier of texts so far."""
    if not is_pruned(raw):
        return "text-classification"
    auto = auto_class(pruned_class(raw, name))
    return next(task.name for task in tasks.values() if task.auto == auto)


def _require_zeros(model: Any, name: str) -> None:
    """Raises LoadError where a head that config.json calls zeroed is not."""
    zeroed, heads = zeroed_heads(model.config), heads_with_weights(model.config)
    if not zeroed or not heads:
        return
    for layer, use in enumerate(family_of(model).uses(model)):
        for head in zeroed[layer]:
            if use.weight("output")[:, use.columns(heads[layer].index(head))].any():
                raise LoadError(
                    f"config.json of {name} calls {head_name(layer, head)} zeroed (zeroed_heads), but its weights are "
                    "not zero. Write the folder again with hv.save_pruned."
                )


def _read_generation(model: Any, folder: Path, name: str) -> None:
    """Give a language model the settings of its folder for generating, where there are any."""
    from transformers import GenerationConfig

    if not model.can_generate() or not (folder / _GENERATION_FILE).is_file():
        return
    try:
        model.generation_config = GenerationConfig.from_pretrained(str(folder.absolute()), local_files_only=True)
    except Exception as error:  # the kinds of errors differ by what is wrong
        raise LoadError(f"{_GENERATION_FILE} of {name} cannot be used. Correct it or remove it.") from error


def _held(files: list[Path], name: str) -> dict[str, Entry]:
    """Every tensor of the weight files, checked to be one of a full-precision model."""
    held: dict[str, Entry] = {}
    for path in files:
        for tensor, entry in read_header(path, name).items():
            if tensor in held:
                raise LoadError(f"{name} holds {tensor} in two weight files. Save it again.")
            if entry.dtype not in _STORED and entry.dtype not in _WHOLE_NUMBERS:
                raise LoadError(
                    f"{name} has quantised weights ({tensor} is {entry.dtype}), which headviz does not open. "
                    "Use the model in full precision."
                )
            held[tensor] = entry
    if not held:
        raise LoadError(f"The weight file of {name} holds no tensors. Download or save the model again.")
    if what := kept_otherwise(held):
        raise LoadError(f"{name} {what}")
    return held


def _check_against(held: dict[str, Entry], config: Any, raw: dict[str, Any], name: str) -> dict[str, str]:
    """Refuse a configuration that contradicts the file, before memory is taken for what it promises. Returns the names
    of the weights in the model, by those in the file."""
    import torch

    layers = 1 + max((int(found[1]) for key in held if (found := _BLOCK.search(key))), default=-1)
    told = getattr(config, "num_hidden_layers", layers)
    if layers and layers != told:
        raise LoadError(
            f"config.json of {name} says {told} layers, but its weights hold {layers}. Correct it, or download the "
            "model again."
        )
    try:
        with torch.device("meta"):
            planned = class_of(config)(config)
    except Exception as error:  # the kinds of errors differ by family
        raise LoadError(f"config.json of {name} does not describe a model that can be built. Correct it.") from error
    expected = {key: tuple(tensor.shape) for key, tensor in planned.state_dict().items()}
    prefix = f"{planned.base_model_prefix}."
    names = without_wrappers(held, {*expected, *(key.removeprefix(prefix) for key in expected)})
    held = {names[key]: entry for key, entry in held.items()}
    for key, shape in expected.items():
        entry = held.get(key) or held.get(key.removeprefix(prefix))
        if entry is not None and entry.shape != shape:
            if not key.startswith(prefix) and not _is_classifier(raw):  # another head, under the name of this one
                raise LoadError(_headless(raw, [f"{key} of that size"], name))
            raise LoadError(_mismatch(key, entry.shape, shape, config, name))
    # A name that is not in the file can still be filled: transformers knows older names. So only what is plain.
    tied = planned.all_tied_weights_keys  # the output of a language model may be its table of words
    heads = [key for key in expected if not key.startswith(prefix) and key not in tied]
    if heads and not any(key in held for key in heads):
        raise LoadError(_headless(raw, heads, name))
    return names


def _model(
    files: list[Path], names: dict[str, str], config: Any, raw: dict[str, Any], dtype: str, name: str
) -> tuple[Any, list[str]]:
    """The model in ``dtype`` on the CPU, made of the tensors that ``names`` renames, and the names of tensors that it
    does not use."""
    import torch

    wanted = getattr(torch, dtype)
    weights = {names[key]: tensor for key, tensor in _weights(files, wanted, name).items()}
    return _assemble(config, weights, wanted, raw, name)


def assemble(config: Any, weights: dict[str, torch.Tensor], dtype: torch.dtype, name: str) -> Any:
    """The classifier of ``config`` made of ``weights`` (by name, on the CPU), in ``dtype`` and in eval mode.

    Raises LoadError unless every weight has its place and every place its weight.
    """
    with quiet_transformers(), _ONE_AT_A_TIME:
        model, unused = _assemble(config, weights, dtype, {}, name)
    if unused:
        raise LoadError(f"{name} also holds weights that a classifier does not use{_some(unused)}. Remove them first.")
    return model


def _assemble(
    config: Any, weights: dict[str, torch.Tensor], dtype: torch.dtype, raw: dict[str, Any], name: str
) -> tuple[Any, list[str]]:
    try:
        # From memory, not from the folder: so no other file is looked for, neither an adapter nor a pickle, and the
        # model does not change when somebody writes to the file.
        model, told = class_of(config).from_pretrained(
            None,
            config=config,
            state_dict=weights,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # reported and refused below, with names
            output_loading_info=True,
            local_files_only=True,
        )
    except Exception as error:  # the kinds of errors differ by family
        raise LoadError(
            f"The weights of {name} cannot be put into a {config.model_type} model. Download it again."
        ) from error
    _refuse_differences(model, told, raw, name)
    model.config.name_or_path = name
    return model.eval(), sorted(told["unexpected_keys"])


def _weights(files: list[Path], dtype: torch.dtype, name: str) -> dict[str, torch.Tensor]:
    """Every tensor of the files, copied out of them, numbers in ``dtype``."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    weights = {}
    for path in files:
        try:
            stored = load_file(path)
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            raise LoadError(f"{path.name} of {name} is damaged. Download or save it again.") from error
        for key, tensor in stored.items():
            weights[key] = tensor.to(dtype if tensor.is_floating_point() else tensor.dtype, copy=True)
            if tensor.is_floating_point() and not _all_finite(weights[key]):
                raise LoadError(
                    f"{name} holds values that are no numbers or too large for {str(dtype)[6:]}, in {key}. "
                    "Download or train it again."
                )
    return weights


def _all_finite(tensor: torch.Tensor) -> bool:
    """Whether there is neither an infinity nor a NaN. One of them spoils the sum, which is quick to take."""
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())


def _refuse_differences(model: Any, told: dict[str, Any], raw: dict[str, Any], name: str) -> None:
    """Whatever transformers would fill with random numbers, or leave out of the layers, is refused."""
    if told["mismatched_keys"]:
        key, in_file, in_model = min(told["mismatched_keys"])
        raise LoadError(_mismatch(key, tuple(in_file), tuple(in_model), model.config, name))
    missing = sorted(told["missing_keys"])
    if missing:
        heads = [key for key in missing if not key.startswith(f"{model.base_model_prefix}.")]
        if heads or not _is_classifier(raw):
            raise LoadError(_headless(raw, heads or missing, name))
        raise LoadError(
            f"{name} lacks weights that its config.json asks for{_some(missing)}. Download or save it again."
        )
    inside = sorted(key for key in told["unexpected_keys"] if _NUMBERED.search(f".{key}"))
    if inside:
        raise LoadError(
            f"{name} holds weights inside its layers that its config.json has no place for{_some(inside)}. "
            "Download or save it again."
        )
    if told["error_msgs"]:
        raise LoadError(f"The weights of {name} do not fit its config.json. Download or save it again.")


def _is_classifier(raw: dict[str, Any]) -> bool:
    built = raw.get("architectures")
    return not isinstance(built, list) or not built or any("SequenceClassification" in str(one) for one in built)


def _headless(raw: dict[str, Any], keys: list[str], name: str) -> str:
    built = raw.get("architectures")
    was = f"; it was saved as {built[0]}" if isinstance(built, list) and built and not _is_classifier(raw) else ""
    return f"{name} has no classification head (no {keys[0]}){was}. Use a model that was fine-tuned to classify texts."


def _some(keys: list[str]) -> str:
    """The first of some tensors and how many more, in brackets, for the middle of a sentence."""
    more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    return f" ({keys[0]}{more})"


def _mismatch(key: str, in_file: tuple[int, ...], by_config: tuple[int, ...], config: Any, name: str) -> str:
    labels = config.num_labels
    if by_config[:1] == (labels,) and in_file[:1] != (labels,) and in_file[1:] == by_config[1:]:
        return (
            f"config.json of {name} names {labels} labels, but its classifier ({key}) gives {in_file[0]} numbers. "
            "Correct id2label in config.json."
        )
    return (
        f"config.json of {name} contradicts its weights: {key} is {shape_of(in_file)} in the file and "
        f"{shape_of(by_config)} by config.json. Correct it, or download the model again."
    )


def _to(model: Any, device: str) -> Any:
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return model.to(device)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise LoadError(f"The model does not go onto the device {device!r}; use cpu or auto.") from error


def _storage_notes(stored: tuple[str, ...], dtype: str) -> list[str]:
    return [] if stored == (dtype,) else [f"Stored as {' and '.join(stored)}, computed in {dtype}."]


def _unused_notes(unused: list[str], name: str) -> list[str]:
    return [f"{name} also holds weights that a classifier does not use{_some(unused)}."] if unused else []

"""A masked model as an ordinary folder: the output projections' columns of cut heads are zero, all else is as it was.

Any program that opens transformers' folders gets the masked model, at the size and speed of the whole one.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from torch import nn

from headviz import attention
from headviz.checkpoint import MASK_FILE, cut_of_config
from headviz.checkpoint.quiet import quiet_transformers
from headviz.errors import ExportError, HeadvizError, MaskError
from headviz.families import AttentionUse, family_of
from headviz.files import write_folder
from headviz.foreign import reason_of
from headviz.mask import Mask, describe_heads, head_name
from headviz.mask.origin import block
from headviz.progress import CancelSignal, OnProgress, Progress

if TYPE_CHECKING:
    from headviz.subject import Subject

DTYPES = ("float32", "bfloat16", "float16")
"""In which models are written."""

# What save_masked writes, and so what it may replace.
_OWN_SUFFIXES = {".json", ".safetensors", ".txt", ".model", ".jinja"}


def save_masked(
    subject: Subject,
    mask: Mask,
    folder: str | os.PathLike[str],
    *,
    dtype: str | None = None,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> Path:
    """Write ``subject`` with the heads that ``mask`` cuts taken out of its weights, and the mask, to ``folder``.

    The folder holds config.json, model.safetensors, the tokenizer's files and head_mask.json, and opens with
    transformers alone; its logits are those of the masked model. The biases of the output projections stay, as they do
    under a gate of 0. ``dtype``: of the numbers in the file, "float32", "bfloat16" or "float16"; by default the one
    that the subject was opened in, whatever its own file holds. The subject is untouched. The folder is written whole
    or not at all; it must be new or empty, or, with ``overwrite``, one that save_masked wrote. Returns its path.

    Raises MaskError for a mask of other head counts and for a cut that weights cannot carry (a head of a shared layer
    that goes in only some of the layer's uses), ExportError for a pruned model and where the folder cannot be written.
    """
    if subject.cut is not None:
        raise ExportError(
            f"{subject.name} is pruned, and a folder holds one mask. Cut these heads out as well: "
            "hv.save_pruned(hv.prune(subject, mask), folder)."
        )
    target = Path(folder).expanduser()
    require_reopening(subject)
    with Progress(3, "writing the masked model", on_progress, cancel) as steps:
        cuts = cuts_of_weights(subject.model, mask)
        require_free(target, overwrite, "save_masked")
        model: Any = in_dtype(masked_view(subject.model, cuts), dtype)
        steps.step()

        def fill(temporary: Path) -> None:
            with refusals_of_libraries(target):
                save_model(model, temporary)
                steps.step()
                subject.processor.save_pretrained(temporary)
            (temporary / MASK_FILE).write_bytes(mask_of_subject(mask, subject).content(".json"))
            steps.step()

        write_folder(target, fill)
    return target


def require_reopening(subject: Subject) -> None:
    """Raises ExportError where a folder of ``subject`` would not open again, before anything is written."""
    if why := subject.unlike_a_folder():
        raise ExportError(f"{subject.name} {why}, so a folder of it would not open as the same model.")
    whole = cut_of_config(subject.model.config)
    if subject.cut is not None and whole is not None and subject.cut.heads != whole.heads:
        pairs = list(zip(subject.cut.heads, whole.heads, strict=True))
        layer, (left, told) = next((number, pair) for number, pair in enumerate(pairs) if pair[0] != pair[1])
        raise ExportError(
            f"Layer {layer} of {subject.name} had lost heads before headviz cut any: {left} are left where its "
            f"configuration says {told}, and which ones is not known. Cut the whole model instead."
        )


@torch.no_grad()
def in_dtype(twin: nn.Module, dtype: str | None) -> nn.Module:
    """``twin``, a view of a model, with numbers of ``dtype`` in tensors of its own; None: as it is. Raises ExportError
    where that is no dtype to write, or too narrow for a weight."""
    if dtype is None:
        return twin
    if dtype not in DTYPES:
        raise ExportError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}.")
    wanted, made = getattr(torch, dtype), {}  # a tensor with several names (tied weights) stays one
    for name, module in twin.named_modules():
        for tensors in (module._parameters, module._buffers):
            for key, tensor in tensors.items():
                if tensor is None or not tensor.is_floating_point() or tensor.dtype == wanted:
                    continue
                if id(tensor) not in made:
                    rounded = tensor.to(wanted)
                    if not torch.equal(rounded.isfinite(), tensor.isfinite()):
                        raise ExportError(f"{name}.{key} holds numbers too large for {dtype}. Write another dtype.")
                    made[id(tensor)] = nn.Parameter(rounded, False) if tensors is module._parameters else rounded
                tensors[key] = made[id(tensor)]
    return twin


def save_model(model: Any, folder: Path) -> None:
    """Write configuration and weights; who may read the one may read the others, which safetensors keeps to the
    owner. Raises ExportError for settings for generating that transformers opens but does not write."""
    if model.can_generate():
        try:
            model.generation_config.validate(strict=True)
        except ValueError as error:
            names = ", ".join(re.findall(r"(?m)^- `(\w+)`", str(error)))
            raise ExportError(
                "The generation_config of the model contradicts itself, and transformers does not write it"
                f"{f' ({names})' if names else ''}. Correct it in subject.model.generation_config."
            ) from error
    model.save_pretrained(folder)
    if not (folder / "config.json").is_file():
        raise ExportError("The model's own save_pretrained wrote no config.json. Give a plain model of transformers.")
    for weights in folder.glob("*.safetensors"):
        shutil.copymode(folder / "config.json", weights)


@contextlib.contextmanager
def refusals_of_libraries(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Silences transformers' own bar, and turns what other libraries raise, such as safetensors and tokenizers where
    the system refuses (a full disk), into ExportError."""
    try:
        with quiet_transformers():
            yield
    except Exception as error:
        # tokenizers has no type of its own: "No space left on device (os error 28)"
        if isinstance(error, SafetensorError) or (type(error) is Exception and "os error" in str(error)):
            raise ExportError(f"{os.fspath(folder)!r} cannot be written: {error}. Choose another folder.") from error
        if isinstance(error, HeadvizError | OSError | MemoryError):
            raise
        raise ExportError(
            f"This model cannot be written: {reason_of(error)}. Give a plain model of transformers."
        ) from error


def cuts_of_weights(model: nn.Module, mask: Mask) -> list[tuple[int, list[int]]]:
    """For every output projection that loses heads: the layer of its first use, and the heads, in order.

    Raises MaskError where there is none or it does not fit the model, and, naming the head, where a layer that is used
    several times (ALBERT) would lose a head in only some of its uses.
    """
    if not isinstance(mask, Mask):
        raise MaskError(f"mask must be an hv.Mask. Got a {type(mask).__name__}; hv.Mask(keep) makes one of an array.")
    uses = family_of(model).uses(model)
    heads = tuple(use.heads for use in uses)
    if mask.heads != heads:
        raise MaskError(
            f"The mask is for {describe_heads(mask.heads)}, but the model has {describe_heads(heads)}. "
            "Open the model it was made for, or choose another mask."
        )
    cuts = []
    for layers in _layers_by_weights(uses):
        cut = ~mask.keep[layers, : heads[layers[0]]]
        partly = cut.any(axis=0) & ~cut.all(axis=0)
        if partly.any():
            head = int(partly.argmax())
            raise MaskError(_shared_sentence(layers, head, cut[:, head].tolist()))
        if cut.any():
            cuts.append((layers[0], [int(head) for head in cut[0].nonzero()[0]]))
    return cuts


def _layers_by_weights(uses: Sequence[AttentionUse]) -> list[list[int]]:
    """The layers, put together where they use one output projection."""
    found: dict[int, list[int]] = {}
    for layer, use in enumerate(uses):
        found.setdefault(id(use.output.weight), []).append(layer)
    return list(found.values())


def _shared_sentence(layers: Sequence[int], head: int, cut: Sequence[bool]) -> str:
    gone, stays = (
        [head_name(layer, head) for layer, is_cut in zip(layers, cut, strict=True) if is_cut == which]
        for which in (True, False)
    )
    return (
        f"{gone[0]} is cut but {stays[0]} is kept, and both are the same weights, since the model shares its layers. "
        f"Cut {', '.join(head_name(layer, head) for layer in layers)} together, or none of them."
    )


@torch.no_grad()
def masked_view(model: nn.Module, cuts: Sequence[tuple[int, list[int]]]) -> nn.Module:
    """A second module on the tensors of ``model``, with output projections of its own in which the heads of ``cuts``
    (layer, heads) are zero; ``model`` is not touched."""
    twin = attention.view(model)
    uses = family_of(twin).uses(twin) if cuts else []
    for layer, heads in cuts:
        use = uses[layer]
        use.output.weight = nn.Parameter(use.output.weight.detach().clone(), requires_grad=False)
        for head in heads:
            use.weight("output")[:, use.columns(head)] = 0
    return twin


def mask_of_subject(mask: Mask, subject: Subject) -> Mask:
    """The mask with the record of the weights that it is applied to here; what was measured on others is left out, and
    so is the criterion of a mask that cuts nothing."""
    provenance, left_out = mask.provenance, set[str]()
    if block(provenance.get("model")).get("fingerprint") not in (None, subject.fingerprint):
        left_out |= {"measured", "measured_on"}
    if not mask.pruned and not mask.by_hand:
        left_out |= {"criterion", "steps", "selection", "rescued", "data"}
    provenance = {key: value for key, value in provenance.items() if key not in left_out}
    return Mask(mask.keep, subject=subject, provenance=provenance)


def require_free(folder: Path, overwrite: bool, writer: str, also: Collection[str] = ()) -> None:
    """Raises ExportError unless ``folder`` is missing, empty, or one that ``writer`` wrote and may be overwritten;
    ``also``: names of files that it writes beside what save_masked does."""
    try:
        entries = list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise ExportError(f"{str(folder)!r} cannot be read: {error.strerror}. Choose another folder.") from error
    if not entries:
        return
    if not overwrite:
        raise ExportError(
            f"{str(folder)!r} is not empty. Choose another folder, or pass overwrite=True to replace what {writer} "
            "wrote there."
        )
    foreign = [
        entry
        for entry in entries
        if not entry.is_file() or (entry.suffix not in _OWN_SUFFIXES and entry.name not in also)
    ]
    if foreign or not (folder / MASK_FILE).is_file():
        what = f"holds {foreign[0].name!r}" if foreign else f"has no {MASK_FILE}"
        raise ExportError(
            f"{str(folder)!r} {what}, so {writer} did not write it and will not replace it. Choose another folder."
        )

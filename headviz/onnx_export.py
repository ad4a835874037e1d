"""A model as one ONNX file: any batch and any length, checked in onnxruntime before it is written.

The file holds float32 weights for the CPU or any other runtime. It takes input_ids and attention_mask (and
token_type_ids where the model does), int64 of (batch, length), and gives logits, float32 of (batch, classes). What
headviz knows of it stands in its metadata. Seen with torch 2.13 and onnxruntime 1.32.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import torch
from torch import Tensor, nn

from headviz import __version__
from headviz.batches import Batch
from headviz.errors import ExportError
from headviz.evaluation import gates_of
from headviz.families import families, family_of
from headviz.files import write_whole
from headviz.mask import Mask
from headviz.mask.file import pruned_heads
from headviz.onnx_model import KEY, OnnxModel, require_onnx
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.provenance import model_block, now
from headviz.pruned_modeling import whole_type
from headviz.saving import cuts_of_weights, masked_view

if TYPE_CHECKING:
    from headviz.subject import Subject

FORMAT, VERSION = "headviz.onnx", 1
TOLERANCE = 1e-3
"""The largest difference of a logit from torch's, for logits up to 1 and in proportion above, of a file that is kept.
What was seen is about 3e-6; a graph that is wrong differs by far more."""
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_LARGEST = 2**31 - 2**20  # bytes of one protobuf message, with room for the graph
_WORDS = "It was not what we hoped for , but it was good in its own way .".split()
_LENGTHS = (2, 4, 9, 33, 300)  # words of the texts it is checked on; the last is cut to the model's limit
_ONE_AT_A_TIME = threading.Lock()  # torch's exporter keeps state of its own, and its log level is set meanwhile


def export_onnx(
    subject: Subject,
    path: str | os.PathLike[str],
    *,
    mask: Mask | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> Path:
    """Write ``subject``, whole or pruned, to the ONNX file ``path``; with ``mask`` the heads it cuts are zeroed.

    Before anything is written the graph runs in onnxruntime, on texts of several lengths, alone and in a batch, against
    the model in torch. The file is written whole or not at all, in place of one that was there; the subject is
    untouched. Returns its path.

    Raises ExportError where a package is missing, the model cannot be exported or answers otherwise, or the file cannot
    be written; MaskError for a mask of other head counts or one that weights cannot carry; LoadError for a mask where
    headviz does not know the weights of the heads; Cancelled.
    """
    target = _require_path(path)
    gates_of(subject, mask)  # says where mask and model do not fit
    require_onnx(*PACKAGES)
    _require_size(subject)
    if subject.task != "text-classification":
        raise ExportError(f"{subject.name} is for {subject.task}; headviz exports classifiers of texts to ONNX so far.")
    with Progress(3, "writing the ONNX file", on_progress, cancel) as steps:
        model = _Classifier(subject, mask)
        batches = _probes(subject)
        graph = _graph(model, model.arguments(batches[0]))
        steps.step()
        difference, largest = _check(model, OnnxModel(graph.SerializeToString(), target.name), batches)
        steps.step()
        about = _about(subject, mask) | {"check": {"largest_difference": difference, "largest_logit": largest}}
        graph.metadata_props.add(key=KEY, value=json.dumps(about, ensure_ascii=False))
        content = graph.SerializeToString()

        def write(file: BinaryIO) -> None:
            file.write(content)

        write_whole(target, write)
        steps.step()
    return target


class _Classifier(nn.Module):
    """The model in float32 on the CPU, from tensors to logits: what is exported, and what the file is checked
    against."""

    def __init__(self, subject: Subject, mask: Mask | None) -> None:
        super().__init__()
        cuts = [] if mask is None else cuts_of_weights(subject.model, mask)
        model: Any = masked_view(subject.model, cuts)
        _leave_out_layers_without_heads(model)
        model.set_attn_implementation("sdpa")
        self.model = model.to("cpu", torch.float32)
        self.names = _INPUTS if subject.segments else _INPUTS[:2]

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.model(**dict(zip(self.names, inputs, strict=True))).logits

    def arguments(self, batch: Batch) -> tuple[Tensor, ...]:
        return tuple(batch.inputs[name].cpu() for name in self.names)


def _leave_out_layers_without_heads(model: Any) -> None:
    """Of a layer that lost all heads only the output projection's bias is left, in a view that may be changed. Matrices
    without numbers are valid ONNX, but the tools that optimise a graph and infer its shapes stumble over them.

    Attention still wants a head, so it gets one made of nothing, which nobody reads and which the exporter drops."""
    if families.get(whole_type(model.config.model_type)) is None:
        return
    modules = dict(model.named_modules())
    for use in family_of(model).uses(model):
        if use.heads:
            continue
        for module, parts in use.inputs():
            _put(model, modules, module, _Nothing(len(parts) * use.head_size))
        _put(model, modules, use.output, _Constant(use.output))
        block = modules[use.name]
        if hasattr(block, "split_size"):  # of GPT-2, which splits one projection into three
            block.split_size = [use.head_size] * 3


def _put(model: Any, modules: dict[str, nn.Module], old: nn.Module, new: nn.Module) -> None:
    for name, module in modules.items():
        if module is old:
            model.set_submodule(name, new)


class _Nothing(nn.Module):
    """In place of query, key and value: zeros of a given width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden.new_zeros(*hidden.shape[:-1], self.width)


class _Constant(nn.Module):
    """In place of an output projection that has nothing to project: its bias, or zeros, for every token."""

    def __init__(self, projection: Any) -> None:
        super().__init__()
        bias, width = projection.bias, projection.weight.shape[0]
        if type(projection).__name__ != "Linear":  # a Conv1D keeps its weights the other way round
            width = projection.weight.shape[1]
        self.bias = nn.Parameter(torch.zeros(width, dtype=projection.weight.dtype) if bias is None else bias.detach())

    def forward(self, hidden: Tensor) -> Tensor:
        return self.bias.expand(*hidden.shape[:-1], len(self.bias))


def _require_path(path: str | os.PathLike[str]) -> Path:
    target = Path(path).expanduser()
    if target.suffix.lower() != ".onnx":
        raise ExportError(f"{os.fspath(path)!r} does not end in .onnx. Give the file that ending.")
    if target.is_dir():
        raise ExportError(f"{os.fspath(path)!r} is a folder. Give the name of a file.")
    if not target.parent.is_dir():  # told before the work and not after it
        raise ExportError(f"{os.fspath(path)!r} cannot be written: its folder does not exist. Make the folder first.")
    return target


def _require_size(subject: Subject) -> None:
    size = 4 * subject.parameters
    if size > _LARGEST:
        raise ExportError(
            f"{subject.name} has {size / 2**30:.1f} GiB of weights in float32, and one ONNX file holds at most 2 GiB. "
            "Save a pruned folder instead."
        )


def _probes(subject: Subject) -> list[Batch]:
    """Texts of several lengths: in twos, all together, and each alone, without padding."""
    texts = [(" ".join((_WORDS * length)[:length]),) for length in _LENGTHS]
    encoded = subject.encode(texts)
    return [batch for size in (2, len(texts), 1) for batch in encoded.batches(batch_size=size)]


def _graph(model: _Classifier, arguments: Sequence[Tensor]) -> Any:
    """The model as an ONNX protobuf. Raises ExportError where torch cannot export it."""
    axes = {0: "batch", 1: "length"}
    try:
        with _silence(), torch.no_grad():
            program: Any = torch.onnx.export(
                model.eval(),
                tuple(arguments),
                dynamo=True,
                input_names=model.names,
                output_names=["logits"],
                dynamic_shapes=(tuple(axes for _ in model.names),),
                verbose=False,
            )
            graph = program.model_proto
    except Exception as error:
        raise ExportError(
            f"This model cannot be written as ONNX: torch says {_reason(error)}. Save a folder instead."
        ) from error
    # where the code lay on this machine, which is nobody's business
    for node in graph.graph.node:
        del node.metadata_props[:]
    for function in graph.functions:
        for node in function.node:
            del node.metadata_props[:]
    return graph


@contextmanager
def _silence() -> Iterator[None]:
    """The exporter alone, without its warnings and log lines: what matters is checked afterwards."""
    log = logging.getLogger("torch.onnx")
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        level = log.level
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)


def _reason(error: BaseException) -> str:
    while error.__cause__ is not None:  # the exporter wraps what happened in advice on how to report it
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}{f': {lines[0][:200]}' if lines else ''}".rstrip(".")


@torch.no_grad()
def _check(model: _Classifier, exported: OnnxModel, batches: Sequence[Batch]) -> tuple[float, float]:
    """The largest difference between the logits of both, and the largest logit. Raises ExportError beyond
    `TOLERANCE`."""
    difference, largest = 0.0, 0.0
    for batch in batches:
        ours = model(*model.arguments(batch))
        found = (exported.logits(batch.inputs) - ours).abs().max().item()
        largest = max(largest, ours.abs().max().item())
        if not found <= TOLERANCE * max(1.0, largest):  # also where it is not a number
            raise ExportError(
                f"The exported model answers otherwise in onnxruntime: a logit differs by {found:.2g}. "
                "Nothing was written; save a folder instead."
            )
        difference = max(difference, found)
    return difference, largest


def _about(subject: Subject, mask: Mask | None) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": model_block(subject),
        "pruned_heads": {} if mask is None else pruned_heads(mask.keep, mask.heads),
        "labels": list(subject.labels),
        "max_length": subject.max_length,
        "created": now(),
        "headviz": __version__,
    }

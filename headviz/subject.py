"""Subject: a loaded model with its processor, task and labels, read-only; `load` opens one, `Subject.wrap` takes one
from memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from headviz import attention
from headviz.attention import AttentionCall, Call, Observer
from headviz.batches import Encoded, encode
from headviz.checkpoint import (
    DECODERS,
    check_config,
    check_vocabulary,
    cut_notes,
    cut_of_config,
    heads_with_weights,
    max_length,
    open_checkpoint,
    special_notes,
    state_fingerprint,
    zeroed_names,
)
from headviz.checkpoint.first_run import cannot_run, first_run, positions_of
from headviz.checkpoint.plain_model import plain_model, unlike_its_class, unlike_its_config
from headviz.errors import DataError, LoadError
from headviz.families.weights import attention_parameters, weights_note
from headviz.foreign import explained
from headviz.hub import resolve
from headviz.mask import Mask
from headviz.progress import OnProgress, Progress
from headviz.pruned_modeling import whole_type
from headviz.tasks import Task, tasks


@dataclass(frozen=True, eq=False, repr=False)
class Subject:
    """A loaded model, ready to be scored, masked and measured. Read-only; threads may share it.

    ``name``, ``revision`` (commit of a hub model, else None), ``fingerprint`` (16 hex digits of the weights),
    ``family`` (model type; a pruned model has that of the whole one), ``task``, ``layers`` (attention calls L; a shared
    layer counts once per use), ``heads`` (a tuple, heads of each layer), ``shape`` (L, H), ``parameters`` and
    ``attention_parameters`` (counts), ``labels`` (class names in the order of the logits), ``max_length`` (tokens),
    ``device``, ``dtype``, ``model`` and ``processor`` (as given, never changed), ``notes`` (sentences a page shows),
    ``cut`` (of a pruned model: the mask over the heads of the whole one; else None), ``stored`` (dtypes of the numbers
    in the file it was opened from, which ``dtype`` need not be; none of a model that was in memory).
    """

    name: str
    revision: str | None
    fingerprint: str
    family: str
    task: str
    heads: tuple[int, ...]
    parameters: int
    attention_parameters: int | None
    labels: tuple[str, ...]
    max_length: int
    device: str
    dtype: str
    model: nn.Module
    processor: Any
    notes: tuple[str, ...]
    calls: tuple[AttentionCall, ...]
    _view: nn.Module = field(repr=False)
    _keyword: bool = field(repr=False)
    cut: Mask | None = None
    stored: tuple[str, ...] = ()

    @classmethod
    def wrap(cls, model: nn.Module, processor: Any, *, name: str, task: str | None = None) -> Subject:
        """A Subject around a model that is already in memory. The model is neither changed nor run: a view that shares
        its tensors is.

        ``task``: "text-classification", "causal-lm" or "image-classification" (with an image processor); by default
        what the model is made for. Beside the encoders that `load` opens it takes GPT-2, Llama, Mistral, Qwen2 and
        Qwen3, as classifiers and as language models, whose classes are then the tokens that may come next, and
        classifiers of images. Raises LoadError when the model does not fit the task or its attention cannot be reached.
        """
        with explained(LoadError, lambda reason: f"{name} cannot be taken as it is: {reason}. Give a plain model."):
            model = plain_model(model, name)
            task = _task_of(model) if task is None else task
            if missing := tasks[task].missing(processor):
                raise LoadError(f"{name} {missing}.")
            fingerprint = state_fingerprint(model)
        subject = _subject(model, processor, name=name, revision=None, fingerprint=fingerprint, task=task)
        if why := subject.unlike_a_folder():
            note = f"{name} {why}. It can be measured, but not saved as a folder."
            return replace(subject, notes=(*subject.notes, note))
        return subject

    @property
    def layers(self) -> int:
        return len(self.heads)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.heads), max(self.heads)

    @property
    def head_present(self) -> np.ndarray:
        """(L, H) bool: False where a layer has no such head."""
        return np.arange(self.shape[1])[None, :] < np.array(self.heads)[:, None]

    @property
    def zeroed(self) -> tuple[str, ...]:
        """Of a pruned model the heads, named as in the whole one, that are cut but still have weights, zeros where they
        would be read: other heads need the keys and values that they share (`hv.prune`, ``gqa``)."""
        return zeroed_names(self.model.config)

    @property
    def whole_heads(self) -> tuple[tuple[int, ...], ...] | None:
        """Of a pruned model the heads of each layer as the whole model counts them; None for a model that is whole."""
        rows = heads_with_weights(self.model.config)
        return None if rows is None else tuple(tuple(row) for row in rows)

    @property
    def task_definition(self) -> Task:
        return tasks[self.task]

    @property
    def torch_dtype(self) -> torch.dtype:
        return getattr(torch, self.dtype)

    @property
    def segments(self) -> bool:
        """Whether the model tells the two texts of a pair apart by token type ids."""
        return _segments(self.model.config)

    @property
    def keyword(self) -> bool:
        """Whether a `Call` reaches the attention function as a keyword of the forward pass."""
        return self._keyword

    def encode(self, inputs: Sequence[tuple[Any, ...]]) -> Encoded:
        """Tokenise ``inputs``, texts cut at ``max_length`` tokens; an input is a text, a pair, or an image, in a
        tuple."""
        return encode(self, list(inputs))

    def gates(self, keep: np.ndarray) -> Tensor:
        """A mask (L, H) as gates (T,) over all head calls: 1 keeps, 0 cuts."""
        return torch.as_tensor(keep[self.head_present], dtype=self.torch_dtype, device=self.device)

    def forward(
        self, inputs: dict[str, Tensor], *, gates: Tensor | None = None, observers: Sequence[Observer] = ()
    ) -> Tensor:
        """Logits (B, C) of one batch with ``gates`` (T,) or (B, T) and ``observers`` riding on the attention calls."""
        call = Call(gates, observers)
        with self.own_precision():
            logits = attention.run(self._view, inputs, call, keyword=self._keyword)
            logits = self.task_definition.read(logits, inputs)
        if len(call.modules) != len(self.calls):
            raise LoadError(
                f"{self.name} made {len(call.modules)} attention calls where {len(self.calls)} were expected; "
                "its layers are not the same for every input, which headviz cannot follow."
            )
        return logits

    def own_precision(self) -> torch.autocast:
        """A context in which arithmetic stays in the dtype that the model was opened in, also where the caller has
        switched autocast on; a backward pass needs it as well as the forward."""
        return torch.autocast(torch.device(self.device).type, enabled=False)

    def unlike_a_folder(self) -> str | None:
        """Why a folder that the model is written to would not open as the same model, as the rest of a sentence that
        begins with its name; None where it would."""
        auto = self.task_definition.auto
        if why := unlike_its_config(self.model, auto):
            return why
        with self.own_precision():
            return unlike_its_class(self.model, auto, self._probe)

    def _probe(self) -> dict[str, Tensor]:
        probes = self.encode(self.task_definition.probes(self.processor))
        return probes.batch(np.arange(len(probes))).inputs

    def embed(self, ids: Tensor) -> Tensor:
        """Word embeddings (B, n, hidden) of token ids (B, n), before positions are added."""
        view: Any = self._view
        table = view.get_input_embeddings()
        return table(ids).detach()

    def per_head(self, flat: np.ndarray) -> np.ndarray:
        """Values (..., T) over all head calls as (..., L, H), NaN where a layer has no such head."""
        out = np.full((*flat.shape[:-1], *self.shape), np.nan, dtype=flat.dtype)
        out[..., self.head_present] = flat
        return out

    def __repr__(self) -> str:
        return (
            f"Subject({self.name!r}, {self.family}, {self.layers} layers x {self.shape[1]} heads, "
            f"{self.parameters:,} parameters, {self.task}, {self.fingerprint})"
        )


def load(
    source: str | Path,
    *,
    revision: str | None = None,
    task: str | None = None,
    device: str = "auto",
    dtype: str = "float32",
    offline: bool = False,
    on_progress: OnProgress | None = None,
) -> Subject:
    """Open a model: ``"demo/reviews"``, a folder, or a Hugging Face id (with ``revision``). What exists as a local path
    wins over an id. Weights come from safetensors only and no code of the repository is run.

    ``device`` "auto" takes a GPU where there is one; ``dtype`` is the arithmetic, whatever the file stores; ``offline``
    asks no network. Raises LoadError with one or two sentences.
    """
    if dtype not in ("float32", "float64", "bfloat16", "float16"):
        raise LoadError(f"dtype {dtype!r} is not one of float32, float64, bfloat16, float16.")
    found = resolve(source, revision=revision, offline=offline, on_progress=on_progress)
    with Progress(2, "loading the model", on_progress) as steps:
        checkpoint = open_checkpoint(found.folder, name=found.name, device=_device(device), dtype=dtype, task=task)
        steps.step()
        subject = _subject(
            checkpoint.model,
            checkpoint.processor,
            name=found.name,
            revision=found.revision,
            fingerprint=checkpoint.fingerprint,
            task=task,
            notes=checkpoint.notes,
            cut=checkpoint.cut,
            stored=checkpoint.stored,
        )
        steps.step()
    return subject


def _segments(config: Any) -> bool:
    return getattr(config, "type_vocab_size", 0) > 1


def _device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        # values and not only a place for them: the meta device has none, others lack their Python module
        if torch.ones(1, device=device).tolist() != [1.0]:
            raise ValueError(device)
    except (RuntimeError, AssertionError, ValueError, TypeError, ImportError, AttributeError) as cause:
        raise LoadError(f"Device {device!r} is not available here; use cpu or auto.") from cause
    return str(device)


def _task_of(model: Any) -> str:
    """The name of the task that a model in memory is made for."""
    if getattr(model, "main_input_name", None) == "pixel_values":
        return "image-classification"
    generates = getattr(model, "can_generate", lambda: False)()
    return "causal-lm" if generates and whole_type(model.config.model_type) in DECODERS else "text-classification"


def _require_padding(config: Any, processor: Any, name: str) -> None:
    """Raises LoadError where a classifier that looks for the last token that is no padding would not find it."""
    if config.pad_token_id != processor.pad_token_id:
        raise LoadError(
            f"The padding token of {name} is {config.pad_token_id} by its config and {processor.pad_token_id} by its "
            "tokenizer, so it would read a text's class off padding. Set model.config.pad_token_id to the tokenizer's."
        )


def _subject(model: nn.Module, processor: Any, *, name: str, task: str | None, **about: Any) -> Subject:
    """A Subject of a model that has passed on a first input, or LoadError, whatever its own code raises there."""
    with explained(LoadError, cannot_run(model, processor, name, task)):
        return _tried(model, processor, name=name, task=task, **about)


def _tried(
    model: nn.Module,
    processor: Any,
    *,
    name: str,
    revision: str | None,
    fingerprint: str,
    task: str | None,
    notes: tuple[str, ...] = (),
    cut: Mask | None = None,
    stored: tuple[str, ...] = (),
) -> Subject:
    config: Any = model.config
    check_config(config, name, decoders=True)
    task_name = task or "text-classification"
    kind = tasks[task_name]
    decoder = whole_type(config.model_type) in DECODERS
    if kind.name == "text-classification" and decoder:
        _require_padding(config, processor, name)
    told = [weights_note(model, kind.auto)]
    if kind.name != "image-classification":
        check_vocabulary(processor, config, name)
        told += special_notes(processor, config, name, decoder=decoder)
    notes = (*notes, *(note for note in told if note))
    cut = cut_of_config(config) if cut is None else cut
    first = next(model.parameters())
    limit = max_length(config, processor, positions_of(model))
    labels = kind.classes(config, processor)
    device, dtype = str(first.device), str(first.dtype).removeprefix("torch.")
    try:
        features, _ = kind.tokenise(processor, kind.probes(processor), limit, _segments(config))
    except DataError as error:
        raise LoadError(f"{name} cannot read a text. {error}") from error
    inputs = Encoded(features, 0, processor, device, kind).batch(np.arange(len(features))).inputs
    view, calls, keyword = first_run(model, inputs, len(labels), kind, name)
    return Subject(
        name=name,
        revision=revision,
        fingerprint=fingerprint,
        family=whole_type(config.model_type),
        task=task_name,
        heads=tuple(use.heads for use in calls),
        parameters=sum(p.numel() for p in model.parameters()),
        attention_parameters=attention_parameters(model),
        labels=labels,
        max_length=limit,
        device=device,
        dtype=dtype,
        model=model,
        processor=processor,
        notes=notes if cut is None else (*notes, *cut_notes(cut, config)),
        calls=calls,
        _view=view,
        _keyword=keyword,
        cut=cut,
        stored=stored,
    )

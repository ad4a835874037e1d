"""One example under the magnifier: attention maps of chosen heads, the prediction, and each token's share in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from headviz import room
from headviz.errors import DataError, MaskError, ScoreError
from headviz.evaluation import gates_of
from headviz.foreign import explained
from headviz.listing import listed
from headviz.mask import Mask, parse_head
from headviz.observers.maps import MapObserver
from headviz.progress import CancelSignal, OnProgress, Progress

if TYPE_CHECKING:
    from headviz.subject import Subject

Text = str | tuple[str, ...]


@dataclass(frozen=True, eq=False)
class AttentionMaps:
    """What chosen heads do on one text of S tokens, padding left out.

    ``tokens`` (S) as a person reads them; ``maps`` (layer, head) -> (S, S) float32, rows = queries that sum to 1;
    ``segments`` (S) which text of a pair a token is from, None for a single text; ``probabilities`` (C,) float64;
    ``predicted`` the label with the largest; ``truncated`` tokens that were cut because the text is too long.
    """

    tokens: tuple[str, ...]
    maps: dict[tuple[int, int], np.ndarray]
    segments: tuple[int | None, ...] | None
    probabilities: np.ndarray
    predicted: str
    truncated: int


@dataclass(frozen=True, eq=False)
class TokenAttribution:
    """Each token's share in the logit of one label, by integrated gradients on the embeddings (Sundararajan et al.
    2017).

    ``tokens`` (S); ``values`` (S,) float32, positive speaks for ``target``; ``probability`` of that label; ``gap``: how
    much of the change in the logit the values miss, as the sum of the values less the change.
    """

    tokens: tuple[str, ...]
    values: np.ndarray
    target: str
    probability: float
    gap: float


def attention_of(
    subject: Subject, text: Text, heads: Sequence[str | tuple[int, int]], *, mask: Mask | None = None
) -> AttentionMaps:
    """Attention maps of ``heads`` ("L3H7" or (layer, head)) on one text or pair, and the prediction on it.

    With ``mask``, the heads that it cuts are closed; a map shows where a head looks, whether it is closed or not.
    Raises MaskError for a head that the model does not have, DataError for an empty text.
    """
    chosen = [_head(subject, head) for head in heads]
    one = _Encoding(subject, text)
    layers = {layer for layer, _ in chosen}
    room.for_maps(subject, len(one.tokens), kept=len(layers))
    observer = MapObserver(layers)
    gates = None if mask is None else subject.gates(mask.keep)
    with torch.no_grad():
        logits = subject.forward(one.inputs, gates=gates, observers=[observer])
    probabilities = _probabilities(logits)
    return AttentionMaps(
        tokens=one.tokens,
        maps={(layer, head): observer.maps[layer][0, head].numpy() for layer, head in chosen},
        segments=one.segments,
        probabilities=probabilities,
        predicted=subject.labels[int(probabilities.argmax())],
        truncated=one.truncated,
    )


@torch.no_grad()
def probabilities(subject: Subject, text: Text, mask: Mask | None = None) -> np.ndarray:
    """(C,) float64: the probability of each label for one text or pair, with the heads that ``mask`` cuts closed.

    Raises DataError for an empty text, MaskError for a mask of another model.
    """
    gates = gates_of(subject, mask)
    return _probabilities(subject.forward(_Encoding(subject, text).inputs, gates=gates))


def token_attribution(
    subject: Subject,
    text: Text,
    *,
    target: str | None = None,
    steps: int = 32,
    mask: Mask | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> TokenAttribution:
    """Captum's integrated gradients of one label's logit (by default the predicted one) from padding tokens to the
    text.

    The path runs over the word embeddings; special tokens stand still. Raises ScoreError for a label the model does not
    have.
    """
    from captum.attr import IntegratedGradients

    one = _Encoding(subject, text)
    gates = None if mask is None else subject.gates(mask.keep)
    with torch.no_grad():
        probabilities = _probabilities(subject.forward(one.inputs, gates=gates))
    goal = int(probabilities.argmax()) if target is None else _label(subject, target)

    def logit(embeddings: Tensor) -> Tensor:
        progress.step(len(embeddings))
        inputs = {
            name: tensor.expand(len(embeddings), -1) for name, tensor in one.inputs.items() if name != "input_ids"
        }
        return subject.forward({"inputs_embeds": embeddings, **inputs}, gates=gates)[:, goal]

    at_once = max(1, room.for_gradients(subject, len(one.tokens), 8 * len(one.tokens)) // len(one.tokens))
    with Progress(steps, "attributing tokens", on_progress, cancel) as progress, torch.enable_grad():
        values, gap = IntegratedGradients(logit).attribute(
            subject.embed(one.inputs["input_ids"]),
            baselines=subject.embed(one.baseline),
            n_steps=steps,
            internal_batch_size=at_once,
            return_convergence_delta=True,
        )
        progress.finish()
    return TokenAttribution(
        tokens=one.tokens,
        values=values[0].sum(-1).detach().float().cpu().numpy(),
        target=subject.labels[goal],
        probability=float(probabilities[goal]),
        gap=float(gap[0]),
    )


def _probabilities(logits: Tensor) -> np.ndarray:
    """Of logits (1, C): (C,) float64."""
    return logits[0].double().softmax(-1).cpu().numpy()


class _Encoding:
    """One text as model inputs (batch of one), with its tokens as a person reads them."""

    def __init__(self, subject: Subject, text: Text) -> None:
        parts = (text,) if isinstance(text, str) else tuple(text)
        if not any(part.strip() for part in parts):
            raise DataError("The text is empty; type a sentence.")
        self._processor = subject.processor
        batch = subject.encode([parts]).batch(np.array([0]))
        self.inputs: dict[str, Tensor] = batch.inputs
        ids = batch.inputs["input_ids"][0]
        length = len(self._processor(*parts, verbose=False)["input_ids"])
        self.truncated = max(0, length - len(ids))
        self.tokens = legible_tokens(self._processor, ids.tolist())
        special = torch.tensor([int(i) in set(self._processor.all_special_ids) for i in ids], device=ids.device)
        pad = self._processor.pad_token_id
        self.baseline = torch.where(special, ids, torch.full_like(ids, pad if pad is not None else 0))[None]
        self.segments = self._segments(parts) if len(parts) > 1 else None

    def _segments(self, parts: tuple[str, ...]) -> tuple[int | None, ...]:
        limit = self.inputs["input_ids"].shape[1]
        return tuple(self._processor(*parts, truncation=True, max_length=limit, verbose=False).sequence_ids(0))


def legible_tokens(processor: Any, ids: Sequence[int]) -> tuple[str, ...]:
    """Tokens as a person reads them: word pieces keep their ##, the marks that byte-level BPE and SentencePiece use for
    a space in front of a word go, and other byte-level characters are decoded."""
    raw = processor.convert_ids_to_tokens(list(ids))
    if not any(token.startswith(("Ġ", "▁")) for token in raw):
        return tuple(raw)
    special = set(processor.all_special_ids)
    with explained(
        DataError, lambda reason: f"The model's tokenizer cannot write its tokens: {reason}. Use that of its makers."
    ):
        return tuple(
            token if i in special else (processor.decode([i]).strip() or token)
            for i, token in zip(ids, raw, strict=True)
        )


def _head(subject: Subject, head: str | tuple[int, int]) -> tuple[int, int]:
    layer, index = parse_head(head) if isinstance(head, str) else head
    if not (0 <= layer < subject.layers and 0 <= index < subject.heads[layer]):
        raise MaskError(f"{subject.name} has no head L{layer}H{index}; choose one of its {sum(subject.heads)} heads.")
    return int(layer), int(index)


def _label(subject: Subject, label: str) -> int:
    if label not in subject.labels:
        raise ScoreError(f"{subject.name} has no label {label!r}; choose one of {listed(subject.labels, most=20)}.")
    return subject.labels.index(label)

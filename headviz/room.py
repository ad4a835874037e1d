"""Room for a pass: what texts of some length take of memory on top of the weights, worked out before the pass runs.

Both figures are rough and rather high. A text that alone would take more than one computation may is refused by its
length; where a batch would, smaller batches are taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headviz import memory

if TYPE_CHECKING:
    from headviz.subject import Subject

_KEPT = 24  # times the hidden size: what a block keeps of each token for the backward pass
_COPIES = 3  # of a layer's attention maps, while they are looked at


def of_gradients(subject: Subject, tokens: int) -> int:
    """Bytes that a forward pass over ``tokens`` keeps until its backward pass."""
    hidden = int(getattr(subject.model.config, "hidden_size", 0) or 0)
    return 4 * _KEPT * hidden * subject.layers * tokens


def of_maps(subject: Subject, tokens: int, texts: int = 1, kept: int = 0) -> int:
    """Bytes of the attention maps of a layer on ``texts`` of so many tokens, and of those of ``kept`` layers."""
    return 4 * (_COPIES + kept) * max(subject.heads) * texts * tokens**2


def for_gradients(subject: Subject, longest: int, batch_tokens: int) -> int:
    """``batch_tokens``, or as many of them as fit. Raises ScoreError where the longest text does not."""
    of_one = max(1, of_gradients(subject, 1))
    _require(subject, of_one * longest, "The gradients of one text", longest)
    return max(1, min(batch_tokens, memory.bound() // of_one))


def for_maps(subject: Subject, tokens: int, texts: int = 1, kept: int = 0) -> None:
    """Raise ScoreError where the attention maps of so many tokens do not fit."""
    what = "The attention maps of one text" if texts == 1 else f"The attention maps of {texts} texts at once"
    _require(subject, of_maps(subject, tokens, texts, kept), what, tokens)


def _require(subject: Subject, needed: int, what: str, tokens: int) -> None:
    cause = f"{tokens:,} tokens, {subject.layers} layers of up to {max(subject.heads)} heads"
    memory.require(needed, what, cause, "Take shorter texts.")

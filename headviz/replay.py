"""Replay: measure one mask after another on the same data, running only the layers from the first change on.

The hidden states that enter each block are kept for each batch, with the gates they belong to. A mask whose gates
differ first in layer l needs the blocks from l on: the mean over single-head edits of a model with L equal layers is
(L + 1) / (2 L) of a pass. Blocks are wrapped in a view of their own, so the model and its other views never know.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from headviz import attention
from headviz.attention import Call
from headviz.batches import BATCH_TOKENS, Batch, Encoded
from headviz.evaluation import Evaluation, gates_of, prepare
from headviz.progress import CancelSignal, OnProgress, Progress

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.mask import Mask
    from headviz.subject import Subject

MEMORY = 512 * 2**20
"""Bytes of hidden states that are kept at most; batches beyond it are run whole."""


@dataclass
class _Pass:
    """One forward pass through the blocks: those before ``start`` are skipped, and ``states[start]`` enters there."""

    call: Call
    start: int = 0
    states: list[Tensor] = field(default_factory=list)
    first_call: list[int] = field(default_factory=list)  # attention calls before each block, noted on the way
    at: int = 0

    def run(self, block: nn.Module, hidden: Tensor, args: Sequence[Any], options: dict[str, Any]) -> Any:
        here, self.at = self.at, self.at + 1
        if here < self.start:
            return self.states[self.start] if here + 1 == self.start else hidden
        if here < len(self.states):
            self.states[here] = hidden
        else:
            self.states.append(hidden)
            self.first_call.append(len(self.call.modules))
        return block(hidden, *args, **options)


_PASS: contextvars.ContextVar[_Pass | None] = contextvars.ContextVar("headviz_pass", default=None)


class _Cell(nn.Module):
    """Stands where a block stood, and asks the pass what to do."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:  # models look at attributes of their blocks
            return getattr(super().__getattr__("block"), name)

    def forward(self, hidden: Tensor, *args: Any, **options: Any) -> Any:
        one = _PASS.get()
        return self.block(hidden, *args, **options) if one is None else one.run(self.block, hidden, args, options)


@dataclass
class _Kept:
    """A batch with the states of its last pass: ``gates`` (T,) they belong to, ``states`` before each block."""

    batch: Batch
    gates: Tensor | None = None
    states: list[Tensor] = field(default_factory=list)


class Replay:
    """Evaluations of ``subject`` on ``data`` under one mask after another; each equals `hv.evaluate` in predictions,
    and in losses up to rounding.

    ``first``: how many examples, drawn with seed 0, are measured before the rest; ``draw`` (first,) are their places in
    the data. ``memory``: bytes of hidden states kept at most. ``share``: of the blocks' work, what the last evaluation
    did. Calls from several threads wait for each other. Raises DataError when data and model do not fit.
    """

    def __init__(
        self,
        subject: Subject,
        data: Data,
        *,
        first: int = 0,
        memory: int = MEMORY,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        self._prepared = prepare(subject, data)
        self._subject, self._memory = subject, memory
        self._encoded = subject.encode(data.inputs)
        self.draw = drawn(len(data), first)
        rest = np.setdiff1d(np.arange(len(data)), self.draw)
        parts = [_batches(self._encoded, part, batch_tokens) for part in (self.draw, rest)]
        self._first, self._kept = len(parts[0]), parts[0] + parts[1]
        self._view = attention.view(subject.model)
        self._first_call: list[int] = []
        self._can_skip = _wrap_blocks(self._view, [call.name for call in subject.calls])
        self._one_at_a_time = threading.Lock()
        self.share = 1.0

    @torch.no_grad()
    def evaluate(
        self,
        mask: Mask | None = None,
        *,
        on_first: Callable[[Evaluation], None] | None = None,
        on_progress: OnProgress | None = None,
        cancel: CancelSignal | None = None,
    ) -> Evaluation:
        """Quality under ``mask``; ``on_first`` gets that of the first examples as soon as they are measured. A pass
        that is cancelled half-way leaves each batch with the states of its own last pass. Raises MaskError when mask
        and model do not fit, Cancelled."""
        subject = self._subject
        reading = self._encoded.reading(subject.max_length)
        gates = gates_of(subject, mask)
        gates = subject.gates(subject.head_present) if gates is None else gates
        logits = torch.zeros(len(self._encoded), len(subject.labels), dtype=torch.float32)
        done = 0.0
        with self._one_at_a_time, Progress(len(self._encoded), "measuring quality", on_progress, cancel) as progress:
            for number, kept in enumerate(self._kept, 1):
                start = self._start(kept, gates)
                found = self._run(kept, gates, start)
                logits[torch.as_tensor(kept.batch.indices)] = found.float().cpu()
                done += 1 - start / max(1, len(self._first_call))
                progress.step(len(kept.batch.indices))
                if number == self._first and on_first is not None:
                    whole = self._prepared.evaluation(logits.clone(), mask, reading)
                    on_first(taken(whole, self.draw))
            self.share = done / len(self._kept)
        return self._prepared.evaluation(logits, mask, reading)

    def _start(self, kept: _Kept, gates: Tensor) -> int:
        """The first block that sees other gates than in the batch's last pass; all the same: the last block."""
        if kept.gates is None:
            return 0
        changed = torch.nonzero(kept.gates != gates)
        if not len(changed):
            return len(self._first_call) - 1
        head, calls = int(changed[0]), self._subject.calls
        return max(block for block, first in enumerate(self._first_call) if calls[first].offset <= head)

    def _run(self, kept: _Kept, gates: Tensor, start: int) -> Tensor:
        one, logits = self._pass(kept.batch, gates, start, kept.states)
        if not self._first_call:
            self._first_call = one.first_call
            self._can_skip = self._can_skip and self._proved(kept.batch, gates, one.states, logits)
        if self._can_skip and (kept.gates is not None or self._room_for(one.states)):
            kept.gates, kept.states = gates, one.states
        return logits

    def _pass(self, batch: Batch, gates: Tensor, start: int, states: list[Tensor]) -> tuple[_Pass, Tensor]:
        call = Call(gates)
        call.offset = self._subject.calls[self._first_call[start]].offset if start else 0
        one = _Pass(call, start, list(states))
        token = _PASS.set(one)
        try:
            with self._subject.own_precision():
                logits = attention.run(self._view, batch.inputs, call, keyword=self._subject.keyword)
            return one, self._subject.task_definition.read(logits, batch.inputs)
        finally:
            _PASS.reset(token)

    def _proved(self, batch: Batch, gates: Tensor, states: list[Tensor], logits: Tensor) -> bool:
        """Whether a pass that enters at the last block gives the same logits; where it does not, something else than
        the hidden states goes from block to block, and every pass runs whole."""
        if not states:
            return False
        return torch.equal(self._pass(batch, gates, len(states) - 1, states)[1], logits)

    def _room_for(self, states: list[Tensor]) -> bool:
        size = sum(state.nbytes for state in states)
        if size > self._memory:
            return False
        self._memory -= size
        return True


def drawn(total: int, size: int, seed: int = 0) -> np.ndarray:
    """Places (size,) of a draw from ``total`` examples without replacement, in their order; all, where there are no
    more."""
    return np.sort(np.random.default_rng(seed).permutation(total)[:size])


def taken(evaluation: Evaluation, places: np.ndarray) -> Evaluation:
    """The evaluation of the examples at ``places`` alone."""
    parts = {name: getattr(evaluation, name)[places] for name in ("logits", "labels", "loss", "ids")}
    return replace(evaluation, **parts)


def _batches(encoded: Encoded, places: np.ndarray, batch_tokens: int) -> list[_Kept]:
    """The examples at ``places`` in batches of like length."""
    part = replace(encoded, features=[encoded.features[place] for place in places])
    return [_Kept(encoded.batch(places[indices])) for indices in part.plan(batch_tokens)]


def _wrap_blocks(view: nn.Module, names: list[str]) -> bool:
    """Put a cell around each block of ``view``: the outermost list of modules with every attention module of ``names``
    inside. False where there is no such list, and every pass runs whole."""
    lists = [
        name
        for name, module in view.named_modules()
        if isinstance(module, nn.ModuleList) and all(one.startswith(f"{name}.") for one in names)
    ]
    if not lists:
        return False
    blocks: Any = view.get_submodule(min(lists, key=len))
    for place in range(len(blocks)):
        blocks[place] = _Cell(blocks[place])
    return True

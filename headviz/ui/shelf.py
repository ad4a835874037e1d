"""What the process keeps for all its sessions: models, data, scores and measured results, by fingerprint.

Everything on the shelf is read-only, so sessions and threads share it. Each board holds a bounded number and lets go of
what was used longest ago; a session keeps its own model and data in hand, so nothing vanishes under a visitor.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headviz.ui.state import OpenedModel


class Board:
    """A bounded mapping, least recently used out first; safe between threads."""

    def __init__(self, most: int) -> None:
        self._most, self._things, self._lock = most, OrderedDict[Hashable, Any](), threading.Lock()

    def get(self, key: Hashable) -> Any | None:
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
            return self._things.get(key)

    def put(self, key: Hashable, thing: Any) -> Any:
        """Keep ``thing``, unless there is one by this key already; the one that is kept comes back."""
        with self._lock:
            thing = self._things.setdefault(key, thing)
            self._things.move_to_end(key)
            while len(self._things) > self._most:
                self._things.popitem(last=False)
            return thing

    def replace(self, key: Hashable, thing: Any) -> None:
        """Keep ``thing`` by this key, whatever was there."""
        with self._lock:
            self._things.pop(key, None)
        self.put(key, thing)

    def forget(self, part: Hashable) -> None:
        """Let go of everything in whose key ``part`` stands, at any depth."""
        with self._lock:
            for key in [key for key in self._things if _has(key, part)]:
                del self._things[key]

    def values(self) -> list[Any]:
        """What is there now."""
        with self._lock:
            return list(self._things.values())

    def __len__(self) -> int:
        return len(self._things)


def _has(key: Hashable, part: Hashable) -> bool:
    return key == part or (isinstance(key, tuple) and any(_has(one, part) for one in key))


class Shelf:
    """The boards. Keys: models by fingerprint, sources by what opened them, results by the fingerprints they rest
    on."""

    def __init__(self) -> None:
        self.models = Board(4)
        self.last_data = Board(8)  # by model: what a visitor of this machine had open last, for a reload
        self.uploads = Board(8)  # data of visitors from elsewhere, by names that nobody can guess
        self.scores = Board(16)
        self.head_scores = Board(128)
        self.breaks = Board(128)
        self.drawn = Board(16)  # draws from large data to measure on
        self.evaluations = Board(256)
        self.first_evaluations = Board(64)  # of the first examples, while the rest are measured
        self.replays = Board(8)  # each keeps hidden states of one visitor's edits
        self.signatures = Board(4)
        self.plans = Board(32)
        self.checks = Board(64)  # of plans: noise curves, overlap, stability, measured quality
        self.views = Board(64)  # attention maps and token attributions of single texts

    def take_in(self, model: OpenedModel) -> OpenedModel:
        """``model``, or the same one that is here already, so that its weights are in memory once.

        The fingerprint is of the weights alone. Where the labels, or how texts are read, are others than before, the
        new model takes the place, and what was computed with the earlier one goes.
        """
        known: OpenedModel | None = self.models.get(model.link)
        if known is not None and _reads(known) != _reads(model):
            for board in vars(self).values():
                board.forget(model.subject.fingerprint)
            self.models.forget(model.link)
        taken: OpenedModel = self.models.put(model.link, model)
        return taken


def _reads(model: OpenedModel) -> tuple[Any, ...]:
    """What a model makes of texts beside its weights."""
    subject = model.subject
    return subject.name, subject.labels, subject.task, subject.max_length

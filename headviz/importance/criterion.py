"""What a criterion is: one function from model, data or scores to a number per head, with options that a page can
build."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from headviz import stats
from headviz.errors import ScoreError
from headviz.glossary import glossary
from headviz.head_scores import HeadScores
from headviz.option import Option
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.provenance import record
from headviz.registry import Registry
from headviz.scores import Scores, score

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.subject import Subject

Needs = Literal["scores", "model", "data"]


@dataclass
class Told:
    """``on_progress``, and whether it was called."""

    on_progress: OnProgress | None
    anything: bool = False

    def __call__(self, done: int, total: int, stage: str) -> None:
        self.anything = True
        if self.on_progress is not None:
            self.on_progress(done, total, stage)


@dataclass
class Asked:
    """What a criterion's function is given. ``scores()`` is the pass over the data, made only when it is needed."""

    subject: Subject | None
    data: Data | None
    given: Scores | None
    options: dict[str, Any]
    seed: int
    on_progress: OnProgress | None
    cancel: CancelSignal | None

    def scores(self) -> Scores:
        if self.given is None:
            if self.subject is None or self.data is None:
                raise ScoreError(
                    "This criterion needs scores, or a model and data to take them from; pass one of the two."
                )
            self.given = score(self.subject, self.data, on_progress=self.on_progress, cancel=self.cancel)
        return self.given

    def model(self, name: str) -> Subject:
        if self.subject is None:
            raise ScoreError(f"The criterion {name} needs the model; pass the subject (--model on the command line).")
        return self.subject

    def model_and_data(self, name: str) -> tuple[Subject, Data]:
        if self.subject is None or self.data is None:
            raise ScoreError(
                f"The criterion {name} needs the model and data, not scores alone; pass both "
                "(--model and --data on the command line)."
            )
        return self.subject, self.data


@dataclass(frozen=True)
class Criterion:
    """A rule that gives every head a number, larger = more worth keeping.

    ``name``, ``title``, ``explain`` (one sentence), ``needs`` (the most it takes: "scores", "model" for weights
    alone, "data" for model and data), ``options`` (name -> Option).
    """

    name: str
    title: str
    needs: Needs
    compute: Callable[[Asked], np.ndarray]
    options: Mapping[str, Option] = field(default_factory=dict)
    seeded: bool = False

    @property
    def explain(self) -> str:
        return glossary[self.name].sentence

    def __call__(
        self,
        subject: Subject | None,
        data: Data | None,
        *,
        scores: Scores | None = None,
        seed: int = 0,
        on_progress: OnProgress | None = None,
        cancel: CancelSignal | None = None,
        **options: Any,
    ) -> HeadScores:
        """HeadScores of every head. ``scores`` given saves the pass over the data where they are enough.

        Raises ScoreError for an option that is unknown, missing or out of range, or where something needed is not
        given, and Cancelled.
        """
        chosen = self._options(options)
        stats.generator(seed)  # refused here, and not only where it is used
        told = Told(on_progress)
        stage = f"ranking by {self.title}"
        Progress(1, stage, cancel=cancel)
        asked = Asked(subject, data, scores, chosen, seed, told if on_progress is not None else None, cancel)
        values = np.asarray(self.compute(asked), dtype=np.float64)
        if not told.anything:  # what needs no pass is done at once, and says so
            Progress(1, stage, on_progress, cancel).step()
        if self.seeded:
            chosen = {**chosen, "seed": seed}
        notes = asked.given.notes if asked.given is not None else ()
        if asked.given is not None and self.needs == "scores":
            provenance = asked.given.provenance
        else:
            assert subject is not None
            provenance = record(subject, data if self.needs == "data" else None, chosen)
        return HeadScores(values, self.name, chosen, provenance, notes)

    def _options(self, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            if name not in self.options:
                known = f"it has {', '.join(self.options)}" if self.options else "it has none"
                raise ScoreError(f"The criterion {self.name} has no option {name!r}; {known}.")
        chosen = {}
        for name, option in self.options.items():
            value = given.get(name, option.default)
            if value is None and not option.optional:
                raise ScoreError(f"The criterion {self.name} needs {name}, {option.describe()}; pass {name}=...")
            chosen[name] = option.check(name, value)
        return chosen


criteria: Registry[Criterion] = Registry("criterion", ScoreError)


def criterion(
    name: str, *, title: str, needs: Needs, seeded: bool = False, **options: Option
) -> Callable[[Callable[[Asked], np.ndarray]], Callable[[Asked], np.ndarray]]:
    """Register a function as the criterion ``name``; its sentence is the glossary's."""

    def register(compute: Callable[[Asked], np.ndarray]) -> Callable[[Asked], np.ndarray]:
        criteria.register(name, Criterion(name, title, needs, compute, options, seeded))
        return compute

    return register

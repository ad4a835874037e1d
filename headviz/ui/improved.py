"""Improving the mask in hand by measured swaps, in the background; the best mask so far outlives a stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headviz.ui import engine
from headviz.ui.jobs import Job
from headviz.ui.measured import Measured
from headviz.ui.results import Results

if TYPE_CHECKING:
    from headviz.improve import Improvement
    from headviz.mask import Mask

BUDGETS = (50, 200, 1000)  # evaluations


@dataclass(frozen=True)
class Best:
    """The best mask so far, its measured value, and how many swaps led there."""

    mask: Mask
    value: float
    swaps: int


@dataclass
class Improved:
    """Improvements of ``mask`` by ``measure`` ("loss" or "accuracy") with at most ``budget`` evaluations."""

    results: Results
    mask: Mask
    measure: str
    budget: int

    @property
    def key(self) -> tuple[Any, ...]:
        measured, choice, session = Measured(self.results), self.results.session.choice, self.results.session
        assert session.subject is not None
        rules = (choice.least, *sorted(choice.locks))
        of = (session.subject.fingerprint, measured.data().fingerprint, len(measured.data()))
        return ("improve", self.mask.code, self.measure, self.budget, *of, *rules)

    def job(self) -> Job | None:
        return self.results.jobs.get(self.key)

    def best(self) -> Best | None:
        """The best mask so far, None while no swap was better."""
        return self.results.shelf.views.get(("best", *self.key))

    def done(self) -> Improvement | None:
        job = self.job()
        return job.result if job is not None and job.state == "done" else None

    def ask(self) -> Job | None:
        """Start, where scores are known to order the swaps by."""
        base, session = self.results.base(), self.results.session
        if base is None or session.subject is None:
            return None
        subject, measured, choice = session.subject, Measured(self.results), session.choice
        data, best_key, shelf, scores = measured.data(), ("best", *self.key), self.results.shelf, base.scores
        locked, least, swaps = list(choice.locks), choice.least, 0

        def keep(mask: Mask, value: float) -> None:
            nonlocal swaps
            swaps += 1
            shelf.views.replace(best_key, Best(mask, value, swaps))

        def work(on_progress: Any, cancel: Any) -> Improvement:
            from headviz.improve import improve

            engine.wait()
            return improve(
                subject, data, self.mask, scores, measure=self.measure, budget=self.budget, locked=locked,
                least_per_layer=least, replay=measured.replay(data), on_better=keep, on_progress=on_progress,
                cancel=cancel,
            )  # fmt: skip

        title = f"Trying swaps on {len(data):,} examples"
        return self.results.jobs.start(self.key, title, work, kind="improve", alone=True)

"""What the Complementarity page shows: signatures, plans and what checks them, made in the background and kept on the
shelf.

Keys hold only what a result rests on. The degree and the number of heads are in none of those of a plan: moving them
looks up what is there and seeks the knee again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import headviz as hv
from headviz.complementarity.presets import PROBE
from headviz.errors import ScoreError
from headviz.ui import engine
from headviz.ui.calibration import base_of
from headviz.ui.jobs import Job
from headviz.ui.measured import Measured
from headviz.ui.plan_choice import PlanChoice
from headviz.ui.results import Results
from headviz.ui.shelf import Board

if TYPE_CHECKING:
    import pandas as pd

    from headviz.complementarity.comparison import Controls
    from headviz.complementarity.curve import Curve
    from headviz.complementarity.plan import Plan
    from headviz.complementarity.quality import Counted
    from headviz.complementarity.signature import Signatures
    from headviz.mask import Mask

Key = tuple[Any, ...]
NOISE_SEEDS = 5
OVERLAP_POINTS = 16
QUALITY_COUNTS = 12
SEEDS, RESAMPLES = 8, 8  # of the check of stability


@dataclass
class Plans:
    """Signatures and plans of one session's model, calibration data and settings."""

    results: Results

    @property
    def choice(self) -> PlanChoice:
        return self.results.session.plan

    @property
    def measured(self) -> Measured:
        return Measured(self.results)

    # -- signatures ---------------------------------------------------------------------------------------------------

    def class_counts(self) -> dict[str, int]:
        """Class -> examples, of the calibration data in hand, empty classes included."""
        from headviz.labels import match_labels

        results = self.results
        subject, data = results.session.subject, results.calibration_data()
        assert subject is not None
        key = ("class counts", data.fingerprint, len(data), subject.labels)
        known: dict[str, int] | None = results.shelf.views.get(key)
        if known is None:
            counts = np.bincount(match_labels(data, subject.labels), minlength=len(subject.labels))
            known = dict(zip(subject.labels, counts.tolist(), strict=True))
            results.shelf.views.put(key, known)
        return known

    def _signature_key(self, **given: Any) -> Key:
        session = self.results.session
        assert session.subject is not None and session.data is not None
        size = self.results.calibration_size(session.choice.calibration)
        of = session.subject.fingerprint, session.data.calibration.fingerprint, size
        return ("signatures", *of, *sorted({**self.choice.of_signatures, **given}.items()))

    def signatures(self) -> Signatures | None:
        """Those of the settings in force; ones that kept head outputs, too, do as well."""
        known: Signatures | None = self.results.shelf.signatures.get(self._signature_key())
        return known or self.results.shelf.signatures.get(self._signature_key(probe=PROBE))

    def signature_job(self) -> Job | None:
        return self.results.jobs.get(self._signature_key())

    def ask_signatures(self) -> Job:
        """Start taking signatures, with the scores of the same pass."""
        results, key = self.results, self._signature_key()
        of_scores = results.score_key(results.calibration_size(results.session.choice.calibration))
        subject, data, given = results.session.subject, results.calibration_data(), self.choice.of_signatures
        assert subject is not None

        def make(on_progress: Any, cancel: Any) -> Signatures:
            made = hv.signatures(subject, data, on_progress=on_progress, cancel=cancel, **given)
            if made.scores is not None:
                results.shelf.scores.put(of_scores, base_of(made.scores, of_scores))
            return made

        return self._start(results.shelf.signatures, key, f"Taking signatures on {len(data):,} examples", make)

    # -- the plan -----------------------------------------------------------------------------------------------------

    def _group_key(self) -> Key:
        return (*self._signature_key(), "groups", *sorted(self.choice.of_groups.items()))

    @property
    def key(self) -> Key:
        """Of all plans that differ in degree and number of heads alone."""
        return (*self._signature_key(), "plan", *sorted(self.choice.of_plan.items()))

    def base(self) -> Plan | None:
        """The plan at its preset's degree, from which every other degree is an instant."""
        return self.results.shelf.plans.get(self.key)

    def ask_plan(self) -> Job | None:
        """Group the heads, once there are signatures."""
        signatures, given = self.signatures(), self.choice.of_plan
        if signatures is None:
            return None

        def make(on_progress: Any, cancel: Any) -> Plan:
            made = hv.cahp(signatures, on_progress=on_progress, cancel=cancel, **given)
            _ = made.k  # what finds a knee takes seconds to import: here, not in the page
            return made

        return self._ask(self.results.shelf.plans, self.key, "Grouping heads", make, kind="plan", alone=True)

    def plan(self) -> Plan | None:
        """The plan at the degree and number of heads in force. Where there is no knee, the last number of heads that
        this model had stays."""
        base, session = self.base(), self.results.session
        if base is None or session.subject is None:
            return None
        model = session.subject.fingerprint
        made = base.with_degree(self.choice.degree)
        if self.choice.count is not None:
            made = made.with_count(min(self.choice.count, len(made)))
        if made.k is not None:
            session.last_knee = (model, made.k)
        elif session.last_knee is not None and session.last_knee[0] == model:
            made = made.with_count(session.last_knee[1])
        return made

    def knee_trouble(self) -> str | None:
        """The library's sentence where the degree in force has no knee, else None."""
        base = self.base()
        if base is None:
            return None
        try:
            _ = base.with_degree(self.choice.degree).mask
        except ScoreError as error:
            return str(error)
        return None

    # -- what checks it -----------------------------------------------------------------------------------------------

    def _noise_key(self) -> Key:
        return (*self._group_key(), "noise")

    def noise(self) -> dict[str, list[Curve]] | None:
        """Kind -> curves of matched noise, at any degree."""
        return self.results.shelf.checks.get(self._noise_key())

    def noise_job(self) -> Job | None:
        return self.results.jobs.get(self._noise_key())

    @property
    def noise_is_quick(self) -> bool:
        """Whether noise is compared with unasked: features of many classes take minutes, ten times over."""
        plan = self.base()
        many = plan is not None and plan.signatures is not None and plan.signatures.have_many_features
        return not (many and self.choice.distance == "jm")

    def ask_noise(self) -> Job | None:
        """Run the procedure on shuffled features, and on permuted labels where there are any."""
        plan = self.base()
        if plan is None:
            return None

        def make(on_progress: Any, cancel: Any) -> dict[str, list[Curve]]:
            from headviz.complementarity.noise import noise_curves

            return noise_curves(plan, NOISE_SEEDS, on_progress=on_progress, cancel=cancel)

        return self._ask(
            self.results.shelf.checks, self._noise_key(), "Grouping matched noise", make, kind="noise", alone=True
        )

    def overlap_criteria(self) -> list[str]:
        """The criteria that take no pass of their own."""
        return [name for name, criterion in hv.criteria.items() if criterion.needs != "data"]

    def _overlap_key(self, criterion: str) -> Key:
        options = tuple(sorted((name, repr(value)) for name, value in self.results.options(criterion).items()))
        return (*self.key, "overlap", criterion, options, self.results.seed(criterion))

    def overlap(self, criterion: str) -> pd.DataFrame | None:
        """Heads shared with a criterion at several numbers of heads; it does not depend on the degree."""
        return self.results.shelf.checks.get(self._overlap_key(criterion))

    def ask_overlap(self, criterion: str) -> Job | None:
        plan, signatures, subject = self.base(), self.signatures(), self.results.session.subject
        if plan is None or signatures is None or subject is None:
            return None
        data, options, seed = (
            self.results.calibration_data(),
            self.results.options(criterion),
            self.results.seed(criterion),
        )
        counts = sorted({round(one) for one in np.linspace(1, len(plan.medoids), OVERLAP_POINTS)})

        def make(on_progress: Any, cancel: Any) -> pd.DataFrame:
            from headviz.complementarity.overlap import overlap_curve

            scores = hv.criteria[criterion](subject, data, scores=signatures.scores, seed=seed, **options)
            return overlap_curve(plan, scores, counts, on_progress=on_progress, cancel=cancel)

        title = f"Comparing with {hv.criteria[criterion].title}"
        key = self._overlap_key(criterion)
        return self._ask(self.results.shelf.checks, key, title, make, kind="overlap", alone=True)

    def _stability_key(self, plan: Plan) -> Key:
        return (*self.key, "stability", plan.k)

    def stability(self, plan: Plan) -> pd.DataFrame | None:
        return self.results.shelf.checks.get(self._stability_key(plan))

    def stability_job(self, plan: Plan) -> Job | None:
        return self.results.jobs.get(self._stability_key(plan))

    def ask_stability(self, plan: Plan) -> Job:
        """Group again under other seeds and on resampled examples, which takes one more pass."""
        subject, data = self.results.session.subject, self.results.calibration_data()

        def make(on_progress: Any, cancel: Any) -> pd.DataFrame:
            return plan.stability(SEEDS, RESAMPLES, subject=subject, data=data, on_progress=on_progress, cancel=cancel)

        return self._start(self.results.shelf.checks, self._stability_key(plan), "Repeating the choice", make)

    # -- measured quality ---------------------------------------------------------------------------------------------

    def _data_key(self) -> Key:
        data = self.measured.data()
        return (data.fingerprint, len(data))

    def _quality_key(self) -> Key:
        return (*self.key, "quality", *self._data_key())

    def quality(self, degree: int | None, metric: str | None = None) -> pd.DataFrame | None:
        """Measured quality over the number of heads in ``metric`` (None: the main one), fitted at ``degree``."""
        from headviz.complementarity.quality import fitted, table_of

        known: Counted | None = self.results.shelf.checks.get(self._quality_key())
        if known is None:
            return None
        first = known[0][2]
        return fitted(table_of(known, metric if metric in first.metrics else first.main), degree)

    def quality_job(self) -> Job | None:
        return self.results.jobs.get(self._quality_key())

    def ask_quality(self) -> Job | None:
        plan, subject, data = self.base(), self.results.session.subject, self.measured.data()
        if plan is None or subject is None:
            return None

        def make(on_progress: Any, cancel: Any) -> Counted:
            from headviz.complementarity.quality import measure_counts

            return measure_counts(plan, subject, data, QUALITY_COUNTS, on_progress=on_progress, cancel=cancel)

        return self._start(self.results.shelf.checks, self._quality_key(), "Measuring the quality curve", make)

    def _controls_key(self, mask: Mask, draws: int) -> Key:
        return (*self.key, "controls", mask.code, draws, *self._data_key())

    def controls(self, mask: Mask, draws: int) -> Controls | None:
        """The plan's mask and its controls at the same number of heads, measured."""
        return self.results.shelf.checks.get(self._controls_key(mask, draws))

    def controls_job(self, mask: Mask, draws: int) -> Job | None:
        return self.results.jobs.get(self._controls_key(mask, draws))

    def ask_controls(self, plan: Plan, draws: int) -> Job | None:
        subject, data = self.results.session.subject, self.measured.data()
        if subject is None:
            return None
        others = self._other_masks(plan)

        def make(on_progress: Any, cancel: Any) -> Controls:
            from headviz.complementarity.comparison import measure_controls

            return measure_controls(plan, subject, data, draws, others=others, on_progress=on_progress, cancel=cancel)

        key = self._controls_key(plan.mask, draws)
        return self._start(self.results.shelf.checks, key, "Measuring the controls", make)

    def _other_masks(self, plan: Plan) -> dict[str, Mask]:
        """Integrated gradients on gates, where they are computed already: the relative of AttAttr."""
        known = self.results.head_scores("integrated_gradients")
        return {} if known is None else {"integrated_gradients": plan.top(known)}

    def seconds_an_evaluation(self) -> float | None:
        """How long one evaluation takes, by the quickest in this session on these examples (the first of a session
        loads much beside it); None before any."""
        jobs = [(self.measured.job(), 1), (self.measured.job(self.results.known_mask()), 1)]
        jobs.append((self.quality_job(), QUALITY_COUNTS))
        known = [job.seconds / times for job, times in jobs if job is not None and job.seconds is not None]
        return min(known, default=None)

    # -- doing it -----------------------------------------------------------------------------------------------------

    def _ask(self, board: Board, key: Key, title: str, make: Callable[..., Any], **how: Any) -> Job | None:
        """The job of this key unless its result is there; started if there is none. One that failed, or that the
        visitor stopped, stays so until it is forgotten."""
        if board.get(key) is not None:
            return None
        job = self.results.jobs.get(key)
        if job is None or job.gave_way or job.state == "done":
            job = self._start(board, key, title, make, **how)
        return job

    def _start(self, board: Board, key: Key, title: str, make: Callable[..., Any], **how: Any) -> Job:
        def work(on_progress: Any, cancel: Any) -> None:
            engine.wait()
            if board.get(key) is None:
                board.put(key, make(on_progress, cancel))

        return self.results.jobs.start(key, title, work, **how)

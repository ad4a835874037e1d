"""The recoveries of one visit: each in a folder of its own, worked on in the background, stopped and gone on with.

A run keeps all that it rests on, so it stays what it was when the visitor opens another model or cuts other heads. Its
folder goes when nobody holds the run any more, at the latest with the visit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import headviz as hv
from headviz.errors import RunError
from headviz.ui import engine
from headviz.ui.jobs import Job, Jobs
from headviz.ui.measured import Measured
from headviz.ui.recovery_run import Levels, Part, RecoveryRun
from headviz.ui.results import Results

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.evaluation import Evaluation
    from headviz.mask import Mask

Stage = Literal["waiting", "running", "done", "failed", "stopped"]
_KIND = "recover"


@dataclass
class Recoveries:
    """The runs of the session, and the work on them."""

    results: Results

    # -- the texts ----------------------------------------------------------------------------------------------------

    @property
    def is_split(self) -> bool:
        """Whether the texts to score and to choose on are the same rows, which are then halved."""
        data = self.results.session.data
        assert data is not None
        return data.calibration.fingerprint == data.selection.fingerprint

    def training_texts(self) -> Data:
        """All texts that a recovery may be trained on."""
        data = self.results.session.data
        assert data is not None
        return self._halves()[0] if self.is_split else data.calibration

    def _halves(self) -> tuple[Data, Data]:
        """Two halves of the rows, which share no text."""
        data, drawn = self.results.session.data, self.results.shelf.drawn
        assert data is not None
        key = ("recovery halves", data.selection.fingerprint)
        known: tuple[Data, Data] | None = drawn.get(key)
        return known if known is not None else drawn.put(key, data.selection.halves(0))

    def _texts(self) -> tuple[Data, Data]:
        """The training texts, as many as were asked for, and the validation texts."""
        from headviz.replay import drawn

        limit, train = self.results.session.recovering.texts, self.training_texts()
        if limit is not None and limit < len(train):
            train = train.take(drawn(len(train), limit))
        return train, self._halves()[1] if self.is_split else Measured(self.results).data()

    def texts(self) -> tuple[Data, Data]:
        """The training and the validation texts of the next run."""
        session, shelf = self.results.session, self.results.shelf
        assert session.data is not None
        key = (
            "recovery texts", session.data.calibration.fingerprint, session.data.selection.fingerprint,
            session.recovering.texts, Measured(self.results).size(),
        )  # fmt: skip
        known: tuple[Data, Data] | None = shelf.drawn.get(key)
        return known if known is not None else shelf.drawn.put(key, self._texts())

    # -- the runs -----------------------------------------------------------------------------------------------------

    @property
    def runs(self) -> dict[tuple[Any, ...], RecoveryRun]:
        return self.results.session.runs

    @property
    def jobs(self) -> Jobs:
        """The work on runs; on the visitor's own machine it goes on without a tab."""
        kept = self.results.session.kept_runs
        return self.results.jobs if kept is None else kept.jobs

    def shown(self) -> RecoveryRun | None:
        """The run that is looked at: the one picked, else the last one started."""
        picked = self.results.session.shown_recovery
        if picked not in self.runs and self.results.session.kept_runs is not None:  # after a reload
            return self.under_way() or next(reversed(list(self.runs.values())), None)
        return self.runs.get(picked) if picked is not None else None

    def under_way(self) -> RecoveryRun | None:
        """The run that is worked on; there is one at a time."""
        return next((run for run in list(self.runs.values()) if self.stage(run) in ("waiting", "running")), None)

    def new(self, mask: Mask, settings: Mapping[str, Any], *, parent: RecoveryRun | None = None) -> RecoveryRun:
        """A run of the model and data in hand by the chosen method, not started. Raises RunError for settings that the
        method does not take."""
        from headviz.recovery import methods

        session = self.results.session
        assert session.subject is not None and session.data is not None
        choice, (train, validation) = session.recovering, self.texts()
        chosen = methods[choice.method].settings(settings)
        return RecoveryRun(
            session.subject, mask, train, validation, session.data.report, choice.method, chosen, choice.seed, parent
        )

    def start(self, run: RecoveryRun, *, show: bool = True) -> None:
        """Start a run, or go on with the one that asks for the same; ``show``: it is looked at from then on."""
        if (kept := self.results.session.kept_runs) is not None:
            kept.drop_gone()
        run = self.runs.get(run.key, run)
        run.take_folder(self.results)
        self.runs[run.key] = run
        if show:
            self.results.session.shown_recovery = run.key
        self.go_on(run)

    def go_on(self, run: RecoveryRun) -> None:
        """Work on ``run`` from where it is: from its last checkpoint, or from the start."""
        if self.stage(run) == "done" or self.under_way() is not None:
            return
        title = f"Recovering by {run.title}"
        self.jobs.start(
            ("recover", *run.key), title, lambda *follow: self._work(run, *follow), kind=_KIND, lane="training"
        )

    def stop(self, run: RecoveryRun) -> None:
        job = self.job(run)
        if job is not None:
            job.cancel.set()

    def forget(self, run: RecoveryRun) -> None:
        """Let go of a run that nobody works on, and of all that it has made. One that another process trains stays, and
        the session's troubles say so."""
        if self.stage(run) in ("waiting", "running"):
            return
        session = self.results.session
        if run.place is not None and session.kept_runs is not None:
            try:
                session.kept_runs.delete(run.place)
            except RunError as error:
                session.troubles[:] = [str(error)]
                return
        jobs = (("recover", *run.key), ("recover report", *run.key), ("recover slice", *self.slice_key(run)))
        self.runs.pop(run.key, None)
        run.let_go()
        for key in jobs:
            if (job := self.jobs.get(key)) is not None:
                job.cancel.set()
            self.jobs.forget(key)
        if session.shown_recovery == run.key:
            session.shown_recovery = next(reversed(list(self.runs)), None)

    def job(self, run: RecoveryRun) -> Job | None:
        return self.jobs.get(("recover", *run.key))

    def stage(self, run: RecoveryRun) -> Stage:
        job = self.job(run)
        if job is not None and job.active:
            return "waiting" if job.state == "waiting" else "running"
        levels = run.levels.get("selection")
        if levels is not None and levels.recovered is not None:
            return "done"
        return "failed" if job is not None and job.state == "failed" else "stopped"

    def twin(self, run: RecoveryRun) -> RecoveryRun | None:
        """The "lora" run that differs from ``run`` in its freezing alone: the one of this visit, else a new one, not
        started; None where there can be none."""
        from headviz.recovery import methods

        if run.method == "lora" or not methods[run.method].adapters:
            return None
        settings = methods["lora"].settings({name: run.settings[name] for name in methods["lora"].takes})
        texts = (run.train, run.validation, run.report)
        twin = RecoveryRun(run.subject, run.mask, *texts, "lora", settings, run.seed)
        return self.runs.get(twin.key, twin)

    def finished_twin(self, run: RecoveryRun) -> RecoveryRun | None:
        """The "lora" twin of ``run``, if it is done."""
        twin = self.twin(run)
        return twin if twin is not None and self.stage(twin) == "done" else None

    def safe_run_like(self, run: RecoveryRun) -> RecoveryRun | None:
        """The latest finished SAFE run of the same model, mask, texts and seed, of as many steps: what a control can
        copy."""
        from headviz.recovery.settings import total_steps

        steps = total_steps(len(run.train), run.settings)
        found = [
            one
            for one in list(self.runs.values())
            if one.problem == run.problem and one.method == "safe" and self.stage(one) == "done"
            if total_steps(len(one.train), one.settings) == steps
        ]
        return found[-1] if found else None

    def step_seconds(self, run: RecoveryRun) -> float | None:
        """The median time of a step, measured in another run of the same model, mask, method and batch size."""
        for one in reversed(list(self.runs.values())):
            alike = (one.subject.fingerprint, one.mask.code, one.method) == (
                run.subject.fingerprint, run.mask.code, run.method,
            )  # fmt: skip
            if alike and one.settings["batch_size"] == run.settings["batch_size"] and (cost := one.cost()) is not None:
                return None if math.isnan(cost.step_seconds) else cost.step_seconds
        return None

    # -- work ---------------------------------------------------------------------------------------------------------

    def _work(self, run: RecoveryRun, on_progress: Any, cancel: Any) -> None:
        engine.wait()
        on_progress(0, 0, "preparing")
        pruned = hv.prune(run.subject, run.mask) if run.mask.pruned else run.subject
        self._before(run, "selection", on_progress, cancel)
        if run.recovery is None:
            run.recovery = hv.recover(
                pruned, run.train, run.validation, method=run.method, folder=run.folder, seed=run.seed,
                on_progress=on_progress, cancel=cancel, **run.settings,
            )  # fmt: skip
        self._after(run, "selection", on_progress, cancel)

    def ask_report(self, run: RecoveryRun) -> None:
        """Measure the final figures on the texts to report on."""

        def work(on_progress: Any, cancel: Any) -> None:
            self._before(run, "report", on_progress, cancel)
            self._after(run, "report", on_progress, cancel)

        title = f"Measuring before and after on {len(run.report):,} examples to report"
        self.jobs.start(("recover report", *run.key), title, work)

    def report_job(self, run: RecoveryRun) -> Job | None:
        return self.jobs.get(("recover report", *run.key))

    def ask_slice(self, run: RecoveryRun) -> None:
        """Slice the loss around the weights of ``run``, and of its "lora" twin where there is one."""
        from headviz.recovery.loss_slice import loss_slice

        chosen = self.sliced(run)
        subjects = {one.title: one.recovery.subject for one in chosen if one.recovery is not None}
        key = self.slice_key(run)

        def work(on_progress: Any, cancel: Any) -> None:
            made = loss_slice(
                subjects, run.validation, mlp=run.settings.get("mlp", False), seed=run.seed, on_progress=on_progress,
                cancel=cancel,
            )  # fmt: skip
            run.slices = {**run.slices, key: made}

        self.jobs.start(("recover slice", *key), "Slicing the loss", work)

    def sliced(self, run: RecoveryRun) -> list[RecoveryRun]:
        """The runs that are sliced together."""
        return [one for one in (self.finished_twin(run), run) if one is not None]

    def slice_key(self, run: RecoveryRun) -> tuple[Any, ...]:
        return tuple(one.key for one in self.sliced(run))

    def slice_job(self, run: RecoveryRun) -> Job | None:
        return self.jobs.get(("recover slice", *self.slice_key(run)))

    def _before(self, run: RecoveryRun, part: Part, on_progress: Any, cancel: Any) -> None:
        """Measure the whole and the pruned model, unless that is done."""
        if part in run.levels:
            return
        whole, masked = (self._evaluate(run, part, mask, on_progress, cancel) for mask in (None, run.mask))
        run.levels = {**run.levels, part: Levels(whole, masked)}

    def _after(self, run: RecoveryRun, part: Part, on_progress: Any, cancel: Any) -> None:
        """Measure the recovered model."""
        assert run.recovery is not None
        data = run.validation if part == "selection" else run.report
        recovered = hv.evaluate(run.recovery.subject, data, on_progress=on_progress, cancel=cancel)
        run.levels = {**run.levels, part: replace(run.levels[part], recovered=recovered)}

    def _evaluate(self, run: RecoveryRun, part: Part, mask: Mask | None, on_progress: Any, cancel: Any) -> Evaluation:
        """Quality of the model under ``mask``: what the other pages have measured, or measured now."""
        data = run.validation if part == "selection" else run.report
        code = None if mask is None or not mask.pruned else mask.code
        key = ("evaluation", run.subject.fingerprint, data.fingerprint, len(data), code)
        known: Evaluation | None = self.results.shelf.evaluations.get(key)
        if known is None:
            made = hv.evaluate(run.subject, data, mask, on_progress=on_progress, cancel=cancel)
            known = self.results.shelf.evaluations.put(key, made)
        return known

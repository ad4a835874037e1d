"""The recoveries of a visit: what they are trained on, and how they start, stop, go on, are compared and let go."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from headviz.errors import RunError
from headviz.mask import Mask
from headviz.ui.jobs import Job, Jobs, Pool
from headviz.ui.recover_choice import RecoverChoice
from headviz.ui.recoveries import Recoveries, RecoveryRun
from headviz.ui.results import Results
from headviz.ui.taken import Taken

SHORT = {"batch_size": 4, "checks": 2, "probe": 4, "evaluations": 1, "warmup": 0.25, "end": 0.75, "level": 0.99}
STEPS = 4  # of 15 training texts in steps of 4


class Held(Pool):
    """A pool that keeps its jobs waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Job] = []

    def submit(self, owner: int, job: Job) -> None:
        self.held.append(job)


@pytest.fixture
def recoveries(made: Results) -> Recoveries:
    made.session.recovering = RecoverChoice(texts=None, values={"safe": SHORT})
    return Recoveries(made)


@pytest.fixture
def mask(made: Results) -> Mask:
    assert made.session.subject is not None
    return Mask.full(made.session.subject).with_toggled("L0H1", "L1H0", "L1H2")


def started(recoveries: Recoveries, mask: Mask, method: str = "safe", **settings: Any) -> RecoveryRun:
    recoveries.results.session.recovering = recoveries.results.session.recovering.with_(method=method)
    recoveries.start(recoveries.new(mask, {**SHORT, **settings}))
    run = recoveries.shown()
    assert run is not None
    return run


def ids(*parts: Any) -> list[int]:
    return [number for part in parts for number in part.ids.tolist()]


# -- texts -------------------------------------------------------------------------------------------------------------


def test_one_set_of_rows_is_trained_and_validated_on_different_rows_and_reported_on_others(
    recoveries: Recoveries,
) -> None:
    train, validation = recoveries.texts()
    data = recoveries.results.session.data
    assert data is not None and recoveries.is_split
    assert sorted(ids(train, validation)) == sorted(ids(data.selection))
    assert not set(ids(train, validation)) & set(ids(data.report))
    assert abs(len(train) - len(validation)) <= 1


def test_rows_that_repeat_a_text_are_all_in_one_half(recoveries: Recoveries, mask: Mask) -> None:
    data = recoveries.results.session.data
    assert data is not None
    twice = data.selection.take([*range(len(data.selection)), 0, 1, 2])  # of 33 rows three repeat another
    recoveries.results.session.data = replace(data, calibration=twice, selection=twice)
    train, validation = recoveries.texts()
    assert not set(train.inputs) & set(validation.inputs)
    assert set(train.inputs) | set(validation.inputs) == set(twice.inputs)
    run = started(recoveries, mask)
    assert recoveries.stage(run) == "done"


def test_limit_draws_from_the_training_texts_and_leaves_the_validation_texts(recoveries: Recoveries) -> None:
    whole, validation = recoveries.texts()
    recoveries.results.session.recovering = recoveries.results.session.recovering.with_(texts=6)
    train, same = recoveries.texts()
    assert len(train) == 6 and set(ids(train)) < set(ids(whole))
    assert ids(same) == ids(validation)


# -- a run -------------------------------------------------------------------------------------------------------------


def test_run_ends_with_a_smaller_model_and_quality_before_and_after(recoveries: Recoveries, mask: Mask) -> None:
    run = started(recoveries, mask)
    assert recoveries.stage(run) == "done" and run.recovery is not None
    assert run.recovery.subject.heads == (3, 2, 4)
    levels = run.levels["selection"]
    assert levels.recovered is not None
    assert len(levels.whole) == len(levels.masked) == len(levels.recovered) == len(run.validation)
    best = run.recovery.history.best or 0
    kept = next(one for one in run.recovery.history.evaluations if one["step"] == best)
    assert levels.recovered.metrics["accuracy"].value == pytest.approx(kept["accuracy"])
    at_start = run.recovery.history.evaluations[0]
    assert levels.masked.metrics["accuracy"].value == pytest.approx(at_start["accuracy"])
    assert "report" not in run.levels


def test_same_question_is_asked_once(recoveries: Recoveries, mask: Mask) -> None:
    first = started(recoveries, mask)
    assert started(recoveries, mask) is first
    assert len(recoveries.runs) == 1
    assert started(recoveries, mask, level=0.5) is not first
    assert len(recoveries.runs) == 2


def test_run_stays_what_it_was_when_another_mask_is_in_hand(recoveries: Recoveries, mask: Mask) -> None:
    run = started(recoveries, mask)
    recoveries.results.session.choice.taken = Taken("earlier", Mask.full(run.subject))
    recoveries.ask_report(run)
    assert len(run.levels["report"].whole) == len(run.report)
    assert recoveries.shown() is run


def test_stopped_run_goes_on_from_its_checkpoint(
    recoveries: Recoveries, mask: Mask, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AfterTwoSteps:
        done = 0

        def on_progress(self, done: int, total: int, stage: str) -> None:
            self.done = done if stage == "training" else 0

        def is_set(self) -> bool:
            return self.done >= 2

    watched = AfterTwoSteps()
    work = recoveries._work
    monkeypatch.setattr(recoveries, "_work", lambda run, on_progress, cancel: work(run, watched.on_progress, watched))
    run = started(recoveries, mask)
    history, cost = run.history(), run.cost()
    assert recoveries.stage(run) == "stopped"
    assert history is not None and history.total == STEPS and history.step == 2
    assert cost is not None and sum(segment.steps for segment in cost.segments) == 2

    monkeypatch.setattr(recoveries, "_work", work)
    recoveries.go_on(run)
    assert recoveries.stage(run) == "done" and run.recovery is not None
    assert run.recovery.history.step == STEPS
    assert [one["step"] for one in run.recovery.history.losses] == [1, 2, 3, 4]


def test_failed_run_says_why_and_can_go_on(recoveries: Recoveries, mask: Mask, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise RunError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr("headviz.ui.recoveries.hv.recover", full)
        run = started(recoveries, mask)
        job = recoveries.job(run)
        assert recoveries.stage(run) == "failed" and job is not None and job.error == "The disk is full."
    recoveries.go_on(run)
    assert recoveries.stage(run) == "done"


def test_one_run_is_worked_on_at_a_time(recoveries: Recoveries, mask: Mask) -> None:
    pool = Held()
    recoveries.results.jobs = Jobs(pool)
    first, second = started(recoveries, mask), started(recoveries, mask, level=0.5)
    assert recoveries.under_way() is first and len(pool.held) == 1
    recoveries.forget(first)
    assert first in recoveries.runs.values()  # it is worked on
    recoveries.stop(first)
    pool.held[0].run()
    assert recoveries.stage(first) == "stopped" and recoveries.under_way() is None
    assert recoveries.stage(second) == "stopped"


def test_forgotten_run_takes_its_folder_with_it(recoveries: Recoveries, mask: Mask) -> None:
    run = started(recoveries, mask)
    folder = run.folder
    assert (folder / "model").is_dir()
    recoveries.forget(run)
    assert recoveries.shown() is None and not recoveries.runs
    del run
    gc.collect()
    assert not folder.exists()


# -- beside others -----------------------------------------------------------------------------------------------------


def test_final_figure_of_a_forgotten_run_is_not_that_of_the_next_one(
    recoveries: Recoveries, mask: Mask, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = started(recoveries, mask)
    with monkeypatch.context() as patch:

        def refuse(*_: Any) -> None:
            raise RunError("No.")

        patch.setattr(Recoveries, "_before", refuse)
        recoveries.ask_report(first)
    job = recoveries.report_job(first)
    assert job is not None and job.state == "failed"
    recoveries.forget(first)
    second = started(recoveries, mask)
    assert second is not first and second.key == first.key
    assert recoveries.report_job(second) is None


def test_work_on_a_forgotten_run_ends(recoveries: Recoveries, mask: Mask) -> None:
    run = started(recoveries, mask)
    recoveries.results.jobs._pool = Held()
    recoveries.ask_report(run)
    recoveries.ask_slice(run)
    jobs = [recoveries.report_job(run), recoveries.slice_job(run)]
    recoveries.forget(run)
    assert [job is not None and job.cancel.is_set() for job in jobs] == [True, True]


def test_twin_differs_in_its_freezing_alone(recoveries: Recoveries, mask: Mask) -> None:
    run = started(recoveries, mask, r=2)
    twin = recoveries.twin(run)
    assert twin is not None and twin.problem == run.problem and recoveries.finished_twin(run) is None
    assert twin.settings == {name: value for name, value in run.settings.items() if name in twin.settings}
    assert set(run.settings) - set(twin.settings) == {
        "warmup", "end", "level", "checks", "at_least", "scale", "reference", "site", "probe",
    }  # fmt: skip
    recoveries.start(twin, show=False)
    assert recoveries.shown() is run and recoveries.finished_twin(run) is twin
    assert recoveries.twin(twin) is None


def test_full_run_has_no_twin(recoveries: Recoveries, mask: Mask) -> None:
    recoveries.results.session.recovering = RecoverChoice(method="full", texts=None)
    assert recoveries.twin(recoveries.new(mask, {})) is None


def test_control_copies_the_finished_safe_run_of_as_many_steps(recoveries: Recoveries, mask: Mask) -> None:
    control = recoveries.new(mask, SHORT)
    assert recoveries.safe_run_like(control) is None
    safe = started(recoveries, mask)
    assert recoveries.safe_run_like(control) is safe
    assert recoveries.safe_run_like(recoveries.new(mask, {**SHORT, "epochs": 2})) is None
    other = Mask.full(safe.subject).with_toggled("L2H0")
    assert recoveries.safe_run_like(recoveries.new(other, SHORT)) is None


def test_loss_is_sliced_around_a_run_and_its_twin(recoveries: Recoveries, mask: Mask) -> None:
    run = started(recoveries, mask)
    recoveries.ask_slice(run)
    alone = run.slices[recoveries.slice_key(run)]
    assert alone.frame["name"].unique().tolist() == ["SAFE"]
    twin = recoveries.twin(run)
    assert twin is not None
    recoveries.start(twin, show=False)
    assert recoveries.slice_key(run) not in run.slices
    recoveries.ask_slice(run)
    both = run.slices[recoveries.slice_key(run)]
    assert both.frame["name"].unique().tolist() == ["LoRA", "SAFE"]
    own = both.frame[both.frame["name"] == "SAFE"]["loss"]
    np.testing.assert_allclose(own, alone.frame["loss"], rtol=1e-6)


def test_time_of_a_step_comes_from_a_run_alike(recoveries: Recoveries, mask: Mask) -> None:
    run = recoveries.new(mask, SHORT)
    assert recoveries.step_seconds(run) is None
    done = started(recoveries, mask, level=0.5)
    assert done.recovery is not None
    assert recoveries.step_seconds(run) == done.recovery.cost.step_seconds > 0
    assert recoveries.step_seconds(recoveries.new(mask, {**SHORT, "batch_size": 5})) is None


def test_run_of_a_visit_that_has_ended_is_not_begun(recoveries: Recoveries, mask: Mask) -> None:
    recoveries.results.jobs.close()
    run = started(recoveries, mask)
    assert recoveries.stage(run) == "stopped" and run.history() is None

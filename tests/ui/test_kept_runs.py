"""Runs of recovery that outlive a tab and the server: found again, gone on with, opened, deleted."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from headviz.errors import RunError
from headviz.mask import Mask
from headviz.ui.jobs import Jobs, Pool
from headviz.ui.kept_runs import ENDED, KeptRuns, RunsInUse, how_far
from headviz.ui.page import Page, _leave
from headviz.ui.panels import recover_kept, take_home
from headviz.ui.recover_choice import RecoverChoice
from headviz.ui.recoveries import Recoveries, RecoveryRun
from headviz.ui.report_home import report_of
from headviz.ui.results import Results
from headviz.ui.shelf import Shelf
from headviz.ui.state import AskedData, Mend, Session
from headviz.ui.state_folder import MOST_RUNS, OnDisk, new_id
from tests.ui.conftest import AtOnce
from tests.ui.test_recoveries import SHORT, Held


@pytest.fixture
def place(tmp_path: Path) -> OnDisk:
    return OnDisk(tmp_path / "state", new_id())


def after_a_restart(made: Results, place: OnDisk, pool: Pool | None = None, *, data: bool = True) -> Recoveries:
    """A process that has nothing but the model and the data open, as the one before."""
    session = Session(recovering=RecoverChoice(texts=None, values={"safe": SHORT}))
    assert made.session.model is not None
    session.open_model(made.session.model)
    session.data = made.session.data if data else None
    session.kept_runs = KeptRuns(place, Jobs(pool or AtOnce()))
    return Recoveries(Results(session, Shelf(), Jobs(AtOnce())))


def start(recoveries: Recoveries) -> RecoveryRun:
    subject = recoveries.results.session.subject
    assert subject is not None
    run = recoveries.new(Mask.full(subject).with_toggled("L0H1", "L1H0"), SHORT)
    recoveries.start(run)
    return run


def found(recoveries: Recoveries) -> list[RecoveryRun]:
    kept = recoveries.results.session.kept_runs
    assert kept is not None
    kept.find(recoveries.results)
    return list(kept.runs.values())


def test_a_run_that_ended_is_found_and_its_result_opened_not_trained_again(made: Results, place: OnDisk) -> None:
    before = after_a_restart(made, place)
    run = start(before)
    assert before.stage(run) == "done" and run.folder.is_relative_to(place.folder)
    record = (run.folder / "run.json").stat().st_mtime_ns
    after = after_a_restart(made, place)
    [again] = found(after)
    assert again.key == run.key and after.stage(again) == "stopped" and how_far(again.folder) == ENDED
    assert after.shown() is again
    after.go_on(again)
    assert after.stage(again) == "done" and (again.folder / "run.json").stat().st_mtime_ns == record
    assert again.recovery is not None and run.recovery is not None
    assert again.recovery.subject.fingerprint == run.recovery.subject.fingerprint


def test_a_run_that_was_broken_off_goes_on(made: Results, place: OnDisk) -> None:
    start(after_a_restart(made, place, Held()))  # a process that ends before it gets there
    after = after_a_restart(made, place)
    [run] = found(after)
    assert how_far(run.folder) == "broken off before the first step"
    after.go_on(run)
    assert after.stage(run) == "done"


def test_runs_of_data_that_is_not_open_wait_and_can_be_deleted(made: Results, place: OnDisk) -> None:
    start(after_a_restart(made, place, Held()))
    after = after_a_restart(made, place, data=False)
    assert found(after) == []
    kept = after.results.session.kept_runs
    assert kept is not None and [(one.method, one.model) for one in kept.waiting] == [("SAFE", "tiny-bert")]
    kept.delete(kept.waiting[0].folder)
    assert found(after) == [] and kept.waiting == []


def test_letting_go_of_a_run_removes_its_folder(made: Results, place: OnDisk) -> None:
    recoveries = after_a_restart(made, place)
    run = start(recoveries)
    recoveries.forget(run)
    assert not run.folder.exists() and found(after_a_restart(made, place)) == []


def test_a_run_that_another_process_trains_stays_and_that_is_said(made: Results, place: OnDisk) -> None:
    run = start(after_a_restart(made, place))
    after = after_a_restart(made, place)
    [again] = found(after)
    with FileLock(run.folder / ".lock"):
        after.forget(again)
        assert run.folder.is_dir() and found(after) == [again]
        assert after.results.session.troubles == ["This run is being trained by another headviz; stop it there first."]
        with pytest.raises(RunError, match="stop it there first"):
            KeptRuns(place, Jobs(AtOnce())).delete(place.run_folders()[0])
    after.forget(again)
    assert not run.folder.exists()


def test_a_model_that_was_recovered_in_a_kept_run_is_reported_and_recorded_so(made: Results, place: OnDisk) -> None:
    recoveries = after_a_restart(made, place)
    results, run = recoveries.results, start(recoveries)
    recovery, model = run.recovery, results.session.model
    assert recovery is not None and model is not None
    results.session.model = replace(model, subject=recovery.subject)
    [stages] = report_of(results, Mask.full(recovery.subject)).stages
    assert list(stages.quality) == ["Whole model", "Cut", "Cut and recovered"]
    record = take_home._recovered_here(Page(results.session, results, results.jobs, local=True))
    assert record["recovery"]["method"] == "safe"


@pytest.mark.parametrize("content", ["", "[]", "{", "null", '{"format": "headviz.kept-run", "version": 1}', "broken"])
def test_what_cannot_be_read_is_listed_and_never_ends_a_page(made: Results, place: OnDisk, content: str) -> None:
    run = start(after_a_restart(made, place, Held()))
    assert run.place is not None
    asked = run.place / "asked.json"
    changed = json.dumps(json.loads(asked.read_text("utf-8")) | {"settings": [1], "mask": 3, "method": {}})
    asked.write_text(changed if content == "broken" else content, "utf-8")
    after = after_a_restart(made, place)
    assert found(after) == []
    kept = after.results.session.kept_runs
    assert kept is not None and len(kept.waiting) == 1


def test_the_oldest_runs_go_where_there_are_too_many(place: OnDisk) -> None:
    folders = [place.new_run() for _ in range(MOST_RUNS + 3)]
    left = place.run_folders()
    assert len(left) == MOST_RUNS and folders[-1] in left


def test_runs_whose_folder_went_are_listed_no_more(made: Results, place: OnDisk) -> None:
    recoveries = after_a_restart(made, place)
    run = start(recoveries)
    assert run.place is not None
    shutil.rmtree(run.place)
    assert found(recoveries) == [] and recoveries.shown() is None
    again = start(recoveries)
    assert recoveries.stage(again) == "done" and again.place is not None
    shutil.rmtree(again.place)
    third = start(recoveries)
    assert third is not again and found(after_a_restart(made, place))[0].key == third.key


def test_a_new_run_drops_those_that_it_took_the_room_of(made: Results, place: OnDisk) -> None:
    recoveries = after_a_restart(made, place)
    run = start(recoveries)
    assert run.place is not None
    for folder in (run.place, run.folder):
        os.utime(folder, (0, 0))
    for file in run.place.iterdir():
        os.utime(file, (0, 0))
    for _ in range(MOST_RUNS - 1):
        place.new_run()
    assert run.place.is_dir() and run in recoveries.runs.values()
    recoveries.start(recoveries.new(run.mask, {**SHORT, "level": 0.5}))
    assert not run.place.exists() and run not in recoveries.runs.values()


def test_runs_go_out_of_memory_with_the_last_visit_of_their_browser(
    made: Results, place: OnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_use = RunsInUse(lambda: Jobs(AtOnce()))
    monkeypatch.setattr("headviz.ui.page._the_runs", in_use)
    results, kept = after_a_restart(made, place).results, in_use.of(place, "first tab")
    session = results.session
    session.kept_runs = kept
    run = start(Recoveries(results))
    model, data = session.model, session.data
    assert in_use.of(place, "second tab") is kept
    session.mend = Mend(False, AskedData("x"), {}, (), None)  # type: ignore[arg-type]
    _leave(session, results.jobs, "first tab")
    assert session.mend is None and session.kept_runs is None and in_use.of(place, "second tab") is kept
    in_use.leave("second tab")
    assert len(in_use) == 0
    again = in_use.of(place, "third tab")
    session.model, session.data, session.kept_runs = model, data, again
    assert found(Recoveries(results)) != [run] and list(again.runs) == [run.key]


def test_runs_that_are_worked_on_stay_in_memory_until_that_ends(place: OnDisk) -> None:
    in_use, pool = RunsInUse(lambda: Jobs(pool)), Held()
    kept = in_use.of(place, "tab")
    job = kept.jobs.start("key", "Recovering", lambda *_: None)
    in_use.leave("tab")
    assert in_use.of(place, "another tab") is kept
    in_use.leave("another tab")
    job.run()
    in_use.leave("any")
    assert len(in_use) == 0


def test_runs_that_another_tab_starts_meanwhile_end_no_look_at_them(
    made: Results, place: OnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    recoveries = after_a_restart(made, place)
    run = start(recoveries)

    def meanwhile(_: RecoveryRun) -> str:
        recoveries.runs[len(recoveries.runs),] = run
        return "done"

    monkeypatch.setattr(recoveries, "stage", meanwhile)
    assert recoveries.under_way() is None and len(recoveries.runs) == 2
    assert recoveries.safe_run_like(run) is run and len(recoveries.runs) == 4


def test_a_recovery_of_another_model_is_not_offered_for_the_one_in_hand(
    made: Results, place: OnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(after_a_restart(made, place, Held()))
    recoveries = after_a_restart(made, place)
    results = recoveries.results
    offered = list[str]()
    monkeypatch.setattr(recover_kept.st, "info", offered.append)
    monkeypatch.setattr(recover_kept.st, "page_link", lambda *_, **__: None)
    page = Page(results.session, results, results.jobs, local=True)
    recover_kept.unfinished(page)
    assert len(offered) == 1 and results.session.model is not None
    other = replace(results.session.model.subject, fingerprint="0" * 16)
    results.session.model = replace(results.session.model, subject=other)
    recover_kept.unfinished(page)
    assert len(offered) == 1

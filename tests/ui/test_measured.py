"""Measured quality: on the right examples, the first ones first, once for each mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import headviz as hv
from headviz.ui import measured as measured_module
from headviz.ui import sources
from headviz.ui.jobs import Job
from headviz.ui.measured import Measured
from headviz.ui.results import Results


def a_mask(made: Results, *cut: str) -> hv.Mask:
    return hv.Mask.full(made.session.subject).with_toggled(*(cut or ("L0H0",)))


def test_final_figures_are_measured_on_the_half_that_was_not_scored_or_chosen_on(made: Results) -> None:
    made.ask_scores()
    for part in ("selection", "report"):
        Measured(made, part).ask()
    chosen, final, base = Measured(made).evaluation(), Measured(made, "report").evaluation(), made.base()
    assert chosen is not None and final is not None and base is not None
    assert not set(final.ids) & set(base.scores.ids) and not set(final.ids) & set(chosen.ids)
    assert set(base.scores.ids) <= set(chosen.ids)


@pytest.mark.parametrize("part", ["selection", "report"])
def test_measured_is_what_evaluate_gives(made: Results, part: Any) -> None:
    measured, mask = Measured(made, part), a_mask(made, "L0H0", "L2H1")
    measured.ask(mask)
    found, expected = measured.evaluation(mask), hv.evaluate(made.session.subject, measured.whole_data, mask)
    assert found is not None and found.metrics == expected.metrics
    np.testing.assert_allclose(found.loss, expected.loss, atol=1e-5)


def test_first_examples_are_known_before_the_rest_and_are_part_of_the_whole(
    made: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured_module, "FIRST", 7)
    measured, mask, seen = Measured(made), a_mask(made), []

    class Watching(Job):
        def on_progress(self, done: int, total: int, stage: str) -> None:
            seen.append((measured.first(mask) is not None, measured.evaluation(mask) is not None))

    monkeypatch.setattr("headviz.ui.jobs.Job", Watching)
    measured.ask(mask)
    early, whole = made.shelf.first_evaluations.get(measured._key(mask)), measured.evaluation(mask)
    assert early is not None and whole is not None and len(early) == 7
    assert (True, False) in seen
    late = measured.first(mask)
    assert late is not None and np.array_equal(late.ids, early.ids) and np.array_equal(late.logits, early.logits)
    assert set(early.ids) < set(whole.ids)


def test_edits_of_two_visitors_keep_their_hidden_states_apart(made: Results) -> None:
    from headviz.ui.jobs import Jobs
    from tests.ui.conftest import AtOnce

    other = Results(made.session, made.shelf, Jobs(AtOnce()))
    data = Measured(made).data()
    assert Measured(made).replay(data) is Measured(made).replay(data) is not Measured(other).replay(data)


def test_too_little_memory_is_told_in_a_sentence_and_the_mask_stays(
    made: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.ask_scores()
    before = made.mask()

    def fail(*args: Any, **more: Any) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("headviz.replay.Replay.evaluate", fail)
    job = Measured(made).ask(before)
    assert job is not None and job.state == "failed"
    assert "needs more memory than this machine has free" in str(job.error) and "allocat" not in str(job.error)
    assert made.mask() == before and Measured(made).evaluation(before) is None


def test_a_mask_that_cuts_nothing_is_the_whole_model(made: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    Measured(made).ask()
    monkeypatch.setattr("headviz.replay.Replay.evaluate", None)
    assert Measured(made).evaluation(hv.Mask.full(made.session.subject)) is Measured(made).evaluation()


def test_large_data_is_measured_on_a_draw_unless_all_is_asked_for(
    made: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured_module, "LARGE", 20)
    monkeypatch.setattr(measured_module, "LARGE_DRAW", 12)
    assert len(Measured(made).data()) == 12
    made.session.measure_on = None
    assert len(Measured(made).data()) == 30
    made.session.measure_on = 7
    Measured(made).ask()
    assert len(Measured(made).evaluation()) == 7  # type: ignore[arg-type]


@pytest.mark.parametrize("measure_on", [0, 7, None])
def test_final_figure_is_always_on_the_whole_report_split(
    made: Results, measure_on: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured_module, "LARGE", 20)
    monkeypatch.setattr(measured_module, "LARGE_DRAW", 12)
    made.session.measure_on = measure_on
    final = Measured(made, "report", final=True)
    assert made.session.data is not None and len(final.data()) == len(made.session.data.report) == 30
    final.ask()
    assert len(final.evaluation()) == 30  # type: ignore[arg-type]
    # what Home shows of the whole model takes no minutes, and is no matter of that choice either
    assert len(Measured(made, "report").data()) == 12


def test_other_labels_are_other_results(made: Results) -> None:
    Measured(made).ask()
    assert made.session.data is not None
    swapped = {"bad": "good", "good": "bad", "fine": "fine"}
    made.session.data = sources.with_labels(made.session.data, swapped)
    assert Measured(made).evaluation() is None


def test_work_that_gave_way_starts_again_by_itself(made: Results) -> None:
    mask = hv.Mask.full(made.session.subject).with_toggled("L0H0")
    job = Measured(made).ask(mask)
    assert job is not None
    job.state, job.gave_way = "stopped", True
    made.shelf.evaluations = type(made.shelf.evaluations)(4)
    again = Measured(made).ask(mask)
    assert again is not None and again is not job and Measured(made).evaluation(mask) is not None

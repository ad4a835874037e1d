"""What pages show, computed once and shared: calibration sizes, presets, measured quality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headviz as hv
from headviz.errors import ScoreError
from headviz.ui import sources
from headviz.ui.calibration import hies_of
from headviz.ui.results import Results
from headviz.ui.taken import Taken


def count_passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    passes: list[int] = []
    score = hv.score
    monkeypatch.setattr(
        hv, "score", lambda subject, data, **more: (passes.append(len(data)), score(subject, data, **more))[1]
    )
    return passes


def test_smaller_calibration_sets_need_no_new_pass_and_are_drawn_from_the_larger(
    made: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = count_passes(monkeypatch)
    made.ask_scores()
    larger = made.base()
    made.session.choice.calibration = 5
    smaller = made.base()
    assert larger is not None and smaller is not None
    assert (passes, len(larger.scores), len(smaller.scores)) == ([16], 16, 5)
    assert set(smaller.scores.ids) < set(larger.scores.ids)
    assert made.calibration_data().ids.tolist() == smaller.scores.ids.tolist()


def test_all_examples_are_a_pass_of_their_own(made: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = count_passes(monkeypatch)
    made.session.choice.calibration = None
    made.ask_scores()
    base = made.base()
    assert base is not None and passes == [30] and len(base.scores) == 30


def test_a_small_size_asked_for_first_makes_the_usual_pass(made: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = count_passes(monkeypatch)
    made.session.choice.calibration = 5
    made.ask_scores()
    assert passes == [16] and len(made.base().scores) == 5  # type: ignore[union-attr]


def test_moving_alpha_scores_nothing_and_agrees_with_the_library(
    made: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.ask_scores()
    base = made.base()
    assert base is not None
    monkeypatch.setattr(hv, "score", None)
    for alpha in (0.0, 0.3, 0.97, 1.0):
        made.session.choice.alpha = alpha
        expected = base.scores.hies(alpha)
        got = made.head_scores()
        assert got is not None and np.array_equal(got.values, expected.values)
        assert made.preset() == hv.select(expected, made.session.choice.prune)


@pytest.mark.parametrize("rules", [{}, {"locks": {"L0H0": True, "L1H1": False}, "least": 2}])
def test_place_among_the_masks_of_alpha_is_that_of_the_mask(made: Results, rules: dict[str, Any]) -> None:
    made.ask_scores()
    made.session.commit(prune=5, **rules)
    breaks = made.breaks()
    assert breaks is not None and len(breaks) > 1
    for number, (low, high, mask) in enumerate(breaks):
        made.session.choice.alpha = (low + high) / 2
        assert made.alpha_interval() == (number, low, high)
        assert made.preset() == mask
    made.session.choice.alpha = 1.0
    assert made.alpha_interval()[0] == len(breaks) - 1  # type: ignore[index]


def test_misfit_names_the_label_that_the_model_does_not_have(made: Results, tmp_path: Path) -> None:
    assert made.misfit() is None and made.ready
    (tmp_path / "odd.tsv").write_text(
        "\n".join(["text\tlabel", *(f"film {number}\tmeh" for number in range(4))]), encoding="utf-8"
    )
    made.session.data = sources.open_data(str(tmp_path / "odd.tsv"), local=True)
    assert "'meh'" in str(made.misfit()) and not made.ready
    assert made.known_mask() is None


@pytest.mark.parametrize("criterion", list(hv.criteria))
def test_every_criterion_gives_a_mask_once_asked(made: Results, criterion: str) -> None:
    made.session.choice.criterion = criterion
    made.session.choice.calibration = 5
    made.session.data = made.session.data
    made.ask_scores()
    if made.is_slow(criterion):
        assert made.head_scores() is None
        job = made.ask_head_scores()
        assert job is not None and job.error is None
    mask = made.preset()
    assert mask is not None and len(mask.pruned) == made.session.choice.prune


def test_presets_obey_locks_and_least_heads_and_cut_what_room_there_is(made: Results) -> None:
    made.ask_scores()
    made.session.commit(prune=12, locks={"L0H0": True, "L2H3": False}, least=1)
    mask = made.preset()
    assert mask is not None
    assert "L0H0" in mask.kept and "L2H3" in mask.pruned
    assert mask.keep.sum(axis=1).tolist() == [1, 1, 1]


def test_locks_hold_in_a_plans_mask_too(made: Results) -> None:
    plan = hv.Mask.full(made.session.subject).with_step({"by": "plan"}, "L0H0", "L0H1")
    made.session.take(Taken("plan", plan))
    made.session.choice.locks = {"L0H0": True, "L0H1": False, "L1H2": False}
    mask = made.mask()
    assert mask is not None and mask.pruned == ("L0H1", "L1H2")
    assert mask.by_hand == () and mask.steps[-1] == {"by": "lock", "heads": ["L0H0", "L1H2"]}


def test_options_of_a_link_that_a_criterion_does_not_have_are_dropped_with_a_note(made: Results) -> None:
    made.session.choice.options = {
        "hies": {"normalise": "rank", "nothing": "1"},
        "random": {"seed": "7"},
        "his": {"kind": "x"},
    }
    made.settle_options()
    assert made.session.choice.options == {"hies": {"normalise": "rank"}, "random": {"seed": 7}, "his": {}}
    assert len(made.session.notes) == 2


def test_failed_work_stays_failed_until_it_is_forgotten(made: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **more: Any) -> None:
        raise ScoreError("The loss is not finite.")

    score = hv.score
    monkeypatch.setattr(hv, "score", fail)
    job = made.ask_scores()
    assert job is not None and job.error == "The loss is not finite."
    assert made.ask_scores() is job
    monkeypatch.setattr(hv, "score", score)
    made.jobs.forget(job.key)
    made.ask_scores()
    assert made.base() is not None


def test_blend_is_the_librarys(made: Results) -> None:
    made.ask_scores()
    base = made.base()
    assert base is not None
    for how in ("global", "layer", "rank"):
        assert np.array_equal(hies_of(base, 0.7, how).values, base.scores.hies(0.7, normalise=how).values)

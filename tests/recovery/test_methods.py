"""Methods: what each freezes at a step, by hand, and which settings do not fit a run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headviz.errors import RunError
from headviz.recovery.history import Check, History
from headviz.recovery.methods import Freezing, methods

NONE = np.zeros(4, dtype=bool)
IMPORTANCE = np.array([0.1, 0.5, 0.2, 1.0])


def freezing(method: str, units: int = 4, total: int = 100, seed: int = 0, **given: Any) -> Freezing:
    way = methods[method]
    assert way.freezing is not None
    return way.freezing(way.settings(given), units, total, seed)


def finished_run(folder: Path, counts: dict[int, int], units: int = 4, total: int = 100, **changes: Any) -> Path:
    """A folder as a finished run leaves it, whose frozen sets are not prefixes: the top ones."""
    checks = [
        Check(step, 0.5, (0.5,) * units, tuple(unit >= units - count for unit in range(units)))
        for step, count in counts.items()
    ]
    folder.mkdir()
    History(total=total, metric="accuracy", layers=tuple(range(units)), checks=checks).save(folder)
    (folder / "run.json").write_text(json.dumps({"format": 1, "method": "safe", "state": "done", **changes}))
    return folder


def test_safe_looks_at_its_checks_and_freezes_what_is_below_the_threshold() -> None:
    own = freezing("safe", warmup=0.2, end=0.6, level=0.8, checks=3)
    assert own.steps == (20, 40, 60) and own.scores
    assert [own.threshold(step) for step in (19, 20, 30, 40, 60)] == pytest.approx([0, 0, 0.4625, 0.7, 0.8])
    assert own.freeze(20, IMPORTANCE, NONE).tolist() == [False] * 4
    assert own.freeze(40, IMPORTANCE, NONE).tolist() == [True, True, True, False]
    assert own.freeze(30, IMPORTANCE, NONE).tolist() == [True, False, True, False]


def test_safe_prefix_freezes_the_run_from_the_bottom_alone() -> None:
    own = freezing("safe-prefix", warmup=0.2, end=0.6, level=0.8, checks=3)
    assert own.freeze(30, IMPORTANCE, NONE).tolist() == [True, False, False, False]


def test_lowest_freezes_so_many_blocks_before_the_first_step() -> None:
    own = freezing("prefix", lowest=2)
    assert own.steps == (0,) and not own.scores and math.isnan(own.threshold(0))
    assert own.freeze(0, np.full(4, math.nan), NONE).tolist() == [True, True, False, False]


def test_controls_copy_the_counts_of_a_run_and_no_more(tmp_path: Path) -> None:
    source = finished_run(tmp_path / "safe", {15: 0, 30: 1, 50: 3})
    prefix = freezing("prefix", counts_from=source)
    assert prefix.steps == (15, 30, 50) and not prefix.scores
    nothing = np.full(4, math.nan)
    assert [prefix.freeze(step, nothing, NONE).tolist() for step in prefix.steps] == [
        [False, False, False, False],
        [True, False, False, False],
        [True, True, True, False],
    ]
    sets = []
    for seed in range(20):
        control = freezing("random", counts_from=source, seed=seed)
        one, three = (control.freeze(step, nothing, NONE) for step in (30, 50))
        assert (one.sum(), three.sum()) == (1, 3) and not (one & ~three).any()
        sets.append(int(np.flatnonzero(one)[0]))
    assert set(sets) == {0, 1, 2, 3}
    again = freezing("random", counts_from=source, seed=5).freeze(30, nothing, NONE)
    assert int(np.flatnonzero(again)[0]) == sets[5]


@pytest.mark.parametrize(
    ("run", "units", "sentence"),
    [
        ({"counts": {15: 1}, "state": "running"}, 4, "holds no finished run that froze blocks"),
        ({"counts": {}}, 4, "holds no finished run that froze blocks"),
        ({"counts": {15: 1}, "total": 99}, 4, "has 4 blocks and 99 steps, this run has 4 and 100"),
        ({"counts": {15: 1}}, 3, "has 4 blocks and 100 steps, this run has 3 and 100"),
        ({"counts": {15: 1}, "format": 2}, 4, "is of a later version of headviz"),
    ],
)
def test_run_whose_counts_cannot_be_copied_is_told(
    run: dict[str, Any], units: int, sentence: str, tmp_path: Path
) -> None:
    source = finished_run(tmp_path / "safe", **run)
    with pytest.raises(RunError, match=sentence):
        freezing("prefix", units=units, counts_from=source)


def test_run_whose_history_is_damaged_is_told(tmp_path: Path) -> None:
    source = finished_run(tmp_path / "safe", {15: 1})
    (source / "history.json").write_text("[1, 2]")
    with pytest.raises(RunError, match="is not there or cannot be read"):
        freezing("random", counts_from=source)


@pytest.mark.parametrize(
    ("method", "given", "sentence"),
    [
        ("safe", {"at_least": 5}, "at_least must be a whole number from 1 to 4, the blocks that can be frozen"),
        ("safe-prefix", {"at_least": 5}, "at_least must be a whole number from 1 to 4"),
        ("safe", {"warmup": 0.5, "end": 0.4}, "The warm-up ends at 0.5 of the run, after the ramp"),
        ("prefix", {"lowest": 4}, "4 of 4 blocks cannot be frozen: at least one must stay live"),
        ("prefix", {}, "This control copies how many blocks a run with method='safe' froze"),
        ("random", {}, "This control copies how many blocks a run with method='safe' froze"),
    ],
)
def test_settings_that_do_not_fit_so_many_blocks_are_refused_at_once(
    method: str, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RunError, match=sentence):
        freezing(method, **given)


def test_counts_that_leave_no_block_live_are_refused_at_once(tmp_path: Path) -> None:
    source = finished_run(tmp_path / "safe", {15: 1, 30: 4})
    for method in ("prefix", "random"):
        with pytest.raises(RunError, match="4 of 4 blocks cannot be frozen"):
            freezing(method, counts_from=source)


def test_only_full_trains_without_adapters_and_only_full_and_lora_freeze_nothing() -> None:
    assert [name for name in methods if not methods[name].adapters] == ["full"]
    assert [name for name in methods if methods[name].freezing is None] == ["full", "lora"]

"""The threshold: known values, its mean, its edges, the steps of the checks, and settings that make no sense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.errors import RunError
from headviz.recovery.schedule import Schedule

KNOWN = Schedule(warmup=0.2, end=0.6, level=0.8)  # of 100 steps: t_w = 20, t_f = 60
SHARES = st.floats(0, 1)


def any_schedule(first: float, second: float, level: float, checks: int) -> Schedule:
    warmup, end = sorted((first, second))
    return Schedule(warmup=warmup, end=end, level=level, checks=checks)


@pytest.mark.parametrize(
    ("step", "threshold"),
    [(19, 0), (20, 0), (30, 0.4625), (40, 0.7), (50, 0.7875), (59, 0.7999875), (60, 0.8), (100, 0.8)],
)
def test_threshold_is_the_known_one(step: int, threshold: float) -> None:
    assert KNOWN.threshold(step, 100) == pytest.approx(threshold, abs=1e-12)


def test_threshold_has_a_mean_of_three_quarters_over_the_ramp() -> None:
    schedule = Schedule(warmup=0.2, end=0.6, level=0.8)
    ramp = [schedule.threshold(step, 100_000) for step in range(20_000, 60_000)]
    assert np.mean(ramp) == pytest.approx(0.75 * 0.8, abs=2e-5)


def test_threshold_without_a_ramp_is_a_single_cut() -> None:
    cut = Schedule(warmup=0.3, end=0.3, level=0.5)
    assert [cut.threshold(step, 10) for step in range(11)] == [0] * 3 + [0.5] * 8
    assert cut.check_steps(10) == (3,)


@given(SHARES, SHARES, st.floats(0, 0.99), st.integers(1, 300))
def test_threshold_never_falls_and_ends_at_its_level(first: float, second: float, level: float, total: int) -> None:
    schedule = any_schedule(first, second, level, 8)
    values = [schedule.threshold(step, total) for step in range(total + 1)]
    assert values == sorted(values) and min(values) >= 0 and values[-1] == level


def test_check_steps_of_the_defaults_are_the_known_ones() -> None:
    assert Schedule().check_steps(534) == (80, 107, 134, 161, 187, 214, 241, 267)


@given(SHARES, SHARES, st.integers(2, 30), st.integers(1, 3_000))
def test_check_steps_are_whole_rise_and_keep_their_distance(
    first: float, second: float, checks: int, total: int
) -> None:
    schedule = any_schedule(first, second, 0.8, checks)
    start, stop = schedule.ramp(total)
    steps = schedule.check_steps(total)
    assert all(type(step) is int for step in steps) and list(steps) == sorted(set(steps))
    assert steps[0] == max(1, start) and steps[-1] == max(1, stop) and steps[-1] <= total
    assert len(steps) <= checks
    if start >= 1 and stop - start >= checks - 1:
        assert len(steps) == checks and np.ptp(np.diff(steps)) <= 1


def test_check_steps_of_a_short_run_are_fewer() -> None:
    assert Schedule(warmup=0.2, end=0.6, checks=20).check_steps(10) == (2, 3, 4, 5, 6)


def test_check_steps_without_a_warm_up_begin_after_the_first_step() -> None:
    assert Schedule(warmup=0, end=0.5, checks=3).check_steps(20) == (1, 5, 10)
    assert Schedule(warmup=0, end=0).check_steps(20) == (1,)


def test_frame_has_every_step_of_a_short_run() -> None:
    frame = KNOWN.frame(100)
    assert frame["step"].tolist() == list(range(101))
    assert frame["threshold"].tolist() == [KNOWN.threshold(step, 100) for step in range(101)]
    assert tuple(frame.loc[frame["check"], "step"]) == KNOWN.check_steps(100)


def test_frame_of_a_long_run_is_short_and_has_its_checks_and_corners() -> None:
    frame = Schedule(warmup=0.3, end=0.3).frame(1_000_003)
    assert len(frame) < 500 and frame["step"].is_monotonic_increasing
    assert {0, 300_000, 300_001, 1_000_003} <= set(frame["step"])
    assert frame.loc[frame["check"], "step"].tolist() == [300_001]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warmup": -0.1}, "warmup must be a number from 0 to 1"),
        ({"end": 1.5}, "end must be a number from 0 to 1"),
        ({"level": float("nan")}, "level must be a number from 0 to 1"),
        ({"level": "high"}, "level must be a number from 0 to 1"),
        ({"warmup": True}, "warmup must be a number from 0 to 1"),
        ({"warmup": 0.6, "end": 0.5}, "Make warmup smaller or end larger"),
        ({"level": 1.0}, "must be below 1"),
        ({"checks": 1}, "checks must be a whole number of at least 2"),
        ({"checks": 3.0}, "checks must be a whole number of at least 2"),
        ({"at_least": 0}, "at_least must be a whole number of at least 1"),
        ({"scale": "log"}, "scale must be one of relative, absolute"),
    ],
)
def test_settings_outside_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RunError, match=message):
        Schedule(**settings)


def test_an_absolute_level_may_be_1() -> None:
    assert Schedule(level=1.0, scale="absolute").threshold(9, 10) == 1


@pytest.mark.parametrize("total", [0, -3, 2.5, True])
def test_a_run_without_steps_is_refused(total: Any) -> None:
    with pytest.raises(RunError, match="number of steps must be a whole number of at least 1"):
        Schedule().check_steps(total)

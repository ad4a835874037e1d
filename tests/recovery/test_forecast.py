"""The forecast: simulated runs with known outcomes, bounds and sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.errors import RunError
from headviz.recovery.forecast import best_saving
from headviz.recovery.freezing import below, prefix_length
from headviz.recovery.schedule import Schedule
from tests.recovery.runs import pruned, run


def test_six_blocks_under_the_defaults_freeze_at_the_known_steps() -> None:
    found = best_saving(Schedule(), units=6, total=534)
    assert found.freezes == ((107, 1), (134, 3), (187, 4))
    assert found.frozen == 4
    assert found.prefix == found.memory == pytest.approx(0.491, abs=5e-4)
    assert found.flops == pytest.approx(0.26, abs=0.005)


@pytest.mark.parametrize(
    ("schedule", "frozen", "prefix", "flops"),
    [
        (Schedule(level=0.9), 5, 0.61, None),
        (Schedule(warmup=0.05, end=0.2, level=0.99), 5, 0.75, 0.39),
    ],
)
def test_greedier_schedules_of_six_blocks_save_what_is_known(
    schedule: Schedule, frozen: int, prefix: float, flops: float | None
) -> None:
    found = best_saving(schedule, units=6, total=534)
    assert (found.frozen, found.prefix) == (frozen, pytest.approx(prefix, abs=0.005))
    assert flops is None or found.flops == pytest.approx(flops, abs=0.005)


def test_a_single_cut_saves_from_its_step_on() -> None:
    """Of 4 blocks those below 0.6 are the lower two, frozen for 70 of 100 steps: a mean of 0.35."""
    found = best_saving(Schedule(warmup=0.3, end=0.3, level=0.6), units=4, total=100, backward_share=0.5)
    assert found.freezes == ((30, 2),)
    assert (found.prefix, found.flops) == (pytest.approx(0.35), pytest.approx(0.175))
    assert (found.most_memory, found.most_flops) == (pytest.approx(0.7 * 0.75), pytest.approx(0.7 * 0.375))


def test_blocks_that_must_stay_live_are_not_counted() -> None:
    found = best_saving(Schedule(warmup=0.3, end=0.3, level=0.99, at_least=3), units=4, total=100)
    assert found.freezes == ((30, 1),)
    assert found.most_memory == found.memory == pytest.approx(0.7 / 4)


@given(
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    st.floats(0, 0.99),
    st.sampled_from(["relative", "absolute"]),
    st.integers(1, 9),
    st.integers(1, 60),
    st.integers(0, 1_000),
)
def test_no_run_of_a_schedule_saves_more_than_its_bound(
    edges: list[float], level: float, scale: str, units: int, total: int, seed: int
) -> None:
    schedule = Schedule(warmup=edges[0], end=edges[1], level=level, scale=scale)
    found = best_saving(schedule, units, total)
    assert 0 <= found.memory <= found.most_memory <= (units - 1) / units
    draw, frozen, saved = np.random.default_rng(seed), np.zeros(units, dtype=bool), 0
    checks = schedule.check_steps(total)
    for step in range(1, total + 1):
        saved += prefix_length(frozen)
        if step in checks:
            frozen = below(draw.uniform(size=units) ** 3, frozen, schedule.threshold(step, total), scale)
    assert saved / (units * total) <= found.most_memory + 1e-12


def test_layers_without_heads_are_saved_with_the_blocks_around_them() -> None:
    """Blocks stand on layers 0, 2 and 3 of 4. Two frozen from step 30 of 100 on: the graph begins at layer 3."""
    schedule = Schedule(warmup=0.3, end=0.3, level=0.99)
    found = best_saving(schedule, 3, 100, layers=(0, 2, 3), depth=4)
    assert (found.prefix, found.memory) == (pytest.approx(0.7 * 2 / 3), pytest.approx(0.7 * 3 / 4))
    assert found.most_memory == found.memory and found.most_flops == found.flops == pytest.approx(0.52 * 0.7 * 3 / 4)
    # nothing has ever a graph below the lowest block, so it is no saving
    above = best_saving(schedule, 3, 100, layers=(2, 4, 5), depth=6)
    assert above.memory == pytest.approx(0.7 * 3 / 4)


def test_layers_that_are_not_one_for_each_block_are_refused() -> None:
    with pytest.raises(RunError, match="2 layers do not belong to 3 blocks"):
        best_saving(Schedule(), 3, 100, layers=(0, 1), depth=4)
    with pytest.raises(RunError, match="must rise from 0 to 2"):
        best_saving(Schedule(), 2, 100, layers=(0, 3), depth=3)


def test_saving_of_a_run_with_a_layer_without_heads_is_within_the_bound(tmp_path: Path) -> None:
    subject = pruned()
    lora = run("lora", tmp_path / "lora", subject=subject, epochs=1).cost
    frozen = run("prefix", tmp_path / "prefix", subject=subject, epochs=1, lowest=2).cost
    saved = 1 - frozen.activations.mean / lora.activations.mean
    all_along = Schedule(warmup=0, end=0, level=0.99)
    bound = best_saving(all_along, 3, 1000, layers=(0, 2, 3), depth=4).most_memory
    assert 2 / 3 < saved < bound < 0.75


def test_sentence_tells_the_figures_of_the_defaults() -> None:
    assert best_saving(Schedule(), units=6, total=534).sentence() == (
        "Predicted, where importance rises evenly from block to block: this schedule freezes 4 of 6 blocks and saves "
        "49 % of the saved activations on average and about 26 % of the arithmetic. No run with it saves more than "
        "about 67 % and 35 %, and the peak of memory never falls, since nothing is frozen at first."
    )


def test_sentence_of_a_schedule_that_freezes_nothing_says_so() -> None:
    nothing = "This schedule freezes nothing, so it saves nothing."
    assert best_saving(Schedule(level=0), units=6, total=100).sentence() == nothing
    assert best_saving(Schedule(), units=1, total=100).sentence() == nothing


def test_sentence_of_a_low_threshold_still_tells_the_bound() -> None:
    """0.1 is below the lowest of six even importances; at most 5 of 6 freeze, from the second check at step 20 on."""
    found = best_saving(Schedule(warmup=0.1, end=0.5, level=0.1, checks=5), units=6, total=100)
    assert found.freezes == ()
    assert found.sentence().startswith("Predicted: this schedule freezes nothing where importance rises evenly")
    assert "more than about 67 % and 35 %" in found.sentence()


@pytest.mark.parametrize(
    ("schedule", "units", "total", "message"),
    [
        (Schedule(), 0, 100, "units must be the number of blocks"),
        (Schedule(at_least=7), 6, 100, "at_least must be a whole number from 1 to 6"),
        (Schedule(), 6, 0, "number of steps must be a whole number"),
    ],
)
def test_a_forecast_of_nothing_is_refused(schedule: Schedule, units: Any, total: int, message: str) -> None:
    with pytest.raises(RunError, match=message):
        best_saving(schedule, units, total)

"""Settings of CAHP as text, and as arguments of the library."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import headviz as hv
from headviz.ui.plan_choice import PlanChoice
from tests.complementarity.made import made

CHOICES = st.builds(
    PlanChoice,
    preset=st.sampled_from(["headviz", "reference"]),
    grid=st.none() | st.integers(2, 128),
    degree=st.none() | st.integers(1, 8),
    space=st.sampled_from(list(hv.spaces)),
    distance=st.sampled_from(list(hv.distances)),
    representative=st.sampled_from(["salience", "medoid", "random"]),
    guard=st.booleans(),
    seed=st.none() | st.integers(0, 2**32 - 1),
    count=st.none() | st.integers(1, 999_999),
)


def test_default_has_nothing_to_say() -> None:
    assert PlanChoice().pairs() == {}


@given(CHOICES)
def test_every_choice_comes_back_from_its_text(choice: PlanChoice) -> None:
    assert PlanChoice.of_pairs(choice.pairs()) == choice


@pytest.mark.parametrize("name", ["degree", "seed", "grid", "count"])
@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "\u0663", "9" * 30])
def test_numbers_out_of_range_are_refused(name: str, text: str) -> None:
    with pytest.raises(hv.ScoreError):
        PlanChoice.of_pairs({name: text})


def test_of_preset_and_empty_fields_the_library_decides() -> None:
    choice = PlanChoice(preset="reference")
    assert (choice.asked_grid, choice.seed_in_use) == (32, 42)
    assert choice.of_signatures == {"preset": "reference"}
    plan = hv.cahp(
        replace(made(), provenance={**made().provenance, "options": {"preset": "reference"}}), **choice.of_plan
    )
    assert plan.options.seed == 42 and plan.provenance["plan"]["differs"] == []


def test_distance_of_outputs_asks_for_them() -> None:
    assert PlanChoice(distance="cka", grid=8).of_signatures == {"preset": "headviz", "grid": 8, "probe": 256}

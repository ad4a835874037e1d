"""The alpha slider: fine near 1, and steps to the neighbouring masks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.glossary import glossary
from headviz.ui import controls
from headviz.ui.controls import alpha_label, alpha_place, alpha_stops, help_of, inside


def test_stops_go_in_even_steps_of_the_logarithm_to_0_999_and_end_at_1() -> None:
    stops = alpha_stops()
    assert (stops[0], stops[-2], stops[-1]) == (0.0, 0.999, 1.0)
    assert len(stops) == len(set(stops)) == 62
    assert stops == sorted(stops)
    for step, stop in enumerate(stops[:-1]):
        assert math.isclose(-math.log10(1 - stop) if stop else 0.0, 0.05 * step, abs_tol=0.03)
    assert sum(stop > 0.9 for stop in stops) >= 40


def test_a_value_asked_for_stands_among_the_stops() -> None:
    assert 0.97123 in alpha_stops([0.97123])
    assert alpha_stops([0.5, 1.0]) == sorted({*alpha_stops(), 0.5})


def test_every_stop_has_a_label_of_its_own_that_reads_back() -> None:
    stops = alpha_stops([0.123456])
    assert [float(alpha_label(stop)) for stop in stops] == stops
    assert alpha_label(0.5) == "0.500" and alpha_label(1.0) == "1.000"


def test_places_along_the_slider_are_those_of_the_stops() -> None:
    stops = alpha_stops()
    for number, stop in enumerate(stops):
        assert math.isclose(alpha_place(stop), number / (len(stops) - 1), abs_tol=0.006)


@given(st.floats(0, 1), st.floats(0, 1))
def test_step_to_a_mask_lands_in_its_interval(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert low <= inside(low, high) <= high


@pytest.mark.parametrize(
    ("low", "high", "alpha"),
    [(0.4, 0.6, 0.5), (0.99303, 0.99535, 0.994), (0.99991, 0.99992, 0.999915), (0.5, 0.5, 0.5)],
)
def test_step_to_a_mask_takes_the_shortest_decimal(low: float, high: float, alpha: float) -> None:
    assert inside(low, high) == alpha


def test_help_comes_from_the_glossary() -> None:
    assert help_of("his") == glossary["his"].sentence
    assert glossary["his"].sentence in help_of("his", "mask") and glossary["mask"].sentence in help_of("his", "mask")


def test_slider_that_was_just_pressed_is_left_alone_and_every_other_is_given_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[str] = []

    class State(dict[str, object]):
        def __setitem__(self, key: str, value: object) -> None:
            given.append(key)
            super().__setitem__(key, value)

    state = State({controls.PRESSED: "pressed", "pressed": 3, "other": 3})
    monkeypatch.setattr(controls.st, "session_state", state)
    controls.show("other", 3)
    controls.show("pressed", 3)
    assert given == ["other"]
    controls.show("pressed", 3)  # the next run began otherwise
    assert given == ["other", "pressed"]
    state[controls.PRESSED] = "pressed"
    controls.show("pressed", 4)  # the press was not taken as it came
    assert state["pressed"] == 4


def test_choice_that_sends_no_value_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[object] = []
    monkeypatch.setattr(controls.st, "session_state", {"choice": None})
    changed = controls.answer("choice", taken.append)
    changed()
    assert taken == []
    controls.st.session_state["choice"] = 0
    changed()
    assert taken == [0]

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
    for stops in (alpha_stops(), alpha_stops([0.2, 0.21, 0.9999])):
        for number, stop in enumerate(stops):
            assert math.isclose(alpha_place(stop, stops), number / (len(stops) - 1), abs_tol=1e-9)
        between = alpha_place((stops[7] + stops[8]) / 2, stops)
        assert math.isclose(between, 7.5 / (len(stops) - 1), abs_tol=1e-9)


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


def test_slider_is_set_only_where_it_holds_another_value_and_begins_with_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[tuple[object, object]] = []  # what the widget is to begin with, and what it was set to
    state: dict[str, object] = {}
    monkeypatch.setattr(controls.st, "session_state", state)

    def kind(label: str, *, key: str, value: object = None) -> None:
        made.append((value, state.get(key)))

    controls.slider(kind, "Heads", key="heads", value=3)  # new to the browser
    state["heads"] = 3
    controls.slider(kind, "Heads", key="heads", value=3)  # held: what is set would undo the next move
    controls.slider(kind, "Heads", key="heads", value=4)  # undo, or a link
    assert made == [(3, None), (3, 3), (None, 4)]


def test_other_widgets_are_given_their_value_in_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    class State(dict[str, object]):
        def __setitem__(self, key: str, value: object) -> None:
            given.append(key)
            super().__setitem__(key, value)

    monkeypatch.setattr(controls.st, "session_state", State({"choice": 3}))
    controls.show("choice", 3)
    assert given == ["choice"]


def test_choice_that_sends_no_value_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[object] = []
    monkeypatch.setattr(controls.st, "session_state", {"choice": None})
    changed = controls.answer("choice", taken.append)
    changed()
    assert taken == []
    controls.st.session_state["choice"] = 0
    changed()
    assert taken == [0]

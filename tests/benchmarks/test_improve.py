"""The sentences about improved masks say what the numbers say."""

from __future__ import annotations

from typing import Any

import pytest
from improve import ARMS, findings, section


def record(ours: float, control: float, nats: list[float], points: list[float]) -> dict[str, Any]:
    def arm(measure: str, after: float) -> dict[str, Any]:
        before = 1.5 if measure == "loss" else 0.4
        return {
            "before": before, "after": after, "steps": [[3, (before + after) / 2], [40, after]], "evaluations": 100,
            "changed": 2, "ended": "The budget of 100 evaluations is spent.",
        }  # fmt: skip

    found = {"accuracy": [0.5, 0.4, 0.6], "loss": 1.2}
    afters = {"by loss": ours, "by loss, random order": control, "by accuracy": 0.5}
    split = {"HIES": found} | {name: {**found, "nats": nats, "points": points} for name in ARMS}
    names = ("train", "selection", "report", "test")
    return {
        "budget": 100, "sizes": dict.fromkeys(names, 1000), "fingerprints": dict.fromkeys(("model", *names), "ab12"),
        "machine": {"torch": "1", "headviz": "1"}, "report": split, "test": split,
        "arms": {name: arm(ARMS[name]["measure"], after) for name, after in afters.items()},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("three", "said"),
    [([0.1, 0.05, 0.2], "higher"), ([-0.1, -0.2, -0.05], "lower"), ([0.1, -0.1, 0.2], "not clearly different")],
)
def test_difference_is_named_only_beyond_its_interval(three: list[float], said: str) -> None:
    assert f"on the other half {said} in mean loss" in findings(record(1.4, 1.45, three, [0, 0, 0]))[0]
    assert f"{said} in accuracy" in findings(record(1.4, 1.45, [0, 0, 0], three))[0]


def test_gain_stands_beside_what_it_is_worth_on_other_examples() -> None:
    """0.1 nats gained on the selection half, 0.025 kept."""
    lines = findings(record(1.4, 1.45, [-0.025, -0.05, -0.01], [0, 0, 0]))
    assert "a lower loss than the random one in 100 evaluations: 1.400 against 1.450 nats, from 1.500." in lines[-2]
    assert "gained 0.100 nats" in lines[-1] and "25 % on the other half and 25 % on the test split" in lines[-1]


def test_no_gain_is_no_division_and_no_praise() -> None:
    lines = findings(record(1.5, 1.45, [0, 0, 0], [0, 0, 0]))
    assert "no lower loss" in lines[-1]


def test_table_shows_the_best_value_after_each_number_of_evaluations() -> None:
    """Better at the third evaluation and at the fortieth."""
    text = section(record(1.4, 1.3, [0, 0, 0], [0, 0, 0]))
    assert "| by loss | 1.500 | 1.450 | 1.450 | 1.400 | 1.400 |" in text
    assert "| by accuracy | 40.0 % | 50.0 % | 2 | 2 of 36 | 100 |" in text

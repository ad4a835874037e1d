"""Charts of a recovery: valid specifications whose data is all there, from no block to many."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from headviz.recovery.history import Check, History
from headviz.recovery.schedule import Schedule
from headviz.ui import charts
from headviz.ui.charts import Drawing
from tests.ui.charts.test_drawings import names_of_data

TOTAL = 40
SCHEDULE = Schedule().frame(TOTAL)


def history(units: int, checks: int = 3) -> History:
    """One block more is frozen at each check, from the top down but for the last, which is the lowest."""
    frozen = np.zeros((checks, units), dtype=bool)
    for place in range(checks if units else 0):
        frozen[place:, (units - 1 - place) % units if place < checks - 1 else 0] = True
    importance = np.linspace(1e-4, 0.5, max(units, 1))[:units]
    rows = [
        Check(6 + 4 * place, 0.3 * place, tuple(importance * (place + 1)), tuple(frozen[place].tolist()))
        for place in range(checks if units else 0)
    ]
    evaluations = [
        {"step": step, "loss": 1.0, "accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6} for step in (0, 20)
    ]
    return History(
        total=TOTAL, metric="accuracy", layers=tuple(range(units)), losses=[{"step": 5, "loss": 1.2}],
        evaluations=evaluations, checks=rows, best=20,
    )  # fmt: skip


def last_check(made: History) -> pd.DataFrame:
    frame = made.importance_frame()
    return frame[frame["step"] == frame["step"].max()]


LEVELS = pd.DataFrame({"value": [0.9, 0.3], "name": ["unpruned", "pruned"]})
METERS = pd.DataFrame(
    {
        "measure": ["mean activations", "seconds of scoring"], "own": [1.0, 1.0], "other": [2.0, 0.0],
        "value": [-0.5, np.nan], "paper": [-0.4285, np.nan],
    }
)  # fmt: skip
SLICE = pd.DataFrame(
    {"name": ["lora", "lora", "safe"], "direction": [0, 1, 0], "alpha": [0.0] * 3, "loss": [1.0, 1.2, 0.9]}
)


def drawings(units: int) -> dict[str, Callable[[], Drawing]]:
    made = history(units)
    frame = made.importance_frame()
    return {
        "curve": lambda: charts.threshold_curve(SCHEDULE, warm_up=6, now=10),
        "curve before the start": lambda: charts.threshold_curve(SCHEDULE, warm_up=6),
        "bars": lambda: charts.importance_bars(last_check(made)),
        "bars, absolute": lambda: charts.importance_bars(last_check(made), relative=False),
        "map": lambda: charts.importance_map(frame),
        "strip": lambda: charts.prefix_strip(frame, layers=made.layers, total=TOTAL, step=20),
        "meters": lambda: charts.meters(METERS),
        "loss": lambda: charts.loss_curve(made.loss_frame(), made.quality_frame(), total=TOTAL),
        "quality": lambda: charts.recovery_quality(made.quality_frame(), LEVELS, title="Accuracy", total=TOTAL),
        "slice": lambda: charts.loss_slice(SLICE),
    }


@pytest.mark.parametrize("units", [0, 1, 6, 32])
@pytest.mark.parametrize("name", drawings(1))
def test_drawing_is_a_valid_chart_whose_data_is_all_there(name: str, units: int) -> None:
    drawing = drawings(units)[name]()
    assert drawing.chart.to_dict()
    assert names_of_data(json.loads(drawing.text)) == set(drawing.data)


def test_bars_have_the_share_of_the_greatest_and_say_since_when_a_block_is_frozen() -> None:
    bars = charts.importance_bars(last_check(history(3))).data["bars"]
    assert bars["name"].tolist() == ["L0", "L1", "L2"]
    assert bars["note"].tolist() == ["frozen at step 14", "frozen at step 10", "frozen at step 6"]
    # before the last check only block 0 was live: importances of 0.0001, 0.25005 and 0.5 are held against its own
    np.testing.assert_allclose(bars["value"], [1, 2500.5, 5000])


def test_strip_follows_each_block_from_live_to_frozen_and_tells_what_saves() -> None:
    made = history(3)
    spans = charts.prefix_strip(made.importance_frame(), layers=made.layers, total=TOTAL, step=20).data["spans"]
    found = [tuple(row) for row in spans[["name", "from", "to", "sign"]].itertuples(index=False)]
    assert found == [
        ("L0", 0, 14, ""), ("L0", 14, 20, "✓"),
        ("L1", 0, 10, ""), ("L1", 10, 14, "↓"), ("L1", 14, 20, "✓"),
        ("L2", 0, 6, ""), ("L2", 6, 14, "↓"), ("L2", 14, 20, "✓"),
    ]  # fmt: skip


def test_map_draws_what_was_not_looked_at_nowhere() -> None:
    frame = history(2).importance_frame().assign(importance=[np.nan, 0.0, 0.1, 0.2, 0.3, 0.4])
    cells = charts.importance_map(frame).data["cells"]
    assert len(cells) == 5 and cells["drawn"].min() > 0  # a logarithm of 0 has no place


def test_meters_leave_out_what_cannot_be_compared() -> None:
    table = charts.meters(METERS).data["meters"]
    assert table["measure"].tolist() == ["Mean activations"] and table["label"].tolist() == ["-50.0%"]


@pytest.mark.parametrize("points", [0, 1])
def test_curves_start_without_points(points: int) -> None:
    made = history(2)
    made.losses, made.evaluations = made.losses[:points], made.evaluations[:points]
    assert charts.loss_curve(made.loss_frame(), made.quality_frame(), total=TOTAL).chart.to_dict()
    assert charts.recovery_quality(made.quality_frame(), LEVELS[:0], title="Accuracy", total=TOTAL).chart.to_dict()

"""Charts of a recovery: valid specifications whose data is all there, from no block to many."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

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
        "measure": ["mean activations", "seconds of saving", "seconds of scoring", "nothing"],
        "own": [1.0, 6.0, 1.25, 0.0], "other": [2.0, 5.0, 0.0, 0.0],
        "value": [-0.5, 0.2, np.nan, np.nan], "paper": [-0.4285, np.nan, np.nan, np.nan],
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
        "bars of a control": lambda: charts.importance_bars(last_check(made).assign(relative=np.nan, threshold=np.nan)),
        "bars, absolute": lambda: charts.importance_bars(last_check(made), relative=False),
        "map": lambda: charts.importance_map(frame),
        "strip": lambda: charts.prefix_strip(frame, layers=made.layers, total=TOTAL, step=20),
        "meters": lambda: charts.meters(METERS),
        "loss": lambda: charts.loss_curve(made.loss_frame(), made.quality_frame(), total=TOTAL),
        "quality": lambda: charts.recovery_quality(made.quality_frame(), LEVELS, title="Accuracy", total=TOTAL),
        "slice": lambda: charts.loss_slice(SLICE),
        "empty slice": lambda: charts.loss_slice(SLICE[:0]),
        "empty meters": lambda: charts.meters(METERS[:0]),
    }


@pytest.mark.parametrize("units", [0, 1, 6, 32])
@pytest.mark.parametrize("name", drawings(1))
def test_drawing_is_a_valid_chart_whose_data_is_all_there(name: str, units: int) -> None:
    drawing = drawings(units)[name]()
    assert drawing.chart.to_dict()
    assert names_of_data(json.loads(drawing.text)) == set(drawing.data)


@pytest.mark.parametrize("name", ["bars", "map", "strip", "loss", "quality"])
def test_specification_stays_the_same_while_a_run_goes_on(name: str) -> None:
    """The browser then keeps the chart and moves its marks."""

    def drawn(made: History, step: int) -> str:
        frame = made.importance_frame()
        some = frame[frame["step"] <= step]
        return {
            "bars": lambda: charts.importance_bars(frame[frame["step"] == step]),
            "map": lambda: charts.importance_map(some),
            "strip": lambda: charts.prefix_strip(some, layers=made.layers, total=TOTAL, step=step),
            "loss": lambda: charts.loss_curve(
                made.loss_frame()[:step], made.quality_frame()[: step // 10], total=TOTAL
            ),
            "quality": lambda: charts.recovery_quality(
                made.quality_frame()[: step // 10], LEVELS, title="Accuracy", total=TOTAL
            ),
        }[name]().text

    assert drawn(history(6), 6) == drawn(history(6), 14)


def test_curve_marks_the_checks_the_warm_up_and_the_step() -> None:
    data = charts.threshold_curve(SCHEDULE, warm_up=6, now=10).data
    assert data["schedule"]["step"].max() == TOTAL  # the whole run, before any of it was made
    assert set(data["schedule"].loc[data["schedule"]["check"], "step"]) == set(Schedule().check_steps(TOTAL))
    assert data["warm_up"].to_dict("records") == [{"from": 0, "to": 6}]
    assert data["now"]["step"].tolist() == [10]
    assert charts.threshold_curve(SCHEDULE, warm_up=0).data["warm_up"].empty


def test_bars_have_the_share_of_the_greatest_and_say_since_when_a_block_is_frozen() -> None:
    bars = charts.importance_bars(last_check(history(3))).data["bars"]
    assert bars["layer"].tolist() == [0, 1, 2]
    assert bars["note"].tolist() == ["frozen at step 14", "frozen at step 10", "frozen at step 6"]
    # before the last check only block 0 was live: importances of 0.0001, 0.25005 and 0.5 are held against its own
    np.testing.assert_allclose(bars["value"], [1, 2500.5, 5000])
    np.testing.assert_allclose(bars["drawn"], [1, 1.1, 1.1])  # what is off the scale ends behind its end


def test_notes_of_bars_stand_clear_of_the_threshold() -> None:
    check = pd.DataFrame(
        {
            "layer": range(4), "importance": 0.1, "relative": [0.1, 0.3, 0.55, np.nan], "threshold": 0.55,
            "state": ["free", "free", "carrying", "live"], "frozen_at": [6, 6, 6, np.nan],
        }
    )  # fmt: skip
    bars = charts.importance_bars(check).data["bars"]
    # a note is 0.42 long: behind the first bar it ends before the line, behind the second it would cross it
    np.testing.assert_allclose(bars["note at"], [0.1, 0.55, 0.55, 0.0])
    assert bars["note"].tolist()[-1] == "not measured"


def test_bars_of_frozen_blocks_are_hatched_as_well_as_grey() -> None:
    layers = json.loads(charts.importance_bars(last_check(history(3))).text)["layer"]
    hatched = [layer for layer in layers if layer["mark"].get("shape")]
    assert [layer["transform"][0] for layer in hatched] == [{"filter": "datum.frozen"}]


@pytest.mark.parametrize("name", ["bars", "map", "strip"])
def test_blocks_stand_with_the_input_at_the_bottom(name: str) -> None:
    rows = {
        tuple(encoding["y"]["scale"]["domain"])
        for encoding in _all(json.loads(drawings(4)[name]().text), "encoding")
        if encoding.get("y", {}).get("field") == "layer"
    }
    assert rows == {(3, 2, 1, 0)}


def test_strip_follows_each_block_from_live_to_frozen_and_tells_what_saves() -> None:
    made = history(3)
    spans = charts.prefix_strip(made.importance_frame(), layers=made.layers, total=TOTAL, step=20).data["spans"]
    found = [tuple(row) for row in spans[["layer", "from", "to", "sign"]].itertuples(index=False)]
    assert found == [
        (0, 0, 14, ""), (0, 14, 20, "✓"),
        (1, 0, 10, ""), (1, 10, 14, "↓"), (1, 14, 20, "✓"),
        (2, 0, 6, ""), (2, 6, 14, "↓"), (2, 14, 20, "✓"),
    ]  # fmt: skip


@pytest.mark.parametrize("step", [0, 1, 6, 10, 39, 40, None])
@pytest.mark.parametrize("units", [1, 6, 32])
def test_strip_covers_every_step_made_once(units: int, step: int | None) -> None:
    made = history(units)
    spans = charts.prefix_strip(made.importance_frame(), layers=made.layers, total=TOTAL, step=step).data["spans"]
    for _, own in spans.groupby("layer"):
        ends = list(zip(own["from"], own["to"], strict=True))
        assert ends[0][0] == 0 and all(before[1] == after[0] for before, after in pairwise(ends))
    made_steps = TOTAL if step is None else step
    assert (spans["to"] - spans["from"]).sum() == units * made_steps


def test_map_draws_what_was_not_looked_at_nowhere() -> None:
    frame = history(2).importance_frame().assign(importance=[np.nan, 0.0, 0.1, 0.2, 0.3, 0.4])
    cells = charts.importance_map(frame).data["cells"]
    assert len(cells) == 5 and cells["drawn"].min() > 0  # a logarithm of 0 has no place
    assert cells["importance"].tolist() == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_map_outlines_what_is_frozen() -> None:
    cells = charts.importance_map(history(3).importance_frame()).data["cells"]
    found = {(row.step, row.layer) for row in cells.itertuples() if row.frozen}
    assert found == {(6, 2), (10, 2), (10, 1), (14, 2), (14, 1), (14, 0)}


def test_map_colours_reach_down_to_the_decade_of_the_least() -> None:
    frame = history(2).importance_frame().assign(importance=[0.0, 3e-5, 0.1, 0.2, 0.3, 0.4])
    (scale,) = [found for found in _all(json.loads(charts.importance_map(frame).text), "scale") if "scheme" in found]
    assert scale["type"] == "log" and scale["domain"] == pytest.approx([1e-5, 1])


def test_meters_tell_shares_and_what_lora_has_none_of() -> None:
    table = charts.meters(METERS).data["meters"]
    assert table["measure"].tolist() == ["Mean activations", "Seconds of saving", "Seconds of scoring"]
    assert table["label"].tolist() == ["−50.0 %", "+20.0 %", "+1.25 s"]
    assert table["label at"].tolist() == [0.0, 0.2, 0.0]


def test_meters_name_the_papers_marks_as_those_of_other_models() -> None:
    drawing = charts.meters(METERS)
    assert "paper, other models" in drawing.text
    assert drawing.data["meters"]["paper"].dropna().tolist() == [-0.4285]


def test_quality_is_drawn_where_it_was_measured_and_never_between() -> None:
    spec = json.loads(drawings(2)["quality"]().text)
    assert {layer["mark"]["type"] for layer in spec["layer"]} == {"rule", "text", "point"}  # no line, nothing smoothed
    table = drawings(2)["quality"]().data["quality"]
    assert table.loc[table["best"], "step"].tolist() == [20]


def test_levels_are_named_where_a_recovery_has_no_points() -> None:
    levels = drawings(2)["quality"]().data["levels"]
    assert dict(zip(levels["name"], levels["late"], strict=True)) == {"unpruned": False, "pruned": True}


def test_loss_is_drawn_as_it_was_logged() -> None:
    table = drawings(2)["loss"]().data["losses"]
    assert [tuple(row) for row in table.itertuples(index=False)] == [
        ("training", 5, 1.2), ("validation", 0, 1.0), ("validation", 20, 1.0),
    ]  # fmt: skip


def test_slice_has_each_direction_and_their_mean() -> None:
    data = charts.loss_slice(SLICE).data
    assert len(data["slice"]) == 3
    assert dict(zip(data["mean"]["name"], data["mean"]["loss"], strict=True)) == pytest.approx(
        {"lora": 1.1, "safe": 0.9}
    )


def test_slices_differ_in_shape_as_well_as_in_colour() -> None:
    encodings = _all(json.loads(charts.loss_slice(SLICE).text), "encoding")
    (shapes,) = [found["shape"]["scale"] for found in encodings if "shape" in found]
    assert shapes["domain"] == ["lora", "safe"] and len(set(shapes["range"])) == 5


@pytest.mark.parametrize("points", [0, 1])
def test_curves_start_without_points(points: int) -> None:
    made = history(2)
    made.losses, made.evaluations = made.losses[:points], made.evaluations[:points]
    assert charts.loss_curve(made.loss_frame(), made.quality_frame(), total=TOTAL).chart.to_dict()
    assert charts.recovery_quality(made.quality_frame(), LEVELS[:0], title="Accuracy", total=TOTAL).chart.to_dict()


def _all(spec: Any, name: str) -> list[Any]:
    """Every mapping of this name anywhere in a specification."""
    if isinstance(spec, list):
        return [found for part in spec for found in _all(part, name)]
    if not isinstance(spec, dict):
        return []
    own = [spec[name]] if isinstance(spec.get(name), dict) else []
    return own + [found for part in spec.values() for found in _all(part, name)]


def test_words_of_the_warm_up_and_of_the_present_step_have_lines_of_their_own() -> None:
    layers = json.loads(charts.threshold_curve(SCHEDULE, warm_up=6, now=0).text)["layer"]
    words = {
        layer["data"]["name"]: layer["mark"]["y"]
        for layer in layers
        if isinstance(layer["mark"], dict) and layer["mark"]["type"] == "text"
    }
    assert words.keys() == {"warm_up", "now"} and words["now"] - words["warm_up"] > 12, "at step 0 both begin there"

"""Charts of two masks side by side, and of what a mask saves."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from headviz.ui import charts
from headviz.ui.charts import Drawing
from headviz.ui.charts.difference_map import LETTERS
from headviz.ui.frames import heads_frame
from tests.ui.charts.test_drawings import names_of_data

HEADS = (2, 1)
A = np.array([[1, 1], [0, 0]], dtype=bool)
B = np.array([[1, 0], [1, 0]], dtype=bool)
LAYERS = pd.DataFrame({"layer": [0, 1, 2], "all": [400, 400, 0], "saved": [100, 0, 0]})


def map_of(a: np.ndarray, b: np.ndarray, heads: tuple[int, ...] = HEADS) -> Drawing:
    return charts.difference_map(heads_frame(heads, in_a=a, in_b=b))


DRAWINGS = {"map": lambda: map_of(A, B), "savings": lambda: charts.savings(LAYERS, title="Parameters")}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_is_a_valid_chart_whose_data_is_all_there(name: str) -> None:
    drawing: Drawing = DRAWINGS[name]()
    assert drawing.chart.to_dict()
    assert names_of_data(json.loads(drawing.text)) == set(drawing.data)


def test_specifications_stay_the_same_when_the_masks_change() -> None:
    assert map_of(A, B).text == map_of(B, B).text
    more = charts.savings(LAYERS.assign(saved=[300, 100, 0]), title="Parameters")
    assert more.text == DRAWINGS["savings"]().text


def test_map_says_of_each_head_who_keeps_it() -> None:
    table = map_of(A, B).data["heads"]
    assert dict(zip(table["head"], table["state"], strict=True)) == {
        "L0H0": "kept in both", "L0H1": "only in A", "L1H0": "only in B",
    }  # fmt: skip
    assert map_of(~A, ~A).data["heads"]["state"].tolist() == ["cut in both", "cut in both", "kept in both"]


def test_map_is_read_by_letters_alone() -> None:
    assert map_of(A, B).data["heads"]["letter"].tolist() == ["", "A", "B"]
    assert len(set(LETTERS.values())) == len(LETTERS) == 4


def test_map_of_two_thousand_heads_stays_small() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 32, 64)) < 0.5
    drawing = map_of(a, b, (64,) * 32)
    assert len(drawing.data["heads"]) == 2048
    assert len(json.dumps(drawing.data["heads"].to_dict("list"))) < 150_000


def test_bars_of_a_layer_add_up_to_all_of_it() -> None:
    bars = charts.savings(LAYERS, title="Parameters").data["bars"].pivot(index="name", columns="part", values="amount")
    assert bars["saved"].tolist() == [100, 0, 0] and bars["stays"].tolist() == [300, 400, 0]


def test_share_saved_of_a_layer_that_has_nothing_is_none() -> None:
    assert charts.savings(LAYERS, title="Parameters").data["layers"]["share"].tolist() == [0.25, 0.0, 0.0]

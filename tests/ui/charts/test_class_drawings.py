"""Charts over classes: valid specifications whose data is all there, names as data, sides that differ beyond colour."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headviz.ui import charts
from tests.ui.charts.test_drawings import names_of_data

NAMES = ["good", "$x", '"] + alert(1) + ["', "good", ""]
COUNTS = np.arange(25).reshape(5, 5)
SHARES = np.where(np.arange(5)[:, None] == 2, np.nan, COUNTS / 100)
ROWS = pd.DataFrame(
    [(name, side, at / 10, 0.0, 1.0) for at, name in enumerate(NAMES) for side in charts.SIDES],
    columns=["class", "side", "value", "low", "high"],
)
DRAWINGS = {
    "confusion": lambda: charts.confusion(COUNTS, SHARES, NAMES, title="All heads"),
    "confusion of many": lambda: charts.confusion(np.eye(20), np.eye(20), ["c"] * 20, title="All heads"),
    "recall": lambda: charts.recall(ROWS),
    "probabilities": lambda: charts.probabilities(NAMES, np.full(5, 0.2), np.linspace(0, 0.4, 5)),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_is_a_valid_chart_whose_data_is_all_there(name: str) -> None:
    drawing = DRAWINGS[name]()
    assert drawing.chart.to_dict()
    assert names_of_data(json.loads(drawing.text)) == set(drawing.data)


@pytest.mark.parametrize("name", DRAWINGS)
def test_names_are_data_and_never_part_of_an_expression(name: str) -> None:
    assert "alert" not in DRAWINGS[name]().text


def test_specification_stays_the_same_when_the_numbers_move() -> None:
    """The browser then keeps the chart and moves its marks."""
    assert charts.confusion(COUNTS.T, SHARES.T, NAMES, title="All heads").text == DRAWINGS["confusion"]().text
    assert charts.recall(ROWS.assign(value=0.5)).text == DRAWINGS["recall"]().text
    other = charts.probabilities(NAMES, np.eye(5)[0], np.eye(5)[1])
    assert other.text == DRAWINGS["probabilities"]().text


def test_confusion_keeps_rows_and_columns_and_alike_names_apart() -> None:
    table = DRAWINGS["confusion"]().data["cells"]
    assert table["label"].nunique() == table["predicted"].nunique() == 5
    third = table[(table["label"] == "0003 good") & (table["predicted"] == "0001 $x")]
    assert (
        third["count"].tolist() == [16] and third["share"].tolist() == [0.16] and third["percent"].tolist() == ["16 %"]
    )
    assert table.loc[table["right"], "count"].tolist() == [0, 6, 12, 18, 24]


def test_confusion_row_without_examples_says_no_share() -> None:
    table = DRAWINGS["confusion"]().data["cells"]
    assert set(table.loc[table["label"].str.startswith("0002"), "percent"]) == {""}
    assert not table["share"].isna().any()


def test_confusion_colours_mean_the_same_in_every_matrix() -> None:
    domains = [
        found["domain"] for found in _all(json.loads(DRAWINGS["confusion"]().text), "scale") if "scheme" in found
    ]
    assert domains == [[0, 1]]


def test_recall_leaves_out_what_is_not_known() -> None:
    rows = ROWS.assign(value=np.where(ROWS["class"] == "$x", np.nan, ROWS["value"]))
    drawn = charts.recall(rows).data["rows"]
    assert len(drawn) == 8 and drawn["class"].nunique() == 4
    assert drawn["class"].iloc[-1] == "0004 "


def test_sides_differ_in_shape_or_filling_as_well_as_in_colour() -> None:
    shapes = [found["shape"] for found in _all(json.loads(DRAWINGS["recall"]().text), "encoding") if "shape" in found]
    assert shapes[0]["scale"]["range"] == ["circle", "diamond"]
    filled = [
        found["fillOpacity"]
        for found in _all(json.loads(DRAWINGS["probabilities"]().text), "encoding")
        if "fillOpacity" in found
    ]
    assert len(set(filled[0]["scale"]["range"])) == 2


def test_probabilities_stand_under_their_side() -> None:
    table = charts.probabilities(["a", "b"], np.array([0.9, 0.1]), np.array([0.25, 0.75])).data["labels"]
    found = {(row.label, row.side): row.probability for row in table.itertuples()}
    assert found == {
        ("0000 a", "all heads"): 0.9, ("0001 b", "all heads"): 0.1,
        ("0000 a", "with this mask"): 0.25, ("0001 b", "with this mask"): 0.75,
    }  # fmt: skip


def _all(spec: Any, name: str) -> list[Any]:
    """Every value of this name anywhere in a specification."""
    if isinstance(spec, list):
        return [found for part in spec for found in _all(part, name)]
    if not isinstance(spec, dict):
        return []
    own = [spec[name]] if isinstance(spec.get(name), dict) else []
    return own + [found for part in spec.values() for found in _all(part, name)]

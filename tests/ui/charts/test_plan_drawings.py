"""Charts of plans: valid specifications whose data is all there and whose text stays the same as the degree moves."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from headviz.complementarity.noise import noise_curves
from headviz.ui import charts, plan_frames
from headviz.ui.charts import Drawing
from tests.complementarity.made import made
from tests.ui.charts.test_drawings import names_of_data

BASE = hv.cahp(made(), space="pca")
NOISE = noise_curves(BASE, 2)
QUALITY = pd.DataFrame({"kept": [2, 5], "value": [0.4, 0.8], "low": [0.3, 0.7], "high": [0.5, 0.9], "fit": [0.4, 0.8]})
ROWS = pd.DataFrame(
    {
        "what": ["CAHP", "random"], "value": [0.6, 0.5], "low": [0.5, 0.4], "high": [0.7, 0.6], "lowest": [0.6, 0.3],
        "highest": [0.6, 0.7], "own": [True, False],
    }
)  # fmt: skip
RUNS = pd.DataFrame({"kind": ["other seeds"] * 2, "run": [0, 1], "k": [4.0, np.nan], "jaccard": [0.5, 1.0]})
CURVE = pd.DataFrame({"kept": [1, 4], "shared": [1, 3], "mean": [0.1, 1], "low": [0, 0], "high": [1, 2]})


def drawn(name: str, plan: Any) -> Drawing:
    knees, points = plan_frames.knees(plan), plan_frames.graph_points(plan, "L0H1")
    noise = plan_frames.noise_at(NOISE, plan.degree)
    drawings = {
        **{
            f"graph by {colour}": lambda colour=colour: charts.graph(
                points, plan_frames.graph_edges(plan, kept=True), colour=colour
            )
            for colour in charts.COLOURS
        },
        "silhouettes": lambda: charts.silhouettes(
            plan.curve, knees, plan_frames.noise_bands(noise), plan_frames.noise_knees(noise)
        ),
        "silhouettes alone": lambda: charts.silhouettes(
            plan.curve, knees, plan_frames.noise_bands({}), plan_frames.noise_knees({})
        ),
        "difference": lambda: charts.difference(plan.curve, knees),
        "roles": lambda: charts.roles(points),
        "shares": lambda: charts.shares(plan_frames.layer_shares(plan)[0]),
        "shared": lambda: charts.shared(CURVE, 3),
        "steadiness": lambda: charts.steadiness(RUNS, (0.3, 0.1, 0.5)),
        "quality curve": lambda: charts.quality_curve(
            QUALITY,
            pd.DataFrame({"value": [0.9], "name": ["unpruned"]}),
            pd.DataFrame({"kept": [4.0], "kind": ["curve"]}),
            title="Accuracy",
        ),
        "compared": lambda: charts.compared(ROWS, whole=0.9, constant=None),
        "cells": lambda: charts.cells(np.eye(3), title="L0H0", number=".3f", top=1.0),
    }
    return drawings[name]()


OF_A_PLAN = [*(f"graph by {name}" for name in charts.COLOURS), "silhouettes", "difference", "roles", "shares"]
ALL = [*OF_A_PLAN, "silhouettes alone", "shared", "steadiness", "quality curve", "compared", "cells"]


@pytest.mark.parametrize("name", ALL)
def test_drawing_is_a_valid_chart_whose_data_is_all_there(name: str) -> None:
    drawing = drawn(name, BASE.with_count(5))
    assert drawing.chart.to_dict()
    assert names_of_data(json.loads(drawing.text)) == set(drawing.data)


@pytest.mark.parametrize("name", OF_A_PLAN)
def test_specification_stays_the_same_when_the_degree_moves(name: str) -> None:
    """The browser then keeps the chart and moves its marks."""
    assert drawn(name, BASE.with_degree(2)).text == drawn(name, BASE.with_degree(8)).text


def test_graph_draws_a_plan_without_a_number_of_heads() -> None:
    plan = BASE.with_degree(1)
    drawing = charts.graph(
        plan_frames.graph_points(plan, None), plan_frames.graph_edges(plan, kept=True), colour="role"
    )
    assert drawing.chart.to_dict() and set(drawing.data["edges"]["kind"]) == {"similar"}


def test_every_role_but_pruned_has_a_letter_and_a_colour() -> None:
    table = charts.roles(plan_frames.graph_points(BASE.with_count(3), None)).data["heads"]
    assert set(zip(table["role"], table["letter"], strict=True)) <= {
        ("medoid", "M"), ("kept", "K"), ("rescued", "R"), ("pruned", ""),
    }  # fmt: skip
    assert len(table) == 24


def test_cells_keep_rows_and_columns_and_their_scale() -> None:
    drawing = charts.cells(np.array([[0.25, 0.75], [1.0, 0.0]]), title="L0H0", number=".2f", top=2.0)
    table = drawing.data["cells"]
    assert {(row.row, row.column): row.value for row in table.itertuples()} == {
        (0, 0): 0.25, (0, 1): 0.75, (1, 0): 1.0, (1, 1): 0.0,
    }  # fmt: skip
    assert json.loads(drawing.text)["encoding"]["color"]["scale"]["domain"] == [0, 2.0]


def test_compared_leaves_out_a_level_that_is_not_known() -> None:
    assert charts.compared(ROWS, whole=0.9, constant=None).data["levels"]["name"].tolist() == ["unpruned"]

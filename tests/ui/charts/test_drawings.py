"""Charts: valid specifications, right numbers, and data that never becomes code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headviz.mask import Mask
from headviz.ui import charts
from headviz.ui.charts import Drawing
from headviz.ui.frames import heads_frame

HEADS = (4, 4, 3)
RNG = np.random.default_rng(0)
HIS = RNG.lognormal(-5, 1.5, (3, 4))
AE = RNG.beta(4, 3, (3, 4))
KEEP = np.array([[1, 0, 1, 1], [1, 1, 1, 0], [0, 1, 1, 0]], dtype=bool)


def frame(picked: str | None = "L1H2") -> pd.DataFrame:
    mask = Mask(KEEP, provenance={"model": {"heads": list(HEADS)}})
    return heads_frame(HEADS, mask, picked=picked, his=HIS, ae=AE, hies=AE, rank=np.arange(12).reshape(3, 4))


TOKENS = ["[CLS]", "if", "if", "datum", "$x", '"] + alert(1) + ["', "", "a" * 40, "[SEP]"]
DRAWINGS = {
    "heatmap": lambda: charts.heatmap(frame(), "his", title="HIS", scale="sqrt"),
    "scatter": lambda: charts.scatter(frame(), charts.iso_lines(HIS.ravel(), AE.ravel(), 0.5, 0.3)),
    "scatter_plain": lambda: charts.scatter(frame()),
    "distribution": lambda: charts.distribution(frame(), "his", title="HIS"),
    "quality": lambda: charts.quality(
        pd.DataFrame({"what": ["whole model", "this mask"], "value": [0.9, 0.8], "low": [0.8, 0.7], "high": [1, 0.9]}),
        title="Accuracy",
        constant=0.2,
    ),
    "layers": lambda: charts.layers(frame()),
    "ticks": lambda: charts.ticks([0.1, 0.5], 0.1, 0.5, [(0.0, "0"), (1.0, "1")]),
    "map": lambda: charts.attention_map(TOKENS, np.full((9, 9), 1 / 9, np.float32), title="L0H0"),
    "attribution": lambda: charts.attribution(TOKENS, np.linspace(-1, 1, 9), label="good"),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_is_a_valid_chart_whose_data_is_all_there(name: str) -> None:
    drawing: Drawing = DRAWINGS[name]()
    assert drawing.chart.to_dict()
    assert names_of_data(json.loads(drawing.text)) == set(drawing.data)


def names_of_data(spec: Any) -> set[str]:
    if isinstance(spec, dict):
        own = {spec["data"]["name"]} if isinstance(spec.get("data"), dict) and "name" in spec["data"] else set()
        return own.union(*(names_of_data(part) for part in spec.values()))
    return set().union(*(names_of_data(part) for part in spec)) if isinstance(spec, list) else set()


@pytest.mark.parametrize("name", ["heatmap", "scatter", "distribution", "layers"])
def test_specification_stays_the_same_when_the_data_moves(name: str) -> None:
    """The browser then keeps the chart and moves its marks."""
    before = DRAWINGS[name]().text
    other = heads_frame(HEADS, Mask(np.roll(KEEP, 1)), picked=None, his=HIS, ae=AE, hies=HIS, rank=np.zeros((3, 4)))
    after = {
        "heatmap": lambda: charts.heatmap(other, "his", title="HIS", scale="sqrt"),
        "scatter": lambda: charts.scatter(other),
        "distribution": lambda: charts.distribution(other, "his", title="HIS"),
        "layers": lambda: charts.layers(other),
    }[name]().text
    assert after == before


@pytest.mark.parametrize("name", DRAWINGS)
def test_marks_that_only_frame_what_others_show_are_nothing_to_screen_readers(name: str) -> None:
    def units(part: Any) -> Iterator[dict[str, Any]]:
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from units(inner)
        if isinstance(part, dict) and "mark" in part:
            yield part

    marks = [
        (unit["mark"], bool(unit["mark"].get("tooltip")) or "tooltip" in unit.get("encoding", {}))
        for unit in units(json.loads(DRAWINGS[name]().text))
    ]
    assert marks
    for mark, tells in marks:
        assert (mark.get("aria") is False) == (not tells and mark["type"] != "text"), mark


def test_a_spec_is_the_callers_to_change() -> None:
    drawing = DRAWINGS["heatmap"]()
    height = drawing.spec["height"]
    drawing.spec["height"] = 0
    assert drawing.spec["height"] == height > 0


@pytest.mark.parametrize("name", ["map", "attribution"])
def test_tokens_are_data_and_never_part_of_an_expression(name: str) -> None:
    text = DRAWINGS[name]().text
    assert "alert" not in text and "CLS" not in text


def test_alike_tokens_stay_apart_and_in_order() -> None:
    places = DRAWINGS["attribution"]().data["tokens"]["place"].tolist()
    assert len(set(places)) == len(TOKENS) and places == sorted(places)
    assert [place[5:] for place in places[:3]] == ["[CLS]", "if", "if"]


def test_attention_map_keeps_rows_and_columns() -> None:
    weights = np.array([[0.25, 0.75], [1.0, 0.0]], dtype=np.float32)
    table = charts.attention_map(["a", "b"], weights, title="L0H0").data["weights"]
    assert {(row.query[5:], row.key[5:]): row.weight for row in table.itertuples()} == {
        ("a", "a"): 0.25, ("a", "b"): 0.75, ("b", "a"): 1.0, ("b", "b"): 0.0,
    }  # fmt: skip


def test_histogram_counts_every_head_once() -> None:
    bins = charts.distribution(frame(), "his", title="HIS").data["bins"]
    assert bins["heads"].sum() == 11
    assert bins.loc[bins["state"] == "cut", "heads"].sum() == 3


def test_histogram_of_equal_values_is_one_bar() -> None:
    equal = frame().assign(his=0.5)
    assert charts.distribution(equal, "his", title="HIS").data["bins"]["heads"].tolist() == [3, 8]


def test_layers_count_kept_and_cut() -> None:
    table = charts.layers(frame()).data["layers"]
    found = {(row.name, row.state): row.heads for row in table.itertuples(index=False)}
    assert found == {
        ("L0", "cut"): 1,
        ("L0", "kept"): 3,
        ("L1", "cut"): 1,
        ("L1", "kept"): 3,
        ("L2", "cut"): 1,
        ("L2", "kept"): 2,
    }


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9, 1.0])
def test_iso_lines_run_where_hies_has_their_level(alpha: float) -> None:
    his, ae = HIS.ravel(), AE.ravel()
    lines = charts.iso_lines(his, ae, alpha, 0.35)
    important = (lines["his"] - his.min()) / (his.max() - his.min())
    diffuse = (lines["ae"] - ae.min()) / (ae.max() - ae.min())
    assert np.allclose(alpha * important + (1 - alpha) * (1 - diffuse), lines["level"])
    assert lines.loc[lines["is_cut"], "level"].tolist() == [0.35, 0.35]


def test_iso_lines_of_a_term_without_spread_are_none() -> None:
    assert len(charts.iso_lines(np.ones(5), AE.ravel()[:5], 0.5, 0.3)) == 0


def test_drawing_of_a_thousand_heads_stays_small() -> None:
    rng = np.random.default_rng(0)
    many = heads_frame((32,) * 32, Mask(np.ones((32, 32), bool)), his=rng.random((32, 32)), ae=rng.random((32, 32)))
    sent = json.dumps(charts.heatmap(many, "his", title="HIS").data["heads"].to_dict("list"))
    assert len(sent) < 100_000


def test_frame_names_places_and_rounds() -> None:
    made = frame()
    assert made["head"].tolist()[-1] == "L2H2" and len(made) == 11
    assert made.loc[made["picked"], "head"].tolist() == ["L1H2"]
    assert made.loc[made["cut"], "head"].tolist() == ["L0H1", "L1H3", "L2H0"]
    assert np.allclose(made["his"], HIS[made["layer"], made["index"]], rtol=1e-3, atol=HIS.max() * 1e-4)


def test_ruler_of_alpha_names_values_where_the_slider_has_them() -> None:
    from headviz.ui.controls import alpha_place, alpha_stops

    stops = alpha_stops([0.3])
    places = [(alpha_place(alpha, stops), f"{alpha:g}") for alpha in (0.0, 0.5, 0.9, 0.97, 1.0)]
    drawing = charts.ticks([0.1, 0.5], 0.1, 0.5, places)
    scale = drawing.data["scale"]
    assert scale["name"].tolist() == ["0", "0.5", "0.9", "0.97", "1"]
    assert scale["at"].is_monotonic_increasing and (scale["at"].iloc[0], scale["at"].iloc[-1]) == (0, 1)
    texts = [layer for layer in json.loads(drawing.text)["layer"] if layer["mark"]["type"] == "text"]
    assert {layer["data"]["name"] for layer in texts} == {"scale"}


def test_chart_with_many_names_side_by_side_says_how_wide_it_must_be() -> None:
    tokens = [f"t{number}" for number in range(48)]
    assert charts.attention_map(tokens, np.eye(48), title="L0H0").narrowest > 12 * 48
    many = [f"class {number}" for number in range(20)]
    counts = np.eye(20, dtype=int)
    assert charts.confusion(counts, counts.astype(float), many, title="All heads").narrowest > 15 * 20
    assert charts.confusion(counts[:3, :3], counts[:3, :3].astype(float), many[:3], title="All heads").narrowest == 0

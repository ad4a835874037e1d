"""A plan and its controls on the same examples: the same numbers as measuring each by hand."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import headviz as hv
from headviz.complementarity.comparison import masks_to_measure, measured_controls
from tests.tiny import tiny_labels, tiny_model, tiny_texts


@pytest.fixture(scope="module")
def small() -> Any:
    import pandas as pd

    subject = hv.Subject.wrap(*tiny_model("bert"), name="small")
    data = hv.load_data(pd.DataFrame({"text": tiny_texts(36), "label": tiny_labels(36)}))
    return subject, data, hv.cahp(hv.signatures(subject, data), space="pca").with_count(4)


def test_each_row_is_what_measuring_by_hand_gives(small: Any) -> None:
    subject, data, plan = small
    table = measured_controls(plan, subject, data, draws=2).set_index("name")
    own = hv.evaluate(subject, data, plan.mask)
    for name in ("salience", "medoid"):
        one = hv.evaluate(subject, data, plan.controls()[name])
        accuracy, less = one.metrics["accuracy"], own.against(one)
        found = table.loc[name]
        assert tuple(found[["value", "low", "high"]]) == pytest.approx((accuracy.value, accuracy.low, accuracy.high))
        assert found["less"] == pytest.approx(less.value)
    drawn = [hv.evaluate(subject, data, plan.controls(seed)["random"]).metrics["accuracy"].value for seed in (0, 1)]
    found = table.loc["random"]
    assert tuple(found[["draws", "value", "lowest", "highest"]]) == pytest.approx(
        (2, np.mean(drawn), min(drawn), max(drawn))
    )
    assert tuple(table.loc["cahp"][["less", "less_low", "less_high"]]) == (0, 0, 0)


@pytest.mark.parametrize("metric", ["macro_f1", "matthews"])
def test_rows_in_another_metric_are_what_measuring_by_hand_gives(small: Any, metric: str) -> None:
    subject, data, plan = small
    table = measured_controls(plan, subject, data, draws=2, metric=metric).set_index("name")
    own = hv.evaluate(subject, data, plan.mask)
    one = hv.evaluate(subject, data, plan.controls()["medoid"])
    found, less = table.loc["medoid"], own.against(one, metric)
    assert found["value"] == pytest.approx(one.metrics[metric].value)
    assert found["less"] == pytest.approx(less.value)
    assert (found["less_low"], found["less_high"]) == pytest.approx((less.low, less.high), abs=0.05)
    drawn = [hv.evaluate(subject, data, plan.controls(seed)["random"]).metrics[metric].value for seed in (0, 1)]
    assert tuple(table.loc["random"][["value", "lowest", "highest"]]) == pytest.approx(
        (np.mean(drawn), min(drawn), max(drawn))
    )
    assert tuple(table.loc["cahp"][["less", "less_low", "less_high"]]) == (0, 0, 0)


def test_all_choices_keep_as_many_heads_and_others_come_last(small: Any) -> None:
    plan = small[2]
    chosen = masks_to_measure(plan, 3, {"mine": plan.mask})
    assert list(chosen) == ["cahp", "salience", "random", "random_per_cluster", "medoid", "mine"]
    assert [len(masks) for masks in chosen.values()] == [1, 1, 3, 3, 1, 1]
    assert {mask.count for masks in chosen.values() for mask in masks} == {plan.mask.count}


def test_cancelled_measuring_raises_cancelled(small: Any) -> None:
    subject, data, plan = small
    stop = threading.Event()
    stop.set()
    with pytest.raises(hv.Cancelled):
        measured_controls(plan, subject, data, cancel=stop)

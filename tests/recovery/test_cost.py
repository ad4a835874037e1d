"""Costs: sums and means by hand, beside another run, and through a file."""

from __future__ import annotations

import json
import math

import pytest

from headviz.recovery.cost import Cost
from headviz.recovery.meters import Segment

SAFE = Cost(
    seconds={"training": 6.0, "scoring": 2.0, "evaluation": 1.0, "saving": 1.0},
    step_seconds=0.5,
    segments=(Segment(2, 400, 10, 9), Segment(6, 200, 8, 6), Segment(0, 100, 7, 3)),
    tokens=64,
    optimizer_bytes=72,
)
LORA = Cost(
    seconds={"training": 8.0, "scoring": 0.0, "evaluation": 1.0, "saving": 1.0},
    step_seconds=1.0,
    segments=(Segment(8, 400, 10, 9),),
    tokens=64,
    optimizer_bytes=72,
)


def test_means_weigh_steps_and_sums_run_over_them() -> None:
    assert SAFE.activations.mean == (2 * 400 + 6 * 200) / 8
    assert (SAFE.activations.peak, SAFE.activations.end) == (400, 200)
    assert SAFE.flops == 2 * 10 + 6 * 8 and SAFE.total_seconds == 10


def test_cost_beside_another_is_a_share_with_the_papers_marks() -> None:
    frame = SAFE.against(LORA).set_index("measure")
    assert frame.value["mean activations"] == 250 / 400 - 1
    assert frame.value["peak activations"] == 0 and frame.value["end activations"] == -0.5
    assert frame.value["FLOPs"] == pytest.approx(68 / 80 - 1)
    assert frame.value["seconds"] == 0 and frame.value["seconds without scoring"] == pytest.approx(8 / 10 - 1)
    assert frame.value["seconds of a step"] == -0.5 and frame.value["seconds of training"] == -0.25
    assert math.isnan(frame.value["seconds of scoring"])  # nothing to compare with
    assert frame.paper[["mean activations", "FLOPs", "seconds"]].tolist() == [-0.4285, -0.3459, -0.1182]
    assert frame.paper.notna().sum() == 3


def test_cost_is_the_same_out_of_its_record() -> None:
    assert Cost.of_record(json.loads(json.dumps(SAFE.record()))) == SAFE

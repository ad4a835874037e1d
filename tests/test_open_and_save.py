"""Files of results: opened and saved again they are the same byte for byte, whatever they were made with."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import headviz as hv
from tests.tiny import tiny_labels, tiny_model, tiny_texts

SUBJECT = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
PRUNED = hv.prune(SUBJECT, hv.Mask(np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)))
DATA = hv.load_data(pd.DataFrame({"text": tiny_texts(24, seed=3), "label": tiny_labels(24, seed=3)}))
SIGNATURES = hv.signatures(SUBJECT, DATA, grid=4, nulls=1, probe=4)


def require_same_again(thing: Any, suffix: str, reopen: Any) -> None:
    with tempfile.TemporaryDirectory() as place:
        first, again = Path(place) / f"first{suffix}", Path(place) / f"again{suffix}"
        thing.save(first)
        reopen(first).save(again)
        assert first.read_bytes() == again.read_bytes()


@settings(max_examples=6)
@given(
    subject=st.sampled_from([SUBJECT, PRUNED]),
    entropy=st.sampled_from(["normalised", "raw"]),
    targets=st.sampled_from(["labels", "predicted"]),
    some=st.integers(1, 24),
)
def test_scores_that_are_opened_and_saved_are_the_same(
    subject: hv.Subject, entropy: str, targets: str, some: int
) -> None:
    scores = hv.score(subject, DATA, entropy=entropy, targets=targets).sample(some, seed=some)  # type: ignore[arg-type]
    require_same_again(scores, ".parquet", hv.open_scores)


@settings(max_examples=4)
@given(grid=st.integers(3, 6), nulls=st.integers(0, 2), probe=st.sampled_from([0, 4]), scored=st.booleans())
def test_signatures_that_are_opened_and_saved_are_the_same(grid: int, nulls: int, probe: int, scored: bool) -> None:
    made = hv.signatures(SUBJECT, DATA, grid=grid, nulls=nulls, probe=probe, with_scores=scored)
    require_same_again(made, ".npz", hv.open_signatures)


@settings(max_examples=6)
@given(
    preset=st.sampled_from(["headviz", "reference"]),
    degree=st.sampled_from([None, 1, 4]),
    guard=st.booleans(),
    count=st.none() | st.integers(1, 12),
    space=st.sampled_from(["pca", "features"]),
)
def test_plan_that_is_opened_and_saved_is_the_same(
    preset: Any, degree: int | None, guard: bool, count: int | None, space: str
) -> None:
    plan = hv.cahp(SIGNATURES, preset=preset, degree=degree, guard=guard, space=space)
    require_same_again(plan if count is None else plan.with_count(count), ".parquet", hv.open_plan)

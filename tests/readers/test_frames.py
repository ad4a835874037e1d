"""Objects in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from headviz.readers.frames import is_dataset, is_frame, read_dataset, read_frame


def test_frame_values_are_plain_and_missing_ones_none() -> None:
    frame = pd.DataFrame(
        {
            "text": ["a", None, np.nan],
            "label": [1.0, np.nan, 0.0],
            "kind": pd.Categorical(["x", None, "y"]),
            "count": pd.array([1, pd.NA, 3], dtype="Int64"),
        },
        index=[7, 7, 9],
    )
    table = read_frame(frame)
    assert [table.values(j) for j in range(4)] == [["a", None, None], [1.0, None, 0.0], ["x", None, "y"], [1, None, 3]]
    assert list(table.ids) == [0, 1, 2]


def test_frame_with_a_name_twice_gives_both_columns() -> None:
    table = read_frame(pd.DataFrame([["a", "b"]], columns=["text", "text"]))
    assert [table.values(0), table.values(1)] == [["a"], ["b"]]


def test_is_frame_knows_frames_and_their_subclasses() -> None:
    class Mine(pd.DataFrame):
        pass

    assert is_frame(pd.DataFrame()) and is_frame(Mine())
    assert not is_frame(pd.Series(dtype=object)) and not is_frame({"text": ["a"]}) and not is_frame("a.csv")


def test_dataset_brings_the_names_of_its_labels() -> None:
    datasets = pytest.importorskip("datasets", reason="the datasets library is not installed")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    dataset = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    assert is_dataset(dataset)
    table = read_dataset(dataset, "Dataset")
    assert [table.values(0), table.values(1), table.class_names] == [["a", "b"], [1, 0], {"label": ("no", "yes")}]

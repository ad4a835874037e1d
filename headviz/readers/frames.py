"""Objects in memory: pandas DataFrames and Hugging Face data sets. Neither library is imported here."""

from __future__ import annotations

from typing import Any

from headviz.readers.table import Table


def is_frame(source: object) -> bool:
    """Whether ``source`` is a pandas DataFrame."""
    kinds = type(source).__mro__
    return any(kind.__module__.split(".")[0] == "pandas" and kind.__name__ == "DataFrame" for kind in kinds)


def is_dataset(source: object) -> bool:
    """Whether ``source`` is a ``datasets.Dataset``."""
    return type(source).__module__.split(".")[0] == "datasets" and hasattr(source, "column_names")


def read_frame(frame: Any, source: str = "DataFrame") -> Table:
    """A DataFrame; rows are numbered by position, whatever the index. Missing values (NaN, NA, NaT) become None."""

    def values(j: int) -> list[Any]:
        series = frame.iloc[:, j]
        missing = series.isna().tolist()
        return [None if gone else value for value, gone in zip(series.tolist(), missing, strict=True)]

    names = tuple(str(name).strip() for name in frame.columns)
    return Table(source, names, range(len(frame)), len(frame), values)


def read_dataset(dataset: Any, source: str) -> Table:
    """A ``datasets.Dataset`` in memory, with the names of its ClassLabel columns."""
    names = tuple(dataset.column_names)
    features = dict(dataset.features or {})
    classes = [name for name in names if type(features.get(name)).__name__ == "ClassLabel"]
    named = {name: tuple(features[name].names) for name in classes}
    return Table(source, names, range(len(dataset)), len(dataset), lambda j: list(dataset[names[j]]), class_names=named)

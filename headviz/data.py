"""Examples to score and evaluate on: texts or pairs of texts with raw labels, as they stand in the source.

Reading is exact. Every row of the source is either here, under its own number, or in ``skipped`` with the reason;
what cannot be read is a `DataError`. Labels stay raw: they meet a model's labels in `headviz.labels`.
"""

from __future__ import annotations

import json
import operator
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from headviz.columns import RawLabel, Rows, extract
from headviz.demo import reviews
from headviz.errors import DataError
from headviz.provenance import hash_rows
from headviz.readers.bounds import UPLOAD
from headviz.readers.folder import SUFFIXES, find_split
from headviz.readers.source import Source, from_bytes, from_file, from_folder, from_object
from headviz.readers.table import Skipped, Table

if TYPE_CHECKING:
    import pandas as pd

LabelsOption = str | Mapping[Any, Any] | None
"""What ``labels=`` may be: None, "ids" or a mapping from raw values to the model's labels."""

_DEMOS = {"demo/reviews": reviews}

_HUB_ID = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?")


@dataclass(frozen=True, slots=True)
class Example:
    """One row: its number in the source (from 0), one text or two, and the label as the source has it."""

    id: int
    inputs: tuple[str, ...]
    label: RawLabel


@dataclass(frozen=True, eq=False, repr=False)
class Data:
    """Examples in the source's order; immutable, safe to share between threads. Made by `load_data`.

    - ``name``: the file's, folder's or data set's name, never a path; ``split``: the split that the rows are of, or
      None; ``splits``: all that the source has.
    - ``columns``: ``{"inputs": (names), "label": name or None}`` as taken; ``available``: every column of the source.
    - ``skipped``: rows of the source that were left out, each an ``(id, reason)``; ``notes``: sentences on what was
      taken for granted in reading, such as an encoding.
    - ``labels_option``: the ``labels`` of `load_data`; ``label_names``: the names of integer labels, or None.
    """

    name: str
    split: str | None
    splits: tuple[str, ...]
    _rows: Rows
    _labels_option: LabelsOption = None

    def __len__(self) -> int:
        return len(self._rows.ids)

    @overload
    def __getitem__(self, position: int) -> Example: ...

    @overload
    def __getitem__(self, position: slice) -> Data: ...

    def __getitem__(self, position: int | slice) -> Example | Data:
        if isinstance(position, slice):
            return self.take(range(*position.indices(len(self))))
        rows, at = self._rows, operator.index(position)
        return Example(rows.ids[at], rows.inputs[at], rows.labels[at])

    def __iter__(self) -> Iterator[Example]:
        return map(Example, self._rows.ids, self._rows.inputs, self._rows.labels)

    def __repr__(self) -> str:
        split = f", split {self.split!r}" if self.split else ""
        return f"<Data {self.name!r}{split}: {len(self)} rows, {len(self.skipped)} skipped, columns {self.columns}>"

    @property
    def columns(self) -> dict[str, Any]:
        inputs, label = self._rows.columns
        return {"inputs": inputs, "label": label}

    @property
    def available(self) -> tuple[str, ...]:
        return self._rows.available

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        return tuple(self._rows.skipped)

    @property
    def notes(self) -> tuple[str, ...]:
        return self._rows.notes

    @property
    def ids(self) -> np.ndarray:
        """(N,) int64: each row's number in the source, from 0."""
        return np.array(self._rows.ids, dtype=np.int64)

    @property
    def inputs(self) -> list[tuple[str, ...]]:
        """N tuples of one or two texts."""
        return list(self._rows.inputs)

    @property
    def raw_labels(self) -> list[RawLabel]:
        """N labels as the source has them: a name, a whole number, or None for a row without one."""
        return list(self._rows.labels)

    @property
    def label_names(self) -> tuple[str, ...] | None:
        return self._rows.label_names

    @property
    def labels_option(self) -> LabelsOption:
        return dict(self._labels_option) if isinstance(self._labels_option, Mapping) else self._labels_option

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of SHA-256 over ids, texts and labels (by name where they have one) of these rows, and over
        ``labels_option``: two data sets with the same fingerprint give the same scores."""
        return hash_rows(self._lines())

    def take(self, indices: Iterable[int]) -> Data:
        """The rows at these positions (not ids), in this order; repeats are allowed."""
        rows, chosen = self._rows, [operator.index(i) for i in indices]
        return replace(
            self,
            _rows=replace(
                rows,
                ids=[rows.ids[i] for i in chosen],
                inputs=[rows.inputs[i] for i in chosen],
                labels=[rows.labels[i] for i in chosen],
            ),
        )

    def halves(self, seed: int = 0) -> tuple[Data, Data]:
        """Two disjoint halves, drawn with ``seed`` within each label, each in the source's order.

        Rows of the same text are all in one half. Of texts that stand once, the halves' sizes differ by at most one
        row, and so do the counts of every label.
        """
        generator = _generator(seed)
        alike: dict[tuple[str, ...], list[int]] = {}
        for position, inputs in enumerate(self._rows.inputs):
            alike.setdefault(inputs, []).append(position)
        groups: dict[RawLabel, list[int]] = {}
        for first, *_ in alike.values():
            groups.setdefault(self._rows.labels[first], []).append(first)
        drawn = [position for group in groups.values() for position in generator.permutation(group).tolist()]
        halves = (
            sorted(position for first in half for position in alike[self._rows.inputs[first]])
            for half in (drawn[::2], drawn[1::2])
        )
        one, other = map(self.take, halves)
        return one, other

    def without(self, other: Data) -> Data:
        """The rows whose texts ``other`` does not have, in order; itself where none of them is there."""
        seen = set(other._rows.inputs)
        stays = [position for position, inputs in enumerate(self._rows.inputs) if inputs not in seen]
        return self if len(stays) == len(self) else self.take(stays)

    def with_labels(self, labels: LabelsOption) -> Data:
        """The same rows with another ``labels`` option, as if `load_data` had been given it."""
        return replace(self, _labels_option=_checked_labels(labels))

    def frame(self) -> pd.DataFrame:
        """pandas: one row an example, indexed by ``id``, with the columns as taken."""
        import pandas as pd

        inputs, label = self._rows.columns
        index = pd.Index(self._rows.ids, name="id", dtype="int64")
        frame = pd.DataFrame(self._rows.inputs, columns=list(inputs), index=index)
        frame[label or "label"] = pd.Series(self._rows.labels, index=index, dtype=object)
        return frame

    def _lines(self) -> Iterator[bytes]:
        names = self.label_names
        for row, inputs, label in zip(self._rows.ids, self._rows.inputs, self._rows.labels, strict=True):
            named = names is not None and isinstance(label, int) and 0 <= label < len(names)
            yield json.dumps([row, inputs, names[label] if named else label]).encode()  # type: ignore[index]
        if self._labels_option is not None:
            option = self._labels_option
            pairs = sorted([str(k), str(v)] for k, v in option.items()) if isinstance(option, Mapping) else option
            yield json.dumps(pairs).encode()


def load_data(
    source: Any,
    *,
    split: str | None = None,
    inputs: str | Iterable[str] | None = None,
    label: str | None = None,
    labels: LabelsOption = None,
    limit: int | None = None,
    seed: int = 0,
    offline: bool = False,
) -> Data:
    """Read examples from ``source``.

    source: ``"demo/reviews"``; a .csv, .tsv, .jsonl, .json, .parquet, .xlsx or .txt file (one text a line), those of
        text also as .gz; a folder of such files named after their splits, of ``datasets.save_to_disk``, or of one text
        a file below a folder per class; a pandas DataFrame or ``datasets.Dataset``; the id of a Hugging Face data set.
        What exists as a local path wins over a hub id.
    split: which split, or sheet of a workbook; None for the only split there is, or the first sheet.
    inputs, label: one column name, or two for pairs of texts (also as one text with a comma between), and the label's
        column; None to guess them where one reading is possible. In a file without header line columns are called
        "0", "1", ...
    labels: how labels become the model's: by name (None), ``"ids"`` for integers that are the model's own ids, or a
        mapping from raw values to the model's labels.
    limit: at most so many rows, drawn without replacement and kept in the source's order. The draw depends on ``seed``
        and the number of rows alone, and a smaller limit takes a subset of a larger one's rows.
    offline: never ask the network.

    Raises `DataError` for whatever cannot be read as it stands.
    """
    return _load(open_source(source, offline), split, inputs, label, labels, limit, seed)


def require_data(data: Any) -> None:
    """Raises `DataError` unless ``data`` is what `load_data` gives."""
    if not isinstance(data, Data):
        raise DataError(
            f"data must be what hv.load_data gives. Got a {type(data).__name__}: read it with hv.load_data."
        )


def splits_of(source: Any, *, offline: bool = False) -> tuple[str, ...]:
    """The names that ``split`` of `load_data` may have for ``source``, train first; () where it has no splits."""
    return split_names(open_source(source, offline))


def split_names(source: Source) -> tuple[str, ...]:
    """The splits of an opened source, () where it has none: the sheets of a workbook are none."""
    return () if source.default is not None else tuple(name for name in source.splits if name)


def read_upload(
    name: str,
    content: bytes,
    *,
    split: str | None = None,
    inputs: str | Iterable[str] | None = None,
    label: str | None = None,
    labels: LabelsOption = None,
    limit: int | None = None,
    seed: int = 0,
) -> Data:
    """A file's ``content`` under the rules of `load_data`, within the narrower bounds of uploads. ``name`` only tells
    its kind: nothing is written to disk."""
    return _load(from_bytes(name, content, UPLOAD), split, inputs, label, labels, limit, seed)


def _load(
    source: Source,
    split: str | None,
    inputs: str | Iterable[str] | None,
    label: str | None,
    labels: LabelsOption,
    limit: int | None,
    seed: int,
) -> Data:
    option, wanted = _checked_labels(labels), _checked_inputs(inputs)
    chosen = find_split(source.default if split is None else split, list(source.splits), source.name)
    rows = extract(source.splits[chosen](), wanted, None if label is None else str(label))
    return _drawn(Data(source.name, chosen or None, split_names(source), rows, option), limit, seed)


def open_source(source: Any, offline: bool) -> Source:
    """What lies behind a name, a path or an object."""
    if not isinstance(source, (str, os.PathLike)):
        found = from_object(source)
        if found is None:
            raise DataError(
                f"load_data cannot read a {type(source).__name__}. Give a path, a name or a pandas DataFrame."
            )
        return found
    name = os.fspath(source)
    if name in _DEMOS:
        return _demo(name)
    path = os.path.expanduser(name)
    if os.path.isdir(path):
        return from_folder(Path(path), Path(path).resolve().name or path)
    if os.path.exists(path):
        return from_file(Path(path))
    if name.startswith("demo/"):
        raise DataError(f"There is no demo {name!r}. Known are {', '.join(_DEMOS)}.")
    if not isinstance(source, str) or not _HUB_ID.fullmatch(name) or name.lower().endswith(SUFFIXES):
        raise DataError(f"There is no file or folder {name!r}. Check the path.")
    return _hub(name, offline)


def _demo(name: str) -> Source:
    demo = _DEMOS[name]

    def tables(split: str) -> list[Table]:
        rows = demo.rows(split)
        return [Table(name, ("text", "label"), range(len(rows)), len(rows), lambda j: [row[j] for row in rows])]

    return Source(name, {split: partial(tables, split) for split in demo.SPLITS})


def _hub(name: str, offline: bool) -> Source:
    from headviz.hub import resolve

    return from_folder(resolve(name, offline=offline, kind="dataset").folder, name)


def _drawn(data: Data, limit: int | None, seed: int) -> Data:
    generator = _generator(seed)
    if limit is None:
        return data
    if isinstance(limit, bool) or not isinstance(limit, (int, np.integer)) or limit < 1:
        raise DataError(f"limit must be a whole number of rows, at least 1. Got {limit!r}.")
    return data.take(sorted(generator.permutation(len(data))[:limit].tolist())) if limit < len(data) else data


def _generator(seed: int) -> np.random.Generator:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise DataError(f"seed must be a whole number, at least 0. Got {seed!r}.")
    return np.random.default_rng(int(seed))


def _checked_inputs(inputs: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if inputs is None:
        return None
    given = (inputs,) if isinstance(inputs, (str, int)) else tuple(inputs)
    if not 1 <= len(given) <= 2:
        raise DataError(f"inputs must be one column name, or two for pairs of texts. Got {len(given)}.")
    return tuple(str(name) for name in given)


def _checked_labels(labels: LabelsOption) -> LabelsOption:
    if labels is None or labels == "ids":
        return labels
    if isinstance(labels, Mapping) and labels:
        return dict(labels)
    raise DataError(f'labels must be None, "ids" or a mapping such as {{"0": "negative"}}. Got {labels!r:.60}.')

"""Labels meet a model: raw labels of the data to the model's class ids, by name wherever there are names.

Published models of one task differ in the order of their labels, so an integer says nothing unless the caller says
that it is the model's own id. Two names are the same when they agree without case, spaces, ``_`` and ``-``, and however
their accents are composed. A text that spells a number is a name where the model has it, else an integer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz.columns import RawLabel, numeral
from headviz.errors import DataError

if TYPE_CHECKING:
    from headviz.data import Data


def match_labels(data: Data, model_labels: Sequence[str]) -> np.ndarray:
    """The model's class id of every row: (N,) int64, 0 to C-1.

    An entry of ``labels={raw: model label}`` wins; then a name of the data is looked up among ``model_labels``; an
    integer without a name is an id only with ``labels="ids"`` or where the model's labels are ``LABEL_0`` and so on.
    Raises `DataError` that names the row for a missing label, one that the model does not have, and one that cannot be
    decided.
    """
    rule = _Rule(data, tuple(model_labels))
    rule.require_labels()
    found: dict[RawLabel, int] = {}
    result = np.empty(len(data), dtype=np.int64)
    for position, raw in enumerate(data.raw_labels):
        if raw not in found:
            found[raw] = rule.class_id(raw, data[position].id)
        result[position] = found[raw]
    return result


def needs_choice(data: Data, model_labels: Sequence[str]) -> bool:
    """Whether ``labels="ids"`` or a mapping has to be given first: the labels are integers, and neither a name of
    theirs nor the model tells which class each of them is."""
    if data.labels_option is not None:
        return False
    rule = _Rule(data, tuple(model_labels))
    raws = {raw for raw in data.raw_labels if raw is not None}
    if not raws or any(numeral(raw) is None for raw in raws) or rule.is_unlabelled:
        return False
    return any(not rule.is_decided(raw) for raw in raws)


def is_unlabelled(data: Data, model_labels: Sequence[str]) -> bool:
    """Whether no row of ``data`` has a label: the column is empty or holds nothing but one mark such as -1."""
    return _Rule(data, tuple(model_labels)).is_unlabelled


def is_nameless(model_labels: Sequence[str]) -> bool:
    """Whether the model's labels are only its ids: LABEL_0, LABEL_1, ... or 0, 1, ..."""
    return all(_plain(label) in (f"label{i}", str(i)) for i, label in enumerate(model_labels))


def are_ids(data: Data, model_labels: Sequence[str]) -> bool:
    """Whether the labels of ``data`` are taken for the model's own ids, with no name to tell them by."""
    if data.labels_option == "ids":
        return True
    return data.labels_option is None and data.label_names is None and is_nameless(model_labels)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", re.sub(r"[\s_-]+", "", unicodedata.normalize("NFC", name)).casefold())


_NO_LABEL = frozenset({"", "-1", "-100", "?", "n/a", "na", "nan", "none", "null", "unlabelled", "unlabeled"})
"""What stands in the label column of splits that are published without their labels, in lower case."""


class _Rule:
    """How raw labels of one data set become ids of one model."""

    def __init__(self, data: Data, model_labels: tuple[str, ...]) -> None:
        self.data, self.model_labels = data, model_labels
        self.nameless = is_nameless(model_labels)
        self.names = data.label_names
        option = data.labels_option
        self.ids = option == "ids"
        self.mapping = {_key(raw): target for raw, target in option.items()} if isinstance(option, Mapping) else {}
        self.by_name: dict[str, list[int]] = {}
        for i, label in enumerate(model_labels):
            self.by_name.setdefault(_plain(label), []).append(i)

    @cached_property
    def _raws(self) -> set[RawLabel]:
        return set(self.data.raw_labels)

    @cached_property
    def is_unlabelled(self) -> bool:
        """Whether the label column holds nothing but one mark of a missing label, such as -1."""
        if not self._raws or not all(
            str("" if raw is None else raw).strip().lower() in _NO_LABEL for raw in self._raws
        ):
            return False
        marks = {str(raw).strip().lower() for raw in self._raws if raw is not None}
        return len(marks) <= 1 and not any(_key(raw) in self.mapping or self._is_a_name(raw) for raw in self._raws)

    def _is_a_name(self, raw: RawLabel) -> bool:
        if numeral(raw) is not None:
            return self._spelled(raw) is not None
        return isinstance(raw, str) and bool(self._ids_named(raw))

    def require_labels(self) -> None:
        """Raises DataError where the column of the labels is there, and no row has one."""
        column = self.data.columns["label"]
        if column is None or len(self.data) < 2 or not self.is_unlabelled:
            return
        mark = next((raw for raw in self._raws if raw is not None), None)
        holds = "is empty" if mark is None else f"holds {mark!r:.20}"
        raise DataError(
            f"No row of {self.data.name} has a label: column {column!r} {holds} in every row, as in splits that are "
            'published without their labels. Take a split with labels; scoring needs none with targets="predicted".'
        )

    def class_id(self, raw: RawLabel, row: int) -> int:
        if raw is None:
            raise self._unlabelled(row)
        number = numeral(raw)
        if self.ids:
            return self._own_id(number, raw, row)
        if _key(raw) in self.mapping:
            return self._target(self.mapping[_key(raw)], raw, row)
        name = self._name(raw, row)
        if name is None:
            if self.nameless:
                return self._own_id(number, raw, row)
            raise self._undecided(raw, row)
        if _key(name) in self.mapping:
            return self._target(self.mapping[_key(name)], raw, row)
        found = self._ids_named(name)
        if len(found) == 1:
            return found[0]
        if found:
            same = ", ".join(repr(self.model_labels[i]) for i in found)
            raise DataError(
                f"Row {row}: label {name!r} may be any of the model's labels {same}. "
                f"Say which with labels={{{name!r}: ...}}."
            )
        raise self._unknown(name, raw, row)

    def is_decided(self, raw: RawLabel) -> bool:
        number = numeral(raw)
        if self.names is None and self._spelled(raw) is not None:
            return True
        if self.names is None or number is None or not 0 <= number < len(self.names):
            return self.nameless
        return len(self._ids_named(self.names[number])) == 1

    def _name(self, raw: RawLabel, row: int) -> str | None:
        """The name that ``raw`` is or has in the data; None for an integer without one."""
        number = numeral(raw)
        if number is None:
            return str(raw)
        if self.names is None:
            return self._spelled(raw)
        if not 0 <= number < len(self.names):
            raise DataError(
                f"Row {row}: label {raw} has no name; the data names 0 to {len(self.names) - 1} "
                f"({_listed(self.names)}). Mend the row."
            )
        return self.names[number]

    def _spelled(self, raw: RawLabel) -> str | None:
        """A text that spells a number, as the name that it is of one label of the model; None for what is none."""
        if not isinstance(raw, str):
            return None
        forms = (raw, str(numeral(raw)))  # pandas writes 1.0 where a column has gaps
        return next((form for form in forms if self._is_number_of_a_label(form, numeral(raw))), None)

    def _is_number_of_a_label(self, form: str, number: int | None) -> bool:
        """Whether ``form`` names one label, and that label is the same ``number``: "-1" is not "1", although names are
        compared without "-"."""
        found = self._ids_named(form)
        return len(found) == 1 and (number is None or numeral(self.model_labels[found[0]]) == number)

    def _ids_named(self, name: str) -> list[int]:
        name = unicodedata.normalize("NFC", name)
        exact = [i for i, label in enumerate(self.model_labels) if unicodedata.normalize("NFC", label) == name]
        plain = _plain(name)
        return exact if len(exact) == 1 else self.by_name.get(plain, []) if plain else []

    def _target(self, target: Any, raw: RawLabel, row: int) -> int:
        if isinstance(target, int) and 0 <= target < len(self.model_labels):
            return target
        found = self._ids_named(target) if isinstance(target, str) else []
        if len(found) == 1:
            return found[0]
        raise DataError(
            f"Row {row}: labels={{{raw!r}: {target!r}}} names no label of the model. "
            f"The model's labels are {_listed(self.model_labels)}; map to one of these."
        )

    def _own_id(self, number: int | None, raw: RawLabel, row: int) -> int:
        count = len(self.model_labels)
        if number is not None and 0 <= number < count:
            return number
        there = (
            f"Row {row}: label {raw!r} is not one of the model's ids, 0 to {count - 1} ({_listed(self.model_labels)})."
        )
        numbers = self._numbers
        if numbers and min(numbers) == 1 and max(numbers) == count:
            raise DataError(
                f"{there} The data has 1 to {count}, which may count from 1. "
                f"Give a mapping such as {self._example(raw)}, or mend the rows."
            )
        if str(raw).strip().lower() in _NO_LABEL:
            raise DataError(f"{there} If {raw!r} marks rows without a label, leave them out.")
        raise DataError(f"{there} Give a mapping such as {self._example(raw)}, or mend the row.")

    @cached_property
    def _numbers(self) -> set[int]:
        """The labels of the data as integers; empty where one is none."""
        numbers = {numeral(raw) for raw in self._raws if raw is not None}
        return {number for number in numbers if number is not None} if None not in numbers else set()

    def _example(self, raw: RawLabel) -> str:
        """How to write a mapping, with what ``raw`` means only where that is sure: the numbers in the model's names
        are the data's, all of them ("1 star" to "5 stars" beside 1 to 5)."""
        number = numeral(raw)
        told = str(raw) if number is None else str(number)
        in_names = [re.findall(r"\d+", label) for label in self.model_labels]
        spelled = [int(found[0]) for found in in_names if len(found) == 1 and len(found[0]) < 10]
        if number is None or len(set(spelled)) < len(self.model_labels) or set(spelled) != self._numbers:
            return f"labels={{{told!r}: ...}}"
        return f"labels={{{told!r}: {self.model_labels[spelled.index(number)]!r}, ...}}"

    def _unlabelled(self, row: int) -> DataError:
        column = self.data.columns["label"]
        if column is None:
            return DataError(
                f"{self.data.name} has no label column, so row {row} has no label; its columns are "
                f'{_listed(self.data.available)}. Name the label\'s with label=, or score with targets="predicted".'
            )
        return DataError(
            f"Row {row} of {self.data.name} has no label in column {column!r}. Give it one or leave the row out; "
            'scoring needs none with targets="predicted".'
        )

    def _undecided(self, raw: RawLabel, row: int) -> DataError:
        return DataError(
            f"Row {row}: label {raw} is an integer without a name, and the data has only {self._of_data()} where the "
            f'model has {_listed(self.model_labels)}. Pass labels="ids" if the integers are the model\'s own ids, or '
            f"a mapping such as {self._example(raw)}."
        )

    def _unknown(self, name: str, raw: RawLabel, row: int) -> DataError:
        ids = ' or labels="ids" if the integers are the model\'s own ids,' if numeral(raw) is not None else ""
        return DataError(
            f"Row {row}: label {name!r} is not one of the model's: {_listed(self.model_labels)}; the data has "
            f"{self._of_data()}. Pass labels={{{name!r}: ...}} with one of the model's labels,{ids} or remove the row."
        )

    def _of_data(self) -> str:
        if self.names is not None:
            return _listed(self.names)
        numbers = [raw for raw in self._raws if isinstance(raw, int)]
        names = [raw for raw in self._raws if isinstance(raw, str)]
        return _listed([str(raw) for raw in (*sorted(numbers), *sorted(names))])


def _key(raw: Any) -> str:
    """Keys of the mapping meet raw labels as text, whole numbers without their form: 1, "1" and 1.0 are one key."""
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    number = numeral(raw) if isinstance(raw, str) or type(raw) is int else None
    return unicodedata.normalize("NFC", str(raw)) if number is None else str(number)


def _listed(names: Sequence[str], most: int = 12) -> str:
    told = ", ".join(name[:40] for name in names[:most])
    return f"{told} and {len(names) - most} more" if len(names) > most else told

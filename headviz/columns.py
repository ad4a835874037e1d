"""Which columns hold the texts and the label, and their values as texts and raw labels.

Columns are guessed by name and only where one reading is possible; a file without a header line is recognised only
where its own rows leave no doubt, else columns are named by number ("0", "1", ...).
"""

from __future__ import annotations

import difflib
import numbers
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headviz.errors import DataError
from headviz.readers.table import ChoiceError, Skipped, Table

SINGLES = ("text", "sentence", "review", "content")
PAIRS = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
)
LABELS = ("label", "labels", "target", "sentiment", "class", "gold_label")
_LOOKED_AT, _COLUMNS_LOOKED_AT = 200, 200
_KNOWN = {*SINGLES, *LABELS, *(name for pair in PAIRS for name in pair)}
_INK = re.compile(r"[^\s\u200b-\u200d\u2060\ufeff]").search  # finds what is neither space nor of no width
_NUMERAL = re.compile(r"\s*([+-]?[0-9]{1,18})(\.0*)?\s*")

RawLabel = str | int | None


@dataclass(frozen=True)
class Rows:
    """The rows of one split, in the source's order: columns as taken, then one entry a row."""

    columns: tuple[tuple[str, ...], str | None]
    ids: list[int]
    inputs: list[tuple[str, ...]]
    labels: list[RawLabel]
    skipped: list[Skipped]
    label_names: tuple[str, ...] | None
    available: tuple[str, ...]
    notes: tuple[str, ...] = ()


def numeral(label: RawLabel) -> int | None:
    """The whole number that ``label`` is or spells ("1", "1.0"); None for a name."""
    if isinstance(label, str):
        spelled = _NUMERAL.fullmatch(label)
        return int(spelled[1]) if spelled else None
    return label


def extract(tables: Sequence[Table], inputs: tuple[str, ...] | None, label: str | None) -> Rows:
    """The texts and labels of ``tables``, which are the files of one split one after another.

    ``inputs`` and ``label`` are the caller's column names, None to guess. Raises `DataError` for columns that are
    missing, doubtful or twice there, for values that are neither text nor label, and for files that disagree.
    """
    asked = [*(inputs or ()), label or ""]
    first_line_counts = any(part.strip().isdecimal() for name in asked for part in name.split(","))
    if not any(len(table.ids) for table in tables) and not first_line_counts:
        raise DataError(f"{tables[0].source} has no rows. Give data with at least one text.")
    parts: list[Rows] = []
    start = 0
    for table in tables:
        chosen, texts_at, label_at = _choose(table, inputs, label)
        parts.append(_extract(chosen, texts_at, label_at, start))
        start += chosen.length
        first = parts[0]
        if parts[-1].columns != first.columns or parts[-1].label_names != first.label_names:
            raise ChoiceError(
                f"{table.source} has other columns or label names than {tables[0].source} of the same split. "
                "Give one of the files itself."
            )
    rows = Rows(
        first.columns,
        [one for part in parts for one in part.ids],
        [one for part in parts for one in part.inputs],
        [one for part in parts for one in part.labels],
        [one for part in parts for one in part.skipped],
        first.label_names,
        first.available,
        tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    )
    if not rows.ids:
        why = f" ({rows.skipped[0].reason})" if rows.skipped else ""
        raise ChoiceError(f"{tables[0].source} has no rows that can be used{why}. Give data with at least one text.")
    return rows


def _extract(table: Table, texts_at: tuple[int, ...], label_at: int | None, start: int) -> Rows:
    columns = tuple(table.names[j] for j in texts_at), None if label_at is None else table.names[label_at]
    texts = [_texts(table, j) for j in texts_at]
    names = table.class_names.get(table.names[label_at]) if label_at is not None else None
    labels = _labels(table, label_at, names is not None)
    ids = [start + row for row in table.ids]
    skipped = [Skipped(start + row, reason) for row, reason in table.skipped]
    rows = list(zip(*texts, strict=True))
    if any(None in column for column in texts):
        for row, number in zip(rows, ids, strict=True):
            if None in row:
                skipped.append(Skipped(number, f"no text in column {columns[0][row.index(None)]!r}"))
        skipped.sort()
        kept = [position for position, row in enumerate(rows) if None not in row]
        ids, rows, labels = [ids[i] for i in kept], [rows[i] for i in kept], [labels[i] for i in kept]
    return Rows(columns, ids, rows, labels, skipped, names, table.names)


def _choose(
    table: Table, inputs: tuple[str, ...] | None, label: str | None
) -> tuple[Table, tuple[int, ...], int | None]:
    """The table to read (with or without its first line as header) and the positions of inputs and label."""
    inputs = _parted(table, inputs)
    asked = [*(inputs or ()), *([label] if label is not None else [])]
    if table.headless is not None and asked and all(name.isdecimal() for name in asked):
        default_names = table.names == tuple(str(j) for j in range(len(table.names)))
        if not default_names and not any(name.casefold() in _KNOWN for name in table.names):
            return _numbered(table.headless(), inputs, label)
    if table.headless is not None and not asked and _guess_inputs(table.names) == []:
        unnamed = table.headless()
        pair = _text_and_label(unnamed)
        if pair is not None:
            return unnamed, (pair[0],), pair[1]
    label_at = None if label is None else _position(table, label)
    texts_at = tuple(_position(table, name) for name in inputs) if inputs else _guessed_inputs(table, label_at)
    if label_at is None:
        label_at = _guessed_label(table, texts_at)
    if label_at in texts_at or len(set(texts_at)) < len(texts_at):
        raise ChoiceError(f"{table.source}: column {table.names[texts_at[0]]!r} is asked for twice. Name another one.")
    return table, texts_at, label_at


def _numbered(
    table: Table, inputs: tuple[str, ...] | None, label: str | None
) -> tuple[Table, tuple[int, ...], int | None]:
    """A table without header line, its columns given by number; with the label's number alone, two columns leave one
    for the text."""
    label_at = None if label is None else _position(table, label)
    if inputs:
        return table, tuple(_position(table, name) for name in inputs), label_at
    others = [j for j in range(len(table.names)) if j != label_at]
    if len(others) != 1:
        raise ChoiceError(
            f'{table.source} has {len(table.names)} columns; say which holds the text, such as inputs="0".'
        )
    return table, (others[0],), label_at


def _parted(table: Table, inputs: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """A name with a comma in it that is no column, as two names."""
    if inputs is None or len(inputs) != 1 or "," not in inputs[0] or _found(table, inputs[0]):
        return inputs
    parts = tuple(part.strip() for part in inputs[0].split(","))
    return parts if len(parts) == 2 and all(parts) else inputs


def _found(table: Table, name: str) -> list[int]:
    """The columns of that name, however its accents are composed."""
    exact = [j for j, one in enumerate(table.names) if one == name]
    composed = unicodedata.normalize("NFC", name)
    return exact or [j for j, one in enumerate(table.names) if unicodedata.normalize("NFC", one) == composed]


def _position(table: Table, name: str) -> int:
    found = _found(table, name)
    if len(found) == 1:
        return found[0]
    if found:
        by_number = f', or name it by number, such as "{found[0]}"' if table.headless is not None else ""
        raise ChoiceError(f"{table.source} has {len(found)} columns called {name!r}. Rename one{by_number}.")
    if name.isdecimal() and int(name) < len(table.names) and table.headless is not None:
        return int(name)
    close = difflib.get_close_matches(name, table.names, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Name one of these{_by_number(table)}."
    raise ChoiceError(f"{table.source} has no column {name!r}; it has {_listed(table.names)}. {hint}")


def guesses(table: Table) -> tuple[tuple[int, ...] | None, int | None]:
    """Where texts and label stand, as far as one reading is possible; None for what cannot be told."""
    try:
        inputs = _guessed_inputs(table, None)
    except DataError:
        inputs = None
    try:
        return inputs, _guessed_label(table, inputs or ())
    except DataError:
        return inputs, None


def _guess_inputs(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every reading of the input columns that the names allow, as lower-case names."""
    there = {name.casefold() for name in names}
    pairs: list[tuple[str, ...]] = [pair for pair in PAIRS if there.issuperset(pair)]
    return pairs + [(one,) for one in SINGLES if one in there and not any(one in pair for pair in pairs)]


def _guessed_inputs(table: Table, label_at: int | None) -> tuple[int, ...]:
    names = tuple("" if j == label_at else name for j, name in enumerate(table.names))
    readings = _guess_inputs(names)
    if len(readings) > 1:
        told = " or ".join("/".join(reading) for reading in readings)
        raise ChoiceError(f"{table.source}: the text may be in {told}. Say which with inputs=.")
    if names and "," in names[0] and len(names) == 1 and table.headless is not None:
        raise ChoiceError(
            f"{table.source} has one column, {names[0][:60]!r}. If commas separate its fields, name it .csv."
        )
    if not readings:
        raise ChoiceError(
            f"{table.source} has no column with a known name for the text; its columns are {_listed(table.names)}. "
            f"Say which to take{_such_as(table)}."
        )
    folded = [name.casefold() for name in names]
    return tuple(_position(table, table.names[folded.index(name)]) for name in readings[0])


def wordiest(table: Table) -> int | None:
    """The column whose values are most like texts: letters, and words by the look of a few rows; None without any."""
    words = [_words(table.values(j)[:_LOOKED_AT]) for j in range(min(len(table.names), _COLUMNS_LOOKED_AT))]
    return max(range(len(words)), key=words.__getitem__) if any(words) else None


def _words(values: list[Any]) -> float:
    """The mean number of words with a letter in them; that of labels, which come again, counts as less."""
    texts = [value for value in values if isinstance(value, str)]
    if not texts:
        return 0.0
    words = sum(any(map(str.isalpha, word)) for text in texts for word in text.split()[:200])
    return words / len(values) * len(set(texts)) / len(texts)


def _such_as(table: Table) -> str:
    best = wordiest(table)
    if best is None:
        return _by_number(table)
    name = table.names[best]
    if name and len(_found(table, name)) == 1:
        return f', such as inputs="{name}"{_by_number(table)}'
    return f', such as inputs="{best}" (columns by number, from 0)' if table.headless is not None else ""


def _guessed_label(table: Table, texts_at: tuple[int, ...]) -> int | None:
    found = [j for j, name in enumerate(table.names) if name.casefold() in LABELS and j not in texts_at]
    found = found or [j for j, name in enumerate(table.names) if name in table.class_names and j not in texts_at]
    if len(found) > 1:
        raise ChoiceError(
            f"{table.source}: the label may be in {' or '.join(table.names[j] for j in found)}. Say which with label=."
        )
    return _position(table, table.names[found[0]]) if found else None


def _text_and_label(table: Table) -> tuple[int, int] | None:
    """Positions of text and label in two columns whose first line is surely a row: each value of the one, the first
    included, comes again and there are few of them; the other holds words that hardly ever come again."""
    if len(table.names) != 2 or len(table.ids) < 4:
        return None
    columns = [table.values(0), table.values(1)]
    counts = [Counter(column) for column in columns]
    labels = [j for j in (0, 1) if 2 <= len(counts[j]) <= 50 and min(counts[j].values()) > 1]
    if len(labels) != 1:
        return None
    text = 1 - labels[0]
    wordy = sum(any(letter.isalpha() for letter in value) for value in counts[text]) * 2 > len(columns[text])
    return (text, labels[0]) if wordy and "" not in counts[labels[0]] else None


def _texts(table: Table, j: int) -> list[str | None]:
    values = table.values(j)
    if not all(type(value) is str and _INK(value) for value in values):
        values = [_text(value, table, j, row) for value, row in zip(values, table.ids, strict=True)]
    for value, row in zip(values, table.ids, strict=True):
        if value is not None and not value.isascii() and not _is_unicode(value):
            raise ChoiceError(
                f"{table.source}, row {row}: column {table.names[j]!r} holds half of a character (a lone surrogate). "
                "Mend the text."
            )
    return values


def _text(value: Any, table: Table, j: int, row: int) -> str | None:
    """The text, None for a missing one and for one of nothing but spaces: a blank cell is no text in any format."""
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, str):
        return str(value) if _INK(value) else None
    raise ChoiceError(
        f"{table.source}, row {row}: column {table.names[j]!r} holds {value!r:.40}, which is not a text. "
        "Name another column with inputs=, or turn this one into text first."
    )


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _labels(table: Table, j: int | None, named: bool) -> list[RawLabel]:
    if j is None:
        return [None] * len(table.ids)
    known: dict[tuple[type, Any], RawLabel] = {}
    labels: list[RawLabel] = []
    for value, row in zip(table.values(j), table.ids, strict=True):
        try:
            key = (type(value), value)
            if key not in known:
                known[key] = _label(value, named)
        except TypeError as error:
            raise ChoiceError(
                f"{table.source}, row {row}: column {table.names[j]!r} holds {value!r:.40}; "
                "a label is a name or a whole number, one a row."
            ) from error
        labels.append(known[key])
    return labels


def _label(value: Any, named: bool) -> RawLabel:
    """None for what is missing, an int for whole numbers (1.0 too: pandas makes floats of integers beside NaN), else
    the name. In a column with ``named`` integers, "1" is an integer and -1 means no label, as in Hugging Face data."""
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, str):
        if not value.strip():
            return None
        number = numeral(value) if named else None
        return _label(number, named) if number is not None else str(value)
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return str(bool(value))
    if isinstance(value, numbers.Integral):
        return None if named and int(value) == -1 else int(value)
    if isinstance(value, numbers.Real):
        real = float(value)
        return _label(int(real), named) if real.is_integer() else str(real)
    raise TypeError(f"{type(value).__name__} is no label")


def _listed(names: Sequence[str], most: int = 20) -> str:
    told = ", ".join(repr(name[:40]) for name in names[:most])
    return f"{told} and {len(names) - most} more" if len(names) > most else told or "none"


def _by_number(table: Table) -> str:
    if table.headless is None:
        return ""
    return ', or, if the file has no header line, give columns by number, from 0: inputs="0", label="1"'

"""What every reader returns: columns of raw values, the rows' numbers in the source, and the rows left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from headviz.errors import DataError

BLANK = "blank line"


class ChoiceError(DataError):
    """Columns or splits that are missing, in doubt or of the wrong kind: choosing others may mend it."""


class Skipped(NamedTuple):
    """A row that was left out: its number in the source, counted from 0, and why."""

    id: int
    reason: str


@dataclass(frozen=True)
class Table:
    """One file, frame or shard.

    ``values(j)`` gives column ``j`` as a list, made when asked for, so that columns nobody wants cost nothing.
    ``ids`` are the numbers of these rows in the source; ``length`` counts the skipped ones too.
    ``class_names`` names the integers of a column, as a Hugging Face ClassLabel does.
    ``headless`` is the same file read as one whose first line is a row; None where a format always names its columns.
    ``notes``: sentences on what was taken for granted in reading.
    """

    source: str
    names: tuple[str, ...]
    ids: Sequence[int]
    length: int
    values: Callable[[int], list[Any]]
    skipped: tuple[Skipped, ...] = ()
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    headless: Callable[[], Table] | None = None
    notes: tuple[str, ...] = ()


_FEW = 1000


def interned() -> Callable[[bytes], str]:
    """A decoder of UTF-8 that gives values that come again, as labels do, as one and the same string."""
    known: dict[bytes, str] = {}

    def decoded(value: bytes) -> str:
        found = known.get(value)
        if found is None:
            found = value.decode()
            if len(known) < _FEW:
                known[value] = found
        return found

    return decoded

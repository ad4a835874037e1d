"""CSV files for people who open them in a spreadsheet, which takes some texts for formulas and runs them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # also of full width


def csv_of(table: pd.DataFrame) -> bytes:
    """``table`` as CSV in UTF-8, without its index. A text that a spreadsheet would run, in a cell or as a column's
    name, gets an apostrophe in front, which it shows as text; numbers stay what they are. Texts stand in quotes: one
    with a carriage return in it would go on in a row of its own, as a formula again."""
    safe = table.rename(columns=disarmed)
    for j, dtype in enumerate(table.dtypes):
        if dtype.kind not in "biufcmM":
            safe.isetitem(j, table.iloc[:, j].astype(object).map(disarmed))
    return safe.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC).encode("utf-8")


def disarmed(value: Any) -> Any:
    """A text that begins as a formula does, behind an apostrophe; anything else as it is.

    >>> disarmed("=1+1"), disarmed("fine"), disarmed(-1)
    ("'=1+1", 'fine', -1)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value

"""The most that is read of one source, so that no file takes the memory of the machine, whatever it says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from headviz.errors import DataError
from headviz.units import MEGABYTE


@dataclass(frozen=True)
class Bounds:
    """``size``: bytes of one file once it is unpacked; ``rows`` and ``columns`` of a table; ``what`` it is."""

    size: int
    rows: int
    columns: int
    what: str

    def require_size(self, size: int, source: str) -> None:
        """Raises DataError for more than ``size`` bytes."""
        if size > self.size:
            raise DataError(
                f"{source} holds more than {self.size // MEGABYTE:,} MB once it is unpacked, the most that is read of "
                f"{self.what}. Give a part of it."
            )

    def require_rows(self, rows: int, source: str, unit: str = "rows") -> None:
        """Raises DataError for more than ``rows`` rows, or lines."""
        if rows > self.rows:
            raise DataError(
                f"{source} has more than {self.rows:,} {unit}, the most that is read of {self.what}. Give a part of it."
            )

    def require_columns(self, columns: int, source: str) -> None:
        """Raises DataError for more than ``columns`` columns."""
        if columns > self.columns:
            raise DataError(
                f"{source} has more than {self.columns:,} columns, the most that is read of {self.what}. "
                "Keep those of the text and the label."
            )


FILE = Bounds(2_000 * MEGABYTE, 5_000_000, 10_000, "a file")
UPLOAD = Bounds(100 * MEGABYTE, 500_000, 1_000, "an upload")

"""Sizes of files and weights as people read them, in one form everywhere."""

from __future__ import annotations

MEGABYTE = 10**6
"""Bytes of a megabyte: thousands, as disks and downloads are counted."""


def in_bytes(number: float) -> str:
    """A number of bytes in the largest unit that leaves a figure before the point.

    >>> in_bytes(7_087_872), in_bytes(480_000_000_000), in_bytes(1), in_bytes(-2_500)
    ('7.1 MB', '480.0 GB', '1 byte', '-2.5 kB')
    """
    for unit, size in (("GB", 10**9), ("MB", MEGABYTE), ("kB", 10**3)):
        # a size that would be rounded to a thousand of a unit is one of the next
        if abs(number) >= size * (1 - 5e-5 if size > 10**3 else 1):
            return f"{number / size:,.1f} {unit}"
    return f"{number:,.0f} byte{'' if number == 1 else 's'}"

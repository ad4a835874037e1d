"""Lists of names in a sentence: the first of them, and how many more there are."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice


def listed(names: Collection[str], most: int = 8, longest: int = 40) -> str:
    """The first names with commas between, each cut to ``longest`` letters.

    >>> listed(["good", "bad"]), listed([f"class {i}" for i in range(200)], most=2)
    ('good, bad', 'class 0, class 1 and 198 more')
    """
    told = ", ".join(name if len(name) <= longest else f"{name[: longest - 1]}…" for name in islice(names, most))
    return f"{told} and {len(names) - most:,} more" if len(names) > most else told

"""Measured speed in words, as the page and the report tell it: a row per length and number of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headviz.ui import numbers
from headviz.units import in_bytes

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("whole model", "pruned")
"""Of the two models in a table of `headviz.latency.measure_latency`."""
COLUMNS = (
    "Texts at once",
    "Tokens each",
    "Whole, ms",
    "Pruned, ms",
    "Speed-up (quartiles)",
    "By FLOPs",
    "Gain reached",
    "Whole, peak memory",
    "Pruned, peak memory",
)


def rows(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """A row under `COLUMNS` for every length and number of texts."""
    found: list[tuple[str, ...]] = []
    for (length, size), both in table.groupby(["length", "batch_size"], sort=False):
        whole, pruned = (both[both["name"] == name].iloc[0] for name in NAMES)
        spread = f"{pruned['speedup']:.2f} ({pruned['speedup_low']:.2f} to {pruned['speedup_high']:.2f})"
        found.append(
            (
                f"{size}",
                f"{length}",
                milliseconds(whole["seconds"]),
                milliseconds(pruned["seconds"]),
                spread,
                f"{pruned['flops_ratio']:.2f}",
                numbers.share(pruned["gain_reached"], 0),
                *(in_bytes(one["peak_bytes"]) for one in (whole, pruned)),
            )
        )
    return found


def milliseconds(seconds: float) -> str:
    """With enough digits for the ratio of two to be the speed-up that stands beside them."""
    return f"{1000 * seconds:.{2 if seconds >= 0.01 else 3}f}"


def about(table: pd.DataFrame) -> str:
    """Where and how it was measured, and whether it is faster."""
    pruned, facts = table[table["name"] == NAMES[1]], table.attrs
    return (
        f"Medians of {facts['rounds']} rounds on {facts['device']}, {facts['dtype']}, {facts['threads']} threads. The "
        "speed-up is the ratio of the two times; in brackets stand the quartiles of the ratios round by round. "
        + verdict(float(pruned["speedup_low"].min()), float(pruned["speedup_high"].max()))
        + " Peak memory is the weights and the most that one pass holds on top of them; where the feed-forward part "
        "needs most, cutting heads saves the weights alone."
    )


def verdict(slowest: float, fastest: float) -> str:
    """What the quartiles of all settings say together."""
    if slowest > 1:
        return "It is faster in every setting measured here."
    if fastest <= 1:
        return "It is not faster here: the time goes elsewhere than into the heads that were cut."
    return "It is not faster in every setting beyond the spread of the measurement."

"""Numbers as people read them: shares in percent with their interval, differences with their sign."""

from __future__ import annotations

import math

from headviz.stats import Estimate

SHARES = ("accuracy", "macro_f1", "agreement")  # written in percent; Matthews from -1 to 1 is not one
METRIC_TITLES = {"accuracy": "Accuracy", "macro_f1": "Macro-F1", "matthews": "Matthews"}


def title_of(metric: str) -> str:
    return METRIC_TITLES.get(metric, metric.replace("_", " ").capitalize())


def share(value: float, places: int = 1) -> str:
    """0.957 -> "95.7 %"."""
    return "unknown" if math.isnan(value) else f"{100 * value:z.{places}f} %"


def named(metric: str) -> str:
    """A metric's name within a sentence: "accuracy", "macro-F1", "Matthews"."""
    title = title_of(metric)
    return title if metric == "matthews" else title[0].lower() + title[1:]


def quantity(value: float, metric: str) -> str:
    """A metric's value in its own unit."""
    if metric in SHARES:
        return share(value)
    return "unknown" if math.isnan(value) else f"{value:z.3f}"


def interval(estimate: Estimate, metric: str) -> str:
    """ "95.0 to 96.8 %": the ends of the 95 % interval."""
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return "no interval"
    if metric in SHARES:
        return f"{100 * estimate.low:z.1f} to {100 * estimate.high:z.1f} %"
    return f"{estimate.low:z.3f} to {estimate.high:z.3f}"


def change(estimate: Estimate, metric: str) -> str:
    """A difference of a metric with its sign: shares in percentage points, others in their own unit."""
    return signed(100 * estimate.value, 1) + " pts" if metric in SHARES else signed(estimate.value, 3)


def change_interval(estimate: Estimate, metric: str) -> str:
    """ "-4.1 to -0.3 points": the ends of a difference's 95 % interval."""
    scale, places, unit = (100, 1, " points") if metric in SHARES else (1, 3, "")
    return f"{signed(scale * estimate.low, places)} to {signed(scale * estimate.high, places)}{unit}"


def nats_interval(change: Estimate) -> str:
    """ "-0.012 to +0.034": the ends of the 95 % interval of a change of the loss; one example has none."""
    if math.isnan(change.low) or math.isnan(change.high):
        return "no interval"
    return f"{signed(change.low, 3)} to {signed(change.high, 3)}"


def signed(value: float, places: int) -> str:
    """+1.2, -0.3, 0.0; never -0.0."""
    text = f"{value:+.{places}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\u2212")


def small(value: float) -> str:
    """Scores of any size with three significant digits."""
    if math.isnan(value):
        return "unknown"
    if value == 0:
        return "0"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


def many(number: int, what: str) -> str:
    """ "1 head", "12 heads"."""
    return f"{number:,} {what}" + "s" * (number != 1)


def count(number: int) -> str:
    """Parameters and the like: 22.7 M, 569 k."""
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)

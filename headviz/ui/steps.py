"""The masks that stood in this visit, one after another: what was changed, predicted and measured at each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from headviz.ui import numbers
from headviz.ui.measured import Measured

if TYPE_CHECKING:
    from headviz.mask import Mask
    from headviz.ui.page import Page
    from headviz.ui.state import Session

_MOST = 200
_NAMED = 4


@dataclass(frozen=True)
class Step:
    """A mask that stood, and what led to it."""

    mask: Mask
    what: str


def take(session: Session, mask: Mask) -> None:
    """Note the mask that stands now, where it is another one than before."""
    last = session.steps[-1] if session.steps else None
    if last is not None and last.mask.code == mask.code:
        return
    session.steps.append(Step(mask, _first(mask) if last is None else _change(last.mask, mask)))
    del session.steps[:-_MOST]


def last_mask(session: Session) -> Mask | None:
    """The mask that stood before the one that stands now."""
    return session.steps[-2].mask if len(session.steps) > 1 else None


def _first(mask: Mask) -> str:
    return f"{numbers.many(len(mask.pruned), 'head')} cut"


def _change(before: Mask, after: Mask) -> str:
    """ "L0H1 cut, L2H3 restored"; of many heads, how many."""
    cut = [head for head in after.pruned if head in before.kept]
    restored = [head for head in after.kept if head in before.pruned]
    if len(cut) + len(restored) <= _NAMED:
        return ", ".join([*(f"{head} cut" for head in cut), *(f"{head} restored" for head in restored)])
    return ", ".join(f"{len(heads)} {what}" for heads, what in ((cut, "cut"), (restored, "restored")) if heads)


def frame(page: Page) -> pd.DataFrame:
    """pandas, one row per step: step, what, kept, predicted (the first-order change of the mean loss from the step
    before, nats), measured (the same, measured), low and high (its 95 % interval), accuracy, accuracy_low,
    accuracy_high; NaN where not measured or where no score is known."""
    from headviz.prediction import predicted_change

    measured, base = Measured(page.results), page.results.base()
    rows, before = [], None
    for number, step in enumerate(page.session.steps):
        known = measured.evaluation(step.mask)
        row: dict[str, object] = {"step": number, "what": step.what, "kept": step.mask.count}
        if known is not None:
            accuracy = known.metrics["accuracy"]
            row |= {"accuracy": accuracy.value, "accuracy_low": accuracy.low, "accuracy_high": accuracy.high}
        if before is not None:
            if base is not None:
                values = [predicted_change(base.scores, mask).value for mask in (before, step.mask)]
                row["predicted"] = values[1] - values[0]
            earlier = measured.evaluation(before)
            if known is not None and earlier is not None:
                change = known.loss_against(earlier)
                row |= {"measured": change.value, "low": change.low, "high": change.high}
        rows.append(row)
        before = step.mask
    columns = [
        "step",
        "what",
        "kept",
        "predicted",
        "measured",
        "low",
        "high",
        "accuracy",
        "accuracy_low",
        "accuracy_high",
    ]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[3:], float))

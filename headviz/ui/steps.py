"""The masks that stood in this visit, one after another: what was changed, predicted and measured at each."""

from __future__ import annotations

import math
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
_LAST = 10  # edits that a prediction is held against
_USUALLY = 0.75  # of them


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
    what = _first(mask) if last is None else session.told(_change(last.mask, mask))
    session.steps.append(Step(mask, what))
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
    """pandas, one row per step: step, what, kept, predicted (change of the mean loss from the step before, nats),
    measured (the same, measured), low and high (its 95 % interval), and of the chosen metric its value and the
    ends of its interval, as accuracy, accuracy_low, accuracy_high; NaN where not measured or where no score is
    known. ``attrs``: "metric"."""
    return _frame(page, list(enumerate(page.session.steps)))


def _frame(page: Page, steps: list[tuple[int, Step]]) -> pd.DataFrame:
    from headviz.prediction import edit_change

    measured, base = Measured(page.results), page.results.base()
    metric = _metric(page, measured)
    of_metric = [metric, f"{metric}_low", f"{metric}_high"]
    rows, before = [], None
    for number, step in steps:
        known = measured.evaluation(step.mask)
        row: dict[str, object] = {"step": number, "what": step.what, "kept": step.mask.count}
        if known is not None:
            estimate = known.metrics[metric]
            row |= dict(zip(of_metric, (estimate.value, estimate.low, estimate.high), strict=True))
        if before is not None:
            if base is not None:
                row["predicted"] = edit_change(base.scores, before, step.mask)
            earlier = measured.evaluation(before)
            if known is not None and earlier is not None:
                change = known.loss_against(earlier)
                row |= {"measured": change.value, "low": change.low, "high": change.high}
        rows.append(row)
        before = step.mask
    columns = ["step", "what", "kept", "predicted", "measured", "low", "high", *of_metric]
    table = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[3:], float))
    table.attrs["metric"] = metric
    return table


def _metric(page: Page, measured: Measured) -> str:
    """The metric that the visitor chose, where what is measured has it."""
    whole, chosen = measured.evaluation(), page.session.metric
    if whole is None:
        return chosen or "accuracy"
    return chosen if chosen in whole.metrics else whole.main


@dataclass(frozen=True)
class Record:
    """How far the predicted change was off on the last edits that were measured. ``edits``: how many they are;
    ``within`` nats on ``held`` of them; of the ``single`` ones, which cut or restored one head as a suggestion does,
    ``missed`` were measured with an interval that does not hold the prediction."""

    edits: int
    held: int
    within: float
    single: int
    missed: int


def record(page: Page) -> Record:
    """The `Record` of this visit's last edits."""
    steps = list(enumerate(page.session.steps))[-_LAST - 1 :]
    table = _frame(page, steps).dropna(subset=["predicted", "measured"])
    off = (table["predicted"] - table["measured"]).abs().sort_values()
    held = math.ceil(_USUALLY * len(off))
    ends = dict(steps)
    single = [
        row for row in table.itertuples() if len(ends[row.step - 1].mask.differing(ends[row.step].mask)) == 1
    ]  # fmt: skip
    missed = sum(not row.low <= row.predicted <= row.high for row in single)
    return Record(len(off), held, float(off.iloc[held - 1]) if held else 0.0, len(single), missed)

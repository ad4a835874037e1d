"""What a report tells of: a mask, the model it is for, and all that is known of the two. Plain results, no pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from headviz.data import Data
    from headviz.evaluation import Evaluation
    from headviz.mask import Mask
    from headviz.proof import Proof
    from headviz.subject import Subject


@dataclass(frozen=True, eq=False)
class Measured:
    """Quality of the whole model and under the mask on the same examples. ``title``: what the figures are for;
    ``caveat``: a sentence on what they are worth."""

    title: str
    caveat: str
    before: Evaluation
    now: Evaluation


@dataclass(frozen=True, eq=False)
class Stages:
    """Quality of a model on the same examples at each stage of what it went through: its name -> figures. ``caveat``: a
    sentence on what they are worth."""

    caveat: str
    quality: Mapping[str, Evaluation]


@dataclass(frozen=True, eq=False)
class HeadMap:
    """One number per head: ``values`` (L, H), NaN where a layer has no such head. ``unit``: of the values, "" for plain
    numbers; ``explain``: a sentence."""

    title: str
    values: np.ndarray
    unit: str
    explain: str


@dataclass(frozen=True, eq=False)
class Report:
    """Everything a report holds. ``data``: what the examples were for -> the examples; ``data_note``: a sentence on how
    the splits came about, or "". ``scoring``: options of the scoring pass. ``savings``: of `headviz.cost.cost` at
    ``tokens`` tokens a text, None for a family that it does not know; ``speed``: of `headviz.latency.measure_latency`,
    the whole model first, None where it was not measured. ``looks``: how many masks were measured for final figures;
    ``metric``: the one that was chosen; ``stages``: of a recovered model, where its recovery was measured."""

    mask: Mask
    subject: Subject
    data: Mapping[str, Data]
    data_note: str = ""
    scoring: Mapping[str, Any] = field(default_factory=dict)
    maps: tuple[HeadMap, ...] = ()
    measured: tuple[Measured, ...] = ()
    savings: pd.DataFrame | None = None
    tokens: int = 128
    speed: pd.DataFrame | None = None
    proofs: tuple[Proof, ...] = ()
    looks: int = 1
    metric: str | None = None
    stages: tuple[Stages, ...] = ()

    @property
    def unmasked(self) -> str:
        """What the model is called of which no head is masked."""
        return "Whole model" if self.subject.cut is None else "Model as opened"

    def main(self, measured: Measured) -> str:
        """The metric that stands first: the one that was chosen, or the task's."""
        return self.metric if self.metric in measured.now.metrics else measured.now.main

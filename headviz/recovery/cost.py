"""What a run cost: by the clock, and measured on one batch of middle size at every change of what is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from headviz.recovery.meters import KINDS, Segment, Summary, summary

if TYPE_CHECKING:
    import pandas as pd

# Abstract of the paper on SAFE, against its adapter baseline on other models and data: a mark to read ours beside.
PAPER = {"mean activations": -0.4285, "FLOPs": -0.3459, "seconds": -0.1182}


@dataclass(frozen=True)
class Cost:
    """``seconds`` by kind of work (training, scoring, evaluation, saving); ``step_seconds``, the median of a training
    step; ``segments``: stretches of steps with one set of frozen blocks, each with the activations that autograd keeps
    for a step (bytes, counted on one batch of middle size), FLOPs of a step forward and backward, and trained weights;
    ``tokens`` of that batch, padding included; ``optimizer_bytes`` at the end."""

    seconds: dict[str, float]
    step_seconds: float
    segments: tuple[Segment, ...]
    tokens: int
    optimizer_bytes: int

    @property
    def activations(self) -> Summary:
        """Bytes of saved activations: mean over steps, peak, end."""
        return summary(self.segments, "activation_bytes")

    @property
    def flops(self) -> float:
        """FLOPs of all training steps, were all batches of the measured one's size; scoring is not in it."""
        return sum(segment.steps * segment.flops for segment in self.segments)

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds.values())

    def against(self, other: Cost) -> pd.DataFrame:
        """pandas, beside another run of the same model, data and batch size, such as "lora": measure, own, other, value
        (own / other - 1; negative is less), paper (what the paper on SAFE reports of other models, else NaN)."""
        import pandas as pd

        def row(measure: str, own: float, theirs: float) -> dict[str, Any]:
            share = own / theirs - 1 if theirs else float("nan")
            paper = PAPER.get(measure, float("nan"))
            return {"measure": measure, "own": own, "other": theirs, "value": share, "paper": paper}

        rows = [
            row(f"{name} activations", getattr(self.activations, name), getattr(other.activations, name))
            for name in ("mean", "peak", "end")
        ]
        rows.append(row("FLOPs", self.flops, other.flops))
        rows.append(row("seconds", self.total_seconds, other.total_seconds))
        without = [one.total_seconds - one.seconds["scoring"] for one in (self, other)]
        rows.append(row("seconds without scoring", *without))
        rows.append(row("seconds of a step", self.step_seconds, other.step_seconds))
        rows += [row(f"seconds of {kind}", self.seconds[kind], other.seconds[kind]) for kind in KINDS]
        return pd.DataFrame(rows)

    def record(self) -> dict[str, Any]:
        """The cost as plain values, fit for JSON."""
        return asdict(self)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Cost:
        segments = tuple(Segment(**one) for one in record["segments"])
        return cls(**{**record, "segments": segments})

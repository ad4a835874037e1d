"""Proof: does what was written answer like the masked model? Measured on the user's own data, example by example.

Logits are compared, not only predictions: two models that are one in exact arithmetic differ by the rounding of sums
taken in another order. What is allowed is a share of the largest logit (of 1 where all are smaller): 1e-5 in float32,
where about 2e-6 is seen; 1e-4 for an ONNX file, whose kernels are other ones than torch's and fuse other steps (about
4e-6 is seen); 5e-3 in float16 and 2e-2 in bfloat16, in the arithmetic or in a folder whose weights were rounded to it.
Within it, predictions can only differ where the two largest logits are nearer to each other than twice the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import torch
from torch import Tensor

from headviz.batches import BATCH_TOKENS, Batch
from headviz.data import require_data
from headviz.errors import ExportError
from headviz.evaluation import Stillness, gates_of
from headviz.files import write_whole
from headviz.listing import listed
from headviz.mask import Mask
from headviz.mask.plain import plain
from headviz.onnx_model import open_onnx
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.provenance import record
from headviz.subject import Subject, load

if TYPE_CHECKING:
    from headviz.data import Data

KINDS = {"subject": "The other model", "folder": "The saved folder", "onnx": "The ONNX file"}
ALLOWED = {"float64": 1e-5, "float32": 1e-5, "float16": 5e-3, "bfloat16": 2e-2}
"""By the arithmetic of either model and by what a file's weights were rounded to, the coarsest one counting."""
ALLOWED_ONNX = 1e-4


@dataclass(frozen=True)
class Proof:
    """The logits of a masked model against another's on N examples.

    ``kind`` of the other: "subject", "folder" or "onnx"; ``name``, its own; ``examples``, N; ``largest_difference`` and
    ``largest_logit``, in absolute value over all examples and classes; ``equal_predictions``, on how many examples;
    ``differing``, the ids of the others; ``allowed``, the share of the largest logit (at least of 1) by which logits
    may differ; ``provenance``; ``unmoved``, whether the mask, though it cuts heads, left every logit as it is without
    it.
    """

    kind: str
    name: str
    examples: int
    largest_difference: float
    largest_logit: float
    equal_predictions: int
    differing: tuple[int, ...]
    allowed: float
    provenance: dict[str, Any]
    unmoved: bool = False

    @property
    def bound(self) -> float:
        """By how much a logit may differ."""
        return self.allowed * max(1.0, self.largest_logit)

    @property
    def holds(self) -> bool:
        """Whether no logit differs by more than `bound`; False where one is not a number."""
        return self.largest_difference <= self.bound

    @property
    def sentence(self) -> str:
        """What was found, for a page, the command line and what is exported."""
        predictions = "all predictions are equal"
        if self.differing:
            count = len(self.differing)
            which = "prediction differs" if count == 1 else "predictions differ"
            predictions = f"{count:,} {which} (first row {self.differing[0]})"
        logits = "all logits are equal, too"
        if self.largest_difference:
            logits = f"no logit differs by more than {self.largest_difference:.2g} ({self.bound:.2g} is allowed)"
        return (
            f"{KINDS[self.kind]} {'answers' if self.holds else 'does not answer'} like the masked model on "
            f"{self.examples:,} examples: {predictions}, and {logits}."
            + (" The mask itself moved no logit on these examples, so they show nothing of the cut." * self.unmoved)
        )

    def record(self) -> dict[str, Any]:
        """Everything, fit for JSON."""
        return asdict(self) | {"bound": self.bound, "holds": self.holds, "sentence": self.sentence}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `record` to ``path``, whole or not at all. Raises ExportError where the system refuses."""
        content = (json.dumps(plain(self.record()), indent=2, ensure_ascii=False) + "\n").encode("utf-8")

        def write(file: BinaryIO) -> None:
            file.write(content)

        write_whole(Path(path).expanduser(), write)


@torch.no_grad()
def verify(
    subject: Subject,
    mask: Mask | None,
    other: Subject | str | os.PathLike[str],
    data: Data,
    *,
    batch_tokens: int = BATCH_TOKENS,
    batch_size: int | None = None,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> Proof:
    """Compare ``subject`` under ``mask`` (None: as it is) with ``other`` on ``data``; labels are not needed.

    ``other``: a Subject, a folder that headviz or transformers saved, or an .onnx file. A folder is opened on the
    subject's device and in its arithmetic, and reads the texts with its own tokenizer; an ONNX file is given the
    subject's tokens. Raises MaskError where mask and subject do not fit, LoadError or ExportError where ``other``
    cannot be used or has other labels, DataError for what is no data, Cancelled.
    """
    gates = gates_of(subject, mask)
    require_data(data)
    rival = _rival(subject, other, data)
    difference, largest = torch.tensor(0.0), torch.tensor(0.0)
    equal = torch.empty(len(data), dtype=torch.bool)
    still = Stillness(subject, mask)
    with Progress(len(data), "comparing logits", on_progress, cancel) as progress:
        encoded = subject.encode(data.inputs)
        for batch in encoded.batches(batch_tokens, batch_size):
            ours = subject.forward(batch.inputs, gates=gates).float().cpu()
            still.see(batch, ours)
            theirs = rival.logits(batch)
            if theirs.shape != ours.shape:
                raise ExportError(
                    f"{rival.name} gives {theirs.shape[-1]} logits a text, and {subject.name} {ours.shape[-1]}. "
                    "Compare models of the same labels."
                )
            # maximum() and not max(): what is not a number has to come through
            difference = torch.maximum(difference, (ours - theirs).abs().max())
            largest = torch.maximum(largest, ours.abs().max())
            equal[torch.as_tensor(batch.indices)] = ours.argmax(1) == theirs.argmax(1)
            progress.step(len(batch.indices))
    pruned = {"pruned": [] if mask is None else list(mask.pruned)}
    return Proof(
        kind=rival.kind,
        name=rival.name,
        examples=len(data),
        largest_difference=difference.item(),
        largest_logit=largest.item(),
        equal_predictions=int(equal.sum()),
        differing=tuple(data.ids[~equal.numpy()].tolist()),
        allowed=max(ALLOWED.get(subject.dtype, 0.0), rival.allowed),
        provenance=record(subject, data, pruned)
        | {"other": {"kind": rival.kind, "name": rival.name, "fingerprint": rival.fingerprint}},
        unmoved=still.holds,
    )


@dataclass(frozen=True)
class _Rival:
    kind: str
    name: str
    fingerprint: str
    allowed: float
    logits: Callable[[Batch], Tensor]  # (B, C) float32 on the CPU, of a batch that the subject has made


def _rival(subject: Subject, other: Subject | str | os.PathLike[str], data: Data) -> _Rival:
    if isinstance(other, Subject):
        return _of_subject(subject, other, data, "subject")
    if not isinstance(other, str | os.PathLike):
        raise ExportError(f"other must be a Subject, a folder or an .onnx file. Got a {type(other).__name__}.")
    path = Path(other).expanduser()
    if path.is_dir():
        # in its place: a name without a folder would be looked for on the hub
        return _of_subject(
            subject,
            load(path, task=subject.task, device=subject.device, dtype=subject.dtype, offline=True),
            data,
            "folder",
        )
    if not path.is_file() or path.suffix.lower() != ".onnx":
        raise ExportError(f"{os.fspath(other)!r} is neither a folder nor an .onnx file. Check its name.")
    model = open_onnx(path)
    return _Rival("onnx", model.name, model.fingerprint, ALLOWED_ONNX, lambda batch: model.logits(batch.inputs))


def _rounded_to(subject: Subject, other: Subject) -> set[str]:
    """The dtypes that the other's weights were rounded to when they were written."""
    return set(other.stored) - {subject.dtype, *subject.stored}


def _of_subject(subject: Subject, other: Subject, data: Data, kind: str) -> _Rival:
    if other.task != subject.task:
        raise ExportError(
            f"{other.name} is for {other.task}, and {subject.name} for {subject.task}. Compare models of one task."
        )
    if other.labels != subject.labels:
        raise ExportError(
            f"{other.name} has the labels {listed(other.labels)}, and {subject.name} {listed(subject.labels)}. "
            "Compare models of the same labels."
        )
    encoded = other.encode(data.inputs)
    return _Rival(
        kind,
        other.name,
        other.fingerprint,
        max(ALLOWED.get(dtype, 0.0) for dtype in (other.dtype, *_rounded_to(subject, other))),
        lambda batch: other.forward(encoded.batch(batch.indices).inputs).float().cpu(),
    )

"""A model with a mask, in the forms in which it can be taken home: what each is, and how it is written and proved."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import headviz as hv
from headviz.files import size_of, write_whole, zip_folder
from headviz.ui import engine, snippets
from headviz.ui.allowance import Allowance
from headviz.ui.jobs import Job
from headviz.ui.measured import Measured
from headviz.ui.results import Results
from headviz.ui.sources import as_typed
from headviz.units import MEGABYTE

if TYPE_CHECKING:
    from headviz.mask import Mask
    from headviz.proof import Proof
    from headviz.subject import Subject

_LARGEST_NUMBER = 4  # bytes, of float32
_ROOM_FOR_THE_REST = 50 * 10**6  # bytes: tokenizer, configuration, the graph of an ONNX file
LARGEST_DOWNLOAD = 500 * MEGABYTE  # bytes: a download holds the whole file in memory
PROOF_FILE = "proof.json"


@dataclass(frozen=True)
class Form:
    """One way to write a masked model. ``name``: of the folder, or of the file where the form is one. ``smaller``:
    whether the heads are gone from the weights. ``code``: what opens it, from the path and whether it takes pairs."""

    title: str
    explain: str
    name: str
    smaller: bool
    write: Callable[[Subject, Mask, Path, str | None], object]
    code: Callable[[str, bool], str]

    @property
    def is_file(self) -> bool:
        return bool(Path(self.name).suffix)


def _masked(subject: Subject, mask: Mask, target: Path, dtype: str | None) -> None:
    hv.save_masked(subject, mask, target, dtype=dtype)


def _pruned(subject: Subject, mask: Mask, target: Path, dtype: str | None) -> None:
    hv.save_pruned(hv.prune(subject, mask), target, dtype=dtype)


def _onnx(subject: Subject, mask: Mask, target: Path, _: str | None) -> None:
    hv.export_onnx(hv.prune(subject, mask), target)


FORMS: dict[str, Form] = {
    "masked": Form(
        "Masked, same size",
        "An ordinary transformers folder of the same size, in which the cut heads' columns of the output projections "
        "are zero: it loads anywhere, without headviz and without code of its own.",
        "masked-model",
        False,
        _masked,
        snippets.masked_folder,
    ),
    "pruned": Form(
        "Pruned, smaller",
        "A folder in which the cut heads are gone from the weights. It loads without headviz, through a small "
        "modelling file of its own that transformers asks to trust; headviz opens it without running that file.",
        "pruned-model",
        True,
        _pruned,
        snippets.pruned_folder,
    ),
    "onnx": Form(
        "ONNX, smaller",
        "One file for onnxruntime and other engines, with the cut heads gone, for any number and length of texts.",
        "model.onnx",
        True,
        _onnx,
        snippets.onnx_file,
    ),
}


@dataclass(frozen=True)
class Written:
    """What was written at ``path``, and the proof that it answers like the masked model. ``holder``: the temporary
    folder that goes when nobody holds this any more, None where the visitor chose the place, as ``typed``."""

    path: Path
    size: int
    proof: Proof
    holder: tempfile.TemporaryDirectory[str] | None = None
    typed: str = ""


@dataclass
class ModelsHome:
    """Writing the model in hand under ``mask`` in one of the `FORMS`, in the background. ``dtype``: of the numbers in a
    folder, None for the one that the model was opened in, which an ONNX file always has."""

    results: Results
    mask: Mask
    kind: str
    dtype: str | None = None

    @property
    def form(self) -> Form:
        return FORMS[self.kind]

    def _key(self, what: str) -> tuple[Any, ...]:
        subject = self.results.session.subject
        assert subject is not None
        return (what, self.kind, subject.fingerprint, self.mask.code, self.dtype or subject.dtype)

    def job(self, what: str) -> Job | None:
        return self.results.jobs.get(self._key(what))

    def forget(self, what: str) -> None:
        self.results.jobs.forget(self._key(what))

    def ask_folder(self, target: Path, typed: str = "", allowance: Allowance | None = None) -> Job:
        """Write to a place that the visitor chose and ``typed``, at the cost of an ``allowance``."""
        subject = self.results.session.subject
        assert subject is not None
        most = subject.parameters * _LARGEST_NUMBER + _ROOM_FOR_THE_REST

        def work(on_progress: Any, cancel: Any) -> Written:
            if allowance is not None:
                allowance.take(most)
            try:
                with as_typed(str(target), typed or str(target)):
                    return replace(self._write(target, on_progress, cancel), typed=typed)
            finally:
                if allowance is not None:
                    allowance.give_back(most - size_of(target), place=not target.exists())

        return self._start("write", f"Writing {self.form.name}", work)

    def ask_packed(self) -> Job:
        """Write to a temporary place, as one file to download."""

        def work(on_progress: Any, cancel: Any) -> Written:
            holder: tempfile.TemporaryDirectory[str] = tempfile.TemporaryDirectory(prefix="headviz-")
            written = self._write(Path(holder.name) / self.form.name, on_progress, cancel)
            path = written.path if self.form.is_file else _zipped(written.path)
            return Written(path, path.stat().st_size, written.proof, holder)

        return self._start("pack", f"Packing {self.form.name}", work)

    def _start(self, what: str, title: str, work: Callable[[Any, Any], Written]) -> Job:
        return self.results.jobs.start(self._key(what), title, work, kind=what, alone=True)

    def _write(self, target: Path, on_progress: Any, cancel: Any) -> Written:
        engine.wait()
        subject = self.results.session.subject
        assert subject is not None
        on_progress(0, 0, "writing")
        self.form.write(subject, self.mask, target, self.dtype)
        data = Measured(self.results).data()
        proof = hv.verify(subject, self.mask, target, data, on_progress=on_progress, cancel=cancel)
        if not self.form.is_file:
            _write_json(target / PROOF_FILE, proof.record())
        return Written(target, size_of(target), proof)


def file_dtype(subject: Subject) -> str:
    """The dtype to write a folder in unless another is chosen: that of the file the model came from, so that nothing
    grows and nothing is rounded; where it holds several or none is known, that of the arithmetic."""
    from headviz.saving import DTYPES

    held = subject.stored[0] if len(subject.stored) == 1 else subject.dtype
    return held if held in DTYPES else DTYPES[0]


def dtype_note(subject: Subject, dtype: str) -> str:
    """What the model's file holds, and what writing in ``dtype`` does to its numbers."""
    held = " and ".join(subject.stored)
    source = f"The model's file holds {held}, opened in {subject.dtype}" if held else f"The model is in {subject.dtype}"
    exact = dtype == subject.dtype or subject.stored == (dtype,) or (dtype == "float32" and subject.dtype != "float64")
    return f"{source}; {'no number is rounded' if exact else f'numbers are rounded to {dtype}'} in what is written."


def _write_json(path: Path, record: dict[str, Any]) -> None:
    def write(file: BinaryIO) -> None:
        file.write(json.dumps(record, indent=2, default=str).encode())

    write_whole(path, write)


def _zipped(folder: Path) -> Path:
    packed = folder.with_suffix(".zip")
    zip_folder(folder, packed)
    return packed

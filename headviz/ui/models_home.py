"""A model with a mask, in the forms in which it can be taken home: what each is, and how it is written and proved."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import headviz as hv
from headviz.files import write_whole
from headviz.ui import engine, snippets
from headviz.ui.jobs import Job
from headviz.ui.measured import Measured
from headviz.ui.results import Results

if TYPE_CHECKING:
    from headviz.mask import Mask
    from headviz.proof import Proof
    from headviz.subject import Subject

LARGEST_DOWNLOAD = 500 * 2**20  # bytes: a download holds the whole file in memory
PROOF_FILE = "proof.json"


@dataclass(frozen=True)
class Form:
    """One way to write a masked model. ``name``: of the folder, or of the file where the form is one. ``smaller``:
    whether the heads are gone from the weights. ``code``: what opens it, from the path and whether it takes pairs."""

    title: str
    explain: str
    name: str
    smaller: bool
    write: Callable[[Subject, Mask, Path], object]
    code: Callable[[str, bool], str]

    @property
    def is_file(self) -> bool:
        return bool(Path(self.name).suffix)


def _pruned(subject: Subject, mask: Mask, target: Path) -> None:
    hv.save_pruned(hv.prune(subject, mask), target)


def _onnx(subject: Subject, mask: Mask, target: Path) -> None:
    hv.export_onnx(hv.prune(subject, mask), target)


FORMS: dict[str, Form] = {
    "masked": Form(
        "Masked, same size",
        "An ordinary transformers folder of the same size, in which the cut heads' columns of the output projections "
        "are zero: it loads anywhere, without headviz and without code of its own.",
        "masked-model",
        False,
        lambda subject, mask, target: hv.save_masked(subject, mask, target),
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
    folder that goes when nobody holds this any more, None where the visitor chose the place."""

    path: Path
    size: int
    proof: Proof
    holder: tempfile.TemporaryDirectory[str] | None = None


@dataclass
class ModelsHome:
    """Writing the model in hand under ``mask`` in one of the `FORMS`, in the background."""

    results: Results
    mask: Mask
    kind: str

    @property
    def form(self) -> Form:
        return FORMS[self.kind]

    def _key(self, what: str) -> tuple[Any, ...]:
        subject = self.results.session.subject
        assert subject is not None
        return (what, self.kind, subject.fingerprint, self.mask.code)

    def job(self, what: str) -> Job | None:
        return self.results.jobs.get(self._key(what))

    def forget(self, what: str) -> None:
        self.results.jobs.forget(self._key(what))

    def ask_folder(self, target: Path) -> Job:
        """Write to a place that the visitor chose."""
        return self._start("write", f"Writing {self.form.title.lower()}", lambda *follow: self._write(target, *follow))

    def ask_packed(self) -> Job:
        """Write to a temporary place, as one file to download."""

        def work(on_progress: Any, cancel: Any) -> Written:
            holder: tempfile.TemporaryDirectory[str] = tempfile.TemporaryDirectory(prefix="headviz-")
            written = self._write(Path(holder.name) / self.form.name, on_progress, cancel)
            path = written.path if self.form.is_file else _zipped(written.path)
            return Written(path, path.stat().st_size, written.proof, holder)

        return self._start("pack", f"Packing {self.form.title.lower()}", work)

    def _start(self, what: str, title: str, work: Callable[[Any, Any], Written]) -> Job:
        return self.results.jobs.start(self._key(what), title, work, kind=what, alone=True)

    def _write(self, target: Path, on_progress: Any, cancel: Any) -> Written:
        engine.wait()
        subject = self.results.session.subject
        assert subject is not None
        on_progress(0, 0, "writing")
        self.form.write(subject, self.mask, target)
        data = Measured(self.results).data()
        proof = hv.verify(subject, self.mask, target, data, on_progress=on_progress, cancel=cancel)
        files = [target] if self.form.is_file else [file for file in target.rglob("*") if file.is_file()]
        if not self.form.is_file:
            _write_json(target / PROOF_FILE, proof.record())
        return Written(target, sum(file.stat().st_size for file in files), proof)


def _write_json(path: Path, record: dict[str, Any]) -> None:
    def write(file: BinaryIO) -> None:
        file.write(json.dumps(record, indent=2, default=str).encode())

    write_whole(path, write)


def _zipped(folder: Path) -> Path:
    packed = folder.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, Path(folder.name) / file.relative_to(folder))
    return packed

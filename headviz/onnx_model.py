"""An ONNX file that answers: what onnxruntime makes of it, as logits, and what headviz wrote into it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from headviz.errors import ExportError
from headviz.extras import require_packages
from headviz.provenance import hash_rows

KEY = "headviz"
"""The key of the file's metadata under which the record stands, as JSON."""


def require_onnx(*names: str) -> None:
    """Raises ExportError, with the command that mends it, unless the packages ``names`` can be imported.

    onnxruntime reads its own switch when it is first imported: left alone it writes an id of the machine into the home
    folder and sends events to its makers, where headviz says that nothing is sent.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    require_packages("ONNX", "onnx", *names, error=ExportError)


class OnnxModel:
    """A text classifier in ONNX, run on the CPU in onnxruntime with as many threads as torch has.

    ``name``; ``fingerprint``, 16 hex digits of SHA-256 over the file; ``inputs``, the names it takes; ``record``, what
    headviz wrote into it (empty for a file of another program).
    """

    def __init__(self, content: bytes, name: str) -> None:
        """``content``: the bytes of the file. Raises ExportError, naming it, where onnxruntime cannot open them or they
        are no classifier of token ids."""
        require_onnx("onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # what is wrong is raised as well
        try:
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ExportError(
                f"{name} cannot be opened by onnxruntime: {_first_line(error)}. Export the model again."
            ) from error
        self.name, self.fingerprint, self._session = name, hash_rows([content]), session
        self.inputs = tuple(one.name for one in session.get_inputs())
        self.record = _record(session.get_modelmeta().custom_metadata_map.get(KEY))
        if "input_ids" not in self.inputs or "logits" not in [one.name for one in session.get_outputs()]:
            raise ExportError(f"{name} does not turn input_ids into logits. Choose a file of hv.export_onnx.")

    def logits(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Logits (B, C) float32 of one batch as `Subject.encode` makes them. Raises ExportError where the file takes
        something else."""
        missing = [name for name in self.inputs if name not in inputs]
        if missing:
            raise ExportError(f"{self.name} asks for {missing[0]!r}, which this model's texts do not have.")
        fed = {name: inputs[name].cpu().numpy() for name in self.inputs}
        try:
            (logits,) = self._session.run(["logits"], fed)
        except Exception as error:
            raise ExportError(f"{self.name} cannot be run: {_first_line(error)}. Export the model again.") from error
        return torch.from_numpy(logits).float()


def open_onnx(path: str | os.PathLike[str]) -> OnnxModel:
    """Open an .onnx file. Raises ExportError where there is none or it cannot be used."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ExportError(f"{os.fspath(path)!r} cannot be read: {error.strerror}. Check its name.") from error
    return OnnxModel(content, Path(path).name)


def _record(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:  # it is only shown, and whoever wrote it is not trusted
        return {}
    return found if isinstance(found, dict) else {}


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__

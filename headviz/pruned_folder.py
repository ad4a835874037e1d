"""The folder of a pruned model: written so that transformers opens it without headviz, and opened strictly.

Its config.json has a model_type of its own and names modeling_headviz.py, a copy of headviz's own file, for the
classes. So transformers either runs that file or refuses; it never fills a class of its own with whatever fits.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headviz import attention
from headviz.checkpoint import MASK_FILE, is_pruned, read_config, task_of_folder
from headviz.errors import ExportError, LoadError
from headviz.files import write_folder
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.pruned_card import pruned_card
from headviz.saving import in_dtype, refusals_of_libraries, require_free, require_reopening, save_model
from headviz.subject import Subject, load

if TYPE_CHECKING:
    from headviz.mask import Mask

CODE_FILE = "modeling_headviz.py"
CARD_FILE = "README.md"


def save_pruned(
    subject: Subject,
    folder: str | os.PathLike[str],
    *,
    dtype: str | None = None,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> Path:
    """Write a pruned ``subject`` (`hv.prune`) to ``folder``, so that it opens with transformers alone.

    The folder holds config.json, model.safetensors (in ``dtype``, as for `hv.save_masked`), modeling_headviz.py (the
    classes; transformers asks for trust_remote_code), the tokenizer's files, head_mask.json (over the heads of the
    whole model) and README.md. The subject is untouched. The folder is written whole or not at all; it must be new or
    empty, or, with ``overwrite``, one that save_pruned wrote. Returns its path.

    Raises ExportError for a model that is whole, and where the folder cannot be written.
    """
    if subject.cut is None:
        raise ExportError(
            f"{subject.name} is whole. Cut its heads out first: hv.save_pruned(hv.prune(subject, mask), folder)."
        )
    target = Path(folder).expanduser()
    require_reopening(subject)
    subject = replace(subject, cut=_with_names(subject.cut, subject))
    assert subject.cut is not None
    content, card = subject.cut.content(".json"), pruned_card(subject, dtype)
    with Progress(3, "writing the pruned model", on_progress, cancel) as steps:
        require_free(target, overwrite, "save_pruned", (CODE_FILE, CARD_FILE))
        model: Any = in_dtype(attention.view(subject.model), dtype)  # saving writes into the configuration
        steps.step()

        def fill(temporary: Path) -> None:
            with refusals_of_libraries(target):
                save_model(model, temporary)
                steps.step()
                subject.processor.save_pretrained(temporary)
            (temporary / MASK_FILE).write_bytes(content)
            (temporary / CARD_FILE).write_text(card, "utf-8")
            steps.step()

        write_folder(target, fill)
    return target


def _with_names(cut: Mask, subject: Subject) -> Mask:
    """``cut`` with what the card says of the model beside its heads, unless it was read from a folder that has it: its
    name, and the dtypes of the file that it was opened from."""
    told = {"name": subject.name, "stored": list(subject.stored)}
    return cut.with_provenance(**{key: value for key, value in told.items() if key not in cut.provenance})


def load_pruned(
    folder: str | os.PathLike[str],
    *,
    device: str = "auto",
    dtype: str = "float32",
    on_progress: OnProgress | None = None,
) -> Subject:
    """Open a folder that `save_pruned` wrote, of any task; `hv.load` opens those of text classifiers too, and whole
    models besides.

    No code of the folder is run: headviz has the same classes. Every weight must have its place, and configuration,
    mask and weights must agree. ``device`` and ``dtype`` as for `hv.load`. Raises LoadError with one or two sentences.
    """
    path = Path(folder).expanduser()
    if not is_pruned(read_config(path, path.name)):
        raise LoadError(f"{path} holds no model that hv.save_pruned wrote. Open it with hv.load.")
    return load(path, task=task_of_folder(path, path.name), device=device, dtype=dtype, on_progress=on_progress)

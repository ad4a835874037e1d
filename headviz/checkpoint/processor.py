"""The image processor of a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headviz.errors import LoadError

_FILE = "preprocessor_config.json"
_LARGEST = 4_096  # points to a side, which no model that is known reads


def open_image_processor(folder: Path, config: Any, name: str) -> Any:
    """The image processor in ``folder`` of a model with ``config``. LoadError with a sentence; no code is run."""
    from transformers import AutoImageProcessor

    if not (folder / _FILE).is_file():
        raise LoadError(f"{name} has no image processor ({_FILE}). Save the model's own into the same folder.")
    try:
        processor = AutoImageProcessor.from_pretrained(
            str(folder.absolute()), config=config, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # the kinds of errors differ by file; missing packages raise ImportError
        hint = " It needs a Python package that is not installed here." if isinstance(error, ImportError) else ""
        raise LoadError(f"The image processor of {name} cannot be opened.{hint} Save the model's own again.") from error
    told: Any = getattr(processor, "size", None) or {}
    sides = told if isinstance(told, dict) else vars(told)
    sizes = [value for value in sides.values() if isinstance(value, int)]
    if max(sizes, default=0) > _LARGEST:
        raise LoadError(f"The image processor of {name} makes images {max(sizes):,} points wide. Save the model's own.")
    return processor

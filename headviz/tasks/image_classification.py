"""Image classification: one image, one label out of C classes."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch import Tensor

from headviz import stats
from headviz.errors import DataError
from headviz.tasks.task import Task
from headviz.tasks.text_classification import loss


def tokenise(
    processor: Any, inputs: list[tuple[Any, ...]], max_length: int, segments: bool
) -> tuple[list[dict[str, Any]], int]:
    """``pixel_values`` (channels, height, width) of each image, as the image processor makes them; none is cut.

    Raises DataError for a text: the image processor would open it as a file or fetch it as an address.
    """
    for image, *more in inputs:
        if more or isinstance(image, str | bytes | os.PathLike):
            raise DataError(
                f"This model reads images, and {str(image)[:60]!r} is none. Give arrays or PIL images, one each."
            )
    pixels = processor([image for (image,) in inputs], return_tensors="np")["pixel_values"]
    return [{"pixel_values": one} for one in pixels], 0


def collate(processor: Any, features: list[dict[str, Any]]) -> dict[str, Tensor]:
    """``pixel_values`` (B, channels, height, width)."""
    return {"pixel_values": torch.from_numpy(np.stack([one["pixel_values"] for one in features]))}


def probes(processor: Any) -> list[tuple[Any, ...]]:
    """Two images of noise, (height, width, 3) bytes."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    return [(image,) for image in noise]


def missing(processor: Any) -> str | None:
    """What an image processor lacks, as the rest of a sentence that begins with the model's name; None for a good
    one."""
    if not callable(processor) or "pixel_values" not in getattr(processor, "model_input_names", ()):
        return f"came with {type(processor).__name__} for an image processor. Give the model's image processor"
    return None


IMAGE_CLASSIFICATION = Task(
    name="image-classification",
    title="Image classification",
    auto="AutoModelForImageClassification",
    tokenise=tokenise,
    loss=loss,
    metrics={"accuracy": stats.accuracy, "macro_f1": stats.macro_f1_estimate, "matthews": stats.matthews_estimate},
    probes=probes,
    collate=collate,
    missing=missing,
)

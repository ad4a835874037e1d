"""Checkpoints of a run: which of them are whole, so that a run that was stopped or killed can go on.

transformers' Trainer goes on without a word where the optimizer, the scheduler or the random state is missing, and ends
with other weights; so a checkpoint counts only when all of it is there and can be read. Nothing is unpickled to see.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

CHECKPOINTS = "checkpoints"
OUTPUTS_FILE = "outputs.safetensors"
STATE_FILE = "headviz.json"  # of ours, beside the Trainer's files
_TRAINER_FILE = "trainer_state.json"  # which Trainer writes last
_TORCH_FILES = ("optimizer.pt", "scheduler.pt", "rng_state.pth")
_WEIGHTS = ("adapter_model.safetensors", "model.safetensors")


def steps_of(folder: Path) -> Iterator[tuple[int, Path]]:
    """(step, checkpoint) of all checkpoints of the run in ``folder``, the latest first, whole or not."""
    found = [(re.fullmatch(r"checkpoint-(\d+)", path.name), path) for path in (folder / CHECKPOINTS).glob("*")]
    yield from sorted(((int(name[1]), path) for name, path in found if name), reverse=True)


def latest_whole(folder: Path) -> Path | None:
    """The latest checkpoint of the run in ``folder`` from which it can go on, or None."""
    return next((path for _, path in steps_of(folder) if is_whole(path) and _best_is_there(path)), None)


def is_whole(checkpoint: Path) -> bool:
    """Whether every part of ``checkpoint`` is there and can be read to its end."""
    try:
        needs_outputs = read_state(checkpoint).get("outputs", False)
        json.loads((checkpoint / _TRAINER_FILE).read_text("utf-8"))
        for name in _TORCH_FILES:
            with zipfile.ZipFile(checkpoint / name) as file:
                if file.testzip() is not None:
                    return False
        weights = [checkpoint / name for name in _WEIGHTS if (checkpoint / name).is_file()]
        for path in [*weights, *([checkpoint / OUTPUTS_FILE] if needs_outputs else [])]:
            with safe_open(path, framework="pt") as file:
                file.keys()
    except (OSError, ValueError, zipfile.BadZipFile, SafetensorError):
        return False
    return bool(weights)


def _best_is_there(checkpoint: Path) -> bool:
    """Whether the weights of the best step so far are in a checkpoint, too: the run may end with them."""
    best = json.loads((checkpoint / _TRAINER_FILE).read_text("utf-8")).get("best_global_step")
    return not best or is_whole(checkpoint.parent / f"checkpoint-{best}")


def read_state(checkpoint: Path) -> dict[str, Any]:
    """What headviz itself keeps in a checkpoint: meters, what is frozen, notes, and whether there are outputs, too."""
    state = json.loads((checkpoint / STATE_FILE).read_text("utf-8"))
    if not isinstance(state, dict):
        raise ValueError(f"{checkpoint / STATE_FILE} is no object")  # noqa: TRY004 -- as damaged as what is no JSON
    return state


def write_state(checkpoint: Path, state: dict[str, Any]) -> None:
    (checkpoint / STATE_FILE).write_text(json.dumps(state), "utf-8")


def read_outputs(checkpoint: Path) -> list[np.ndarray]:
    """The outputs with which the next look at importance is compared, where that is not the start."""
    tensors = load_file(checkpoint / OUTPUTS_FILE)
    return [tensors[str(unit)] for unit in range(len(tensors))]


def write_outputs(checkpoint: Path, outputs: Sequence[np.ndarray]) -> None:
    save_file({str(unit): np.ascontiguousarray(own) for unit, own in enumerate(outputs)}, checkpoint / OUTPUTS_FILE)

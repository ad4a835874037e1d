"""What is looked at before a recovery starts, so that it does not fail after an hour."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headviz.data import require_data
from headviz.errors import DataError, RunError
from headviz.labels import match_labels
from headviz.units import in_bytes

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.subject import Subject

_SHARED = 0.01  # of the validation texts: a chance repetition, and not the same split twice


def labels_of(subject: Subject, data: Data, role: str) -> np.ndarray:
    """(N,) the class of each example of ``data``. Raises DataError where it has none, or labels of another model."""
    require_data(data)
    if not len(data):
        raise DataError(f"The {role} split ({data.name}) has no examples; choose data with at least one row.")
    return match_labels(data, subject.labels)


def without_shared(train: Data, validation: Data) -> tuple[Data, str | None]:
    """``train`` without the texts that ``validation`` has as well, and a sentence about them, or None.

    Raises DataError where more than 1 % of the validation texts are also in ``train``: quality on them would be
    memory, and the splits are probably one.
    """
    seen = set(validation.inputs)
    stays = [place for place, texts in enumerate(train.inputs) if texts not in seen]
    known = set(train.inputs)
    shared = [texts for texts in validation.inputs if texts in known]
    if not shared:
        return train, None
    first = " | ".join(shared[0])
    first = first if len(first) <= 60 else f"{first[:59]}…"
    if len(shared) > _SHARED * len(validation) or not stays:
        raise DataError(
            f"{len(shared):,} of {len(validation):,} validation texts stand in the training split, too, such as "
            f"{first!r}. Give splits that share no text."
        )
    left_out = len(train) - len(stays)
    texts = "1 training text was" if left_out == 1 else f"{left_out:,} training texts were"
    return train.take(stays), f"{texts} left out, because the validation split has the same, such as {first!r}."


def require_room(folder: str | os.PathLike[str], needed: int) -> None:
    """Raises RunError where the disk of ``folder`` has less than ``needed`` bytes free."""
    place = Path(os.path.realpath(folder))
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise RunError(
            f"{os.fspath(folder)!r} needs room for two checkpoints and the model, {in_bytes(needed)}, and its disk "
            f"has {in_bytes(free)}. Choose another folder."
        )

"""What a pruned model says of the heads that it lost: kept_heads in its configuration, and head_mask.json beside it.

Both are read without trust: a folder that contradicts itself, or is of a later version, is refused with a sentence.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from headviz.errors import LoadError, MaskError
from headviz.families import families
from headviz.mask import Mask, describe_heads, head_name
from headviz.pruned_modeling import FORMAT, PREFIX, model_classes, whole_type

MASK_FILE = "head_mask.json"
_AGAIN = "Write the folder again with hv.save_pruned."


def is_pruned(raw: dict[str, Any]) -> bool:
    """Whether the content of a config.json is that of a model that `hv.save_pruned` wrote."""
    kind = raw.get("model_type")
    return isinstance(kind, str) and kind.startswith(PREFIX)


def pruned_class(raw: dict[str, Any], name: str) -> Any:
    """The class, of headviz's own copy, for the content of a pruned model's config.json; ``name`` is for messages.

    Raises LoadError for a later version, an unknown family, and an auto_map that leads to other code.
    """
    version = raw.get("headviz_format")
    if type(version) is not int or version < 1:
        raise LoadError(f"config.json of {name} does not say a headviz_format from 1. {_AGAIN}")
    if version > FORMAT:
        raise LoadError(
            f"{name} was pruned by a later version of headviz (format {version}, this one opens {FORMAT}). "
            "Update headviz to open it."
        )
    classes, kind = model_classes(), whole_type(raw["model_type"])
    if kind not in classes:
        raise LoadError(
            f"{name} is of the type {raw['model_type'][:60]!r}, which this version of headviz does not know; it opens "
            f"pruned models of {', '.join(classes)}. Update headviz if it was pruned by a later one."
        )
    if raw.get("auto_map") != auto_map(classes[kind]):
        raise LoadError(
            f"config.json of {name} names other code than headviz's for its classes (auto_map). Do not trust its code; "
            "have the folder written again with hv.save_pruned."
        )
    return classes[kind]


def auto_map(model: Any) -> dict[str, str]:
    """What config.json says of where the classes of a pruned model stand."""
    module = model.__module__.rpartition(".")[2]
    return {
        "AutoConfig": f"{module}.{model.config_class.__name__}",
        "AutoModelForSequenceClassification": f"{module}.{model.__name__}",
    }


def kept_heads(config: Any) -> list[list[int]] | None:
    """For each use of attention the kept heads, as the whole model counted them; None for a model that is whole."""
    kept = getattr(config, "kept_heads", None)
    return None if kept is None else [list(heads) for heads in kept]


def cut_of_config(config: Any) -> Mask | None:
    """The mask, over the heads of the whole model, that a pruned model's configuration speaks of; else None."""
    kept = kept_heads(config)
    if kept is None:
        return None
    keep = np.zeros((len(kept), config.num_attention_heads), dtype=bool)
    for layer, heads in enumerate(kept):
        keep[layer, heads] = True
    return Mask(keep)


def check_kept(config: Any, name: str) -> None:
    """Raises LoadError unless kept_heads lists, for each use of attention, heads that the whole model has."""
    kept, heads = config.kept_heads, config.num_attention_heads
    uses = len(families[whole_type(config.model_type)].blocks(config))
    if not isinstance(kept, list) or len(kept) != uses or not all(_are_heads(row, heads) for row in kept):
        raise LoadError(
            f"config.json of {name} must list the kept heads (kept_heads) of {uses} layers, each from 0 to {heads - 1} "
            f"and in order. {_AGAIN}"
        )
    if not any(kept):
        raise LoadError(f"{name} has no heads left (kept_heads in config.json). Open the model from before the cut.")


def _are_heads(row: Any, heads: int) -> bool:
    return (
        isinstance(row, list)
        and all(type(head) is int and 0 <= head < heads for head in row)
        and all(first < second for first, second in pairwise(row))
    )


def read_cut(folder: Path, config: Any, name: str) -> Mask:
    """The mask in the folder of a pruned model, over the heads of the whole one.

    Raises LoadError where there is none that can be read, or where it is not what ``config`` says.
    """
    if not (folder / MASK_FILE).is_file():
        raise LoadError(f"{name} lacks {MASK_FILE}, which says what heads of the whole model it has. {_AGAIN}")
    try:
        cut = Mask.open(folder / MASK_FILE)
    except MaskError as error:
        raise LoadError(f"What {name} says of its cut cannot be used. {error}") from error
    told = cut_of_config(config)
    assert told is not None
    if cut.heads != told.heads:
        raise LoadError(
            f"{MASK_FILE} of {name} is for {describe_heads(cut.heads)}, but its config.json speaks of "
            f"{describe_heads(told.heads)}. {_AGAIN}"
        )
    if cut != told:
        layer, head = (int(number) for number in np.argwhere(cut.keep != told.keep)[0])
        stays, goes = ("config.json", MASK_FILE) if told.keep[layer, head] else (MASK_FILE, "config.json")
        raise LoadError(
            f"{name} contradicts itself: {head_name(layer, head)} is kept by {stays} and cut by {goes}. {_AGAIN}"
        )
    return cut


def cut_note(cut: Mask) -> str:
    """A sentence on what a pruned model has left."""
    empty = [str(layer) for layer, row in enumerate(cut.keep) if not row.any()]
    layers = f"; layer {empty[0]} has none" if len(empty) == 1 else f"; layers {', '.join(empty)} have none"
    return f"Pruned: {cut.count} of {sum(cut.heads)} heads are left{layers if empty else ''}."

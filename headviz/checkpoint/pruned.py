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
from headviz.pruned_modeling import FORMAT, PREFIX, auto_map, classes_of_type, model_classes, whole_type

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
    kind = whole_type(raw["model_type"])
    classes = classes_of_type(kind)
    if not classes:
        raise LoadError(
            f"{name} is of the type {raw['model_type'][:60]!r}, which this version of headviz does not know; it opens "
            f"pruned models of {', '.join(model_classes())}. Update headviz if it was pruned by a later one."
        )
    found = next((one for one in classes if raw.get("auto_map") == auto_map(one)), None)
    if found is None:
        raise LoadError(
            f"config.json of {name} names other code than headviz's for its classes (auto_map). Do not trust its code; "
            "have the folder written again with hv.save_pruned."
        )
    return found


def kept_heads(config: Any) -> list[list[int]] | None:
    """For each use of attention the kept heads, as the whole model counted them; None for a model that is whole."""
    return _lists(config, "kept_heads")


def zeroed_heads(config: Any) -> list[list[int]] | None:
    """For each use of attention the heads that are cut but still have weights, zeros where they would be read; None
    where there can be none."""
    return _lists(config, "zeroed_heads")


def heads_with_weights(config: Any) -> list[list[int]] | None:
    """For each use of attention the heads that it still runs, kept or zeroed, as the whole model counted them; None for
    a model that is whole."""
    kept, zeroed = kept_heads(config), zeroed_heads(config)
    if kept is None or zeroed is None:
        return kept
    return [sorted({*row, *zeros}) for row, zeros in zip(kept, zeroed, strict=True)]


def _lists(config: Any, name: str) -> list[list[int]] | None:
    lists = getattr(config, name, None)
    return None if lists is None else [list(one) for one in lists]


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
    if hasattr(config, "key_value_heads") and not _groups_fit(config):
        raise LoadError(
            f"config.json of {name} must list, for each of {uses} layers, the heads that are zeroed (zeroed_heads) and "
            f"the keys that its heads read (key_value_heads), as they fit kept_heads. {_AGAIN}"
        )


def _groups_fit(config: Any) -> bool:
    """Whether kept and zeroed heads of each layer read the keys that are listed, equally many each."""
    total, of_keys = config.num_attention_heads, config.num_key_value_heads
    lists = (config.zeroed_heads, config.key_value_heads)
    if total % of_keys or not all(isinstance(one, list) and len(one) == len(config.kept_heads) for one in lists):
        return False
    for kept, zeroed, keys in zip(config.kept_heads, *lists, strict=True):
        if not _are_heads(zeroed, total) or {*kept} & {*zeroed}:
            return False
        if not isinstance(keys, list) or not all(type(key) is int for key in keys):
            return False
        read = [head // (total // of_keys) for head in sorted(kept + zeroed)]
        if len(keys) > len(read) or read != [key for key in keys for _ in range(len(read) // len(keys))]:
            return False
    return True


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
        raise LoadError(
            f"{name} lacks {MASK_FILE}, which says what heads of the whole model it has. Copy it from the folder that "
            "the model was first saved to, or wrap the model (hv.Subject.wrap) and use hv.save_pruned."
        )
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
    """A sentence on the heads that a pruned model has left."""
    empty = [str(layer) for layer, row in enumerate(cut.keep) if not row.any()]
    layers = f"; layer {empty[0]} has none" if len(empty) == 1 else f"; layers {', '.join(empty)} have none"
    return f"Pruned: {cut.count} of {sum(cut.heads)} heads are left{layers if empty else ''}."


def zeroed_names(config: Any) -> tuple[str, ...]:
    """The names, as the whole model counts its heads, of those that are cut but still have weights."""
    zeroed = zeroed_heads(config) or []
    return tuple(head_name(layer, head) for layer, heads in enumerate(zeroed) for head in heads)


def cut_notes(cut: Mask, config: Any) -> list[str]:
    """Sentences on a pruned model: what it has left, and which heads are cut but still have weights."""
    names = zeroed_names(config)
    if not names:
        return [cut_note(cut)]
    which = f"{', '.join(names[:8])} and {len(names) - 8} more" if len(names) > 8 else ", ".join(names)
    return [cut_note(cut), f"Cut, but still there as zeros in the weights: {which}."]

"""Single heads kept or cut on top of a mask: by hand, by a link, or by a lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from headviz.errors import MaskError

if TYPE_CHECKING:
    from headviz.mask import Mask


def edits_between(preset: Mask, mask: Mask) -> dict[str, bool]:
    """Head -> kept, for every head that ``mask`` treats otherwise than ``preset``, in reading order."""
    from headviz.mask import head_name

    if preset.keep.shape != mask.keep.shape:
        raise MaskError("The mask is of a model with other head counts; open that model first.")
    return {
        head_name(layer, head): bool(mask.keep[layer, head]) for layer, head in np.argwhere(preset.keep != mask.keep)
    }


def with_edits(
    under: Mask, edits: Mapping[str, bool], locks: Mapping[str, bool] | None = None, by_link: Sequence[str] = ()
) -> Mask:
    """``under`` with single heads kept or cut by hand (``by_link``: those that a link brought), and the locked ones as
    they are locked; heads that are not there are left out. The record tells by what each was changed."""
    there, locks = dict.fromkeys(under.kept, True) | dict.fromkeys(under.pruned, False), locks or {}
    by_hand = [
        head for head, kept in edits.items()
        if head in there and there[head] != kept and locks.get(head, kept) == kept
    ]  # fmt: skip
    by_lock = [head for head, kept in locks.items() if head in there and there[head] != kept and head not in by_hand]
    mask = under.with_toggled(*by_hand)
    if linked := [head for head in by_link if head in by_hand]:
        mask = mask.with_step({"by": "link", "heads": linked})
    return mask.with_step({"by": "lock", "heads": by_lock}, *by_lock) if by_lock else mask

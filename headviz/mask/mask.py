"""Mask: which heads are kept, with the record of how that came about. Immutable."""

from __future__ import annotations

import copy
import os
import warnings as python_warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from headviz import __version__
from headviz.errors import ExportError, MaskError
from headviz.files import write_whole
from headviz.mask import code as mask_code
from headviz.mask import file as mask_file
from headviz.mask.heads import describe_heads, head_name, head_present, places
from headviz.mask.plain import plain
from headviz.provenance import model_block, now

_BLOCKS = ("model", "criterion", "data", "measured")
# What says nothing any more once a head changes.
_OF_THE_CUT = ("measured", "measured_on", "created", "headviz")


class Mask:
    """The choice, per head, of what is kept.

    ``keep``: (L, H) bool, True = kept, False where a layer has no such head (ones and zeros will do). ``subject``: the
    model it is for; without one the head counts come from ``provenance["model"]["heads"]``, else every layer has H.
    ``provenance``: what the file will say beside the heads ("model", "criterion", "data", "measured", other keys are
    kept). Two masks are equal when they keep the same heads of the same; how they came about does not matter.

    >>> mask = Mask([[True, False], [True, True]])
    >>> mask.pruned, mask.count, mask.share
    (('L0H1',), 3, 0.75)
    >>> mask.with_toggled("L0H1").pruned
    ()
    """

    __slots__ = ("_as_read", "_heads", "_keep", "_provenance", "_warnings")
    _as_read: bool  # as it stood in a file: saved again it says no more than it did there
    _heads: tuple[int, ...]
    _keep: np.ndarray
    _provenance: dict[str, Any]
    _warnings: tuple[str, ...]

    def __init__(self, keep: Any, *, subject: Any | None = None, provenance: dict[str, Any] | None = None) -> None:
        blocks = plain(provenance or {})
        if subject is not None:
            blocks["model"] = {**(blocks.get("model") or {}), **plain(model_block(subject))}
        array = _as_keep(keep)
        self._set(array, _heads_of(blocks, array), blocks, ())

    def _set(
        self,
        keep: np.ndarray,
        heads: Sequence[int],
        provenance: dict[str, Any],
        warnings: tuple[str, ...],
        as_read: bool = False,
    ) -> None:
        heads = tuple(int(count) for count in heads)
        if keep.shape != (len(heads), max(heads)):
            raise MaskError(
                f"A mask of shape {keep.shape} does not fit {describe_heads(heads)}; "
                f"its shape must be {(len(heads), max(heads))}."
            )
        absent = np.argwhere(keep & ~head_present(heads))
        if len(absent):
            layer, head = (int(number) for number in absent[0])
            raise MaskError(
                f"The mask keeps {head_name(layer, head)}, but layer {layer} has only {heads[layer]}. "
                "Put False where a layer has no such head."
            )
        keep = keep.copy()
        keep.setflags(write=False)
        values = {"_keep": keep, "_heads": heads, "_warnings": warnings, "_as_read": as_read}
        values["_provenance"] = _checked_blocks(provenance, heads)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def _make(
        cls,
        keep: np.ndarray,
        heads: Sequence[int],
        provenance: dict[str, Any],
        warnings: tuple[str, ...] = (),
        as_read: bool = False,
    ) -> Mask:
        mask = cls.__new__(cls)
        mask._set(keep, heads, provenance, warnings, as_read)
        return mask

    @classmethod
    def full(cls, subject: Any) -> Mask:
        """The mask that keeps every head of ``subject``."""
        return cls(head_present(subject.heads), subject=subject)

    # What it says

    @property
    def keep(self) -> np.ndarray:
        """(L, H) bool, read-only: True = kept, False also where a layer has no such head."""
        return self._keep

    @property
    def heads(self) -> tuple[int, ...]:
        """How many heads each layer has, kept or not."""
        return self._heads

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the kept heads in reading order."""
        return self._names(self._keep)

    @property
    def pruned(self) -> tuple[str, ...]:
        """Names of the cut heads in reading order."""
        return self._names(~self._keep & head_present(self._heads))

    @property
    def count(self) -> int:
        """How many heads are kept."""
        return int(self._keep.sum())

    @property
    def share(self) -> float:
        """Kept heads divided by all heads (1 where there is none)."""
        return self.count / sum(self._heads) if sum(self._heads) else 1.0

    @property
    def provenance(self) -> dict[str, Any]:
        """A copy of what the file says beside the heads: "model", "criterion", "data", "measured" and other keys."""
        return {key: copy.deepcopy(value) for key, value in self._provenance.items() if key != "digest"}

    @property
    def by_hand(self) -> tuple[str, ...]:
        """Names of the heads that a hand changed, as the record has them."""
        return tuple(self._provenance.get("criterion", {}).get("by_hand", ()))

    @property
    def steps(self) -> tuple[dict[str, Any], ...]:
        """What else led here after the criterion, in order, each a block that says by what ("by") and how."""
        return tuple(dict(step) for step in _steps_of(self._provenance) if isinstance(step, dict))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences that a page shows: what did not fit when the mask was opened."""
        return self._warnings

    def overlap(self, other: Mask) -> float:
        """Jaccard index of the kept heads, 0 to 1; 1 where neither mask keeps any."""
        self._require_same_heads(other)
        either = int((self._keep | other._keep).sum())
        return int((self._keep & other._keep).sum()) / either if either else 1.0

    def differing(self, other: Mask) -> tuple[str, ...]:
        """Names of the heads that one mask keeps and the other cuts, in reading order."""
        self._require_same_heads(other)
        return self._names(self._keep ^ other._keep)

    # Other masks from it

    def with_toggled(self, *heads: str) -> Mask:
        """The mask with each of ``heads`` cut if it was kept and kept if it was cut.

        ``provenance["criterion"]["by_hand"]`` lists the heads that a hand changed: toggling twice takes a head off that
        list. Measured values are left behind, since they were those of another mask.
        """
        return self._changed(self._toggled(heads))

    def with_step(self, step: dict[str, Any], *heads: str) -> Mask:
        """The mask with ``heads`` toggled by what ``step`` tells of, and not by hand. ``step``, a block with "by" (as
        "search"), goes to the end of ``provenance["steps"]``."""
        return self._changed(self._toggled(heads), plain(step))

    def _toggled(self, heads: Iterable[str]) -> np.ndarray:
        keep = self._keep.copy()
        for layer, head in (place for name in heads for place in places(name, self._heads)):
            keep[layer, head] ^= True
        return keep

    def with_(self, *, always: str | Iterable[str] = (), never: str | Iterable[str] = ()) -> Mask:
        """The mask with every head of ``always`` cut and every head of ``never`` kept; changes count as by hand."""
        cut, kept = places(always, self._heads), places(never, self._heads)
        if both := sorted(set(cut) & set(kept)):
            raise MaskError(f"{head_name(*both[0])} stands in both always and never. Take it out of one of them.")
        keep = self._keep.copy()
        for place in cut:
            keep[place] = False
        for place in kept:
            keep[place] = True
        return self._changed(keep)

    def with_provenance(self, **blocks: Any) -> Mask:
        """The same mask with blocks of its record replaced, as ``measured=evaluation.metrics``, or removed, as None."""
        changed = {**self._provenance, **plain(blocks)}
        return self._make(
            self._keep, self._heads, {k: v for k, v in changed.items() if v is not None}, self._warnings, self._as_read
        )

    def _changed(self, keep: np.ndarray, step: dict[str, Any] | None = None) -> Mask:
        """The mask that keeps ``keep``, changed by hand or by ``step``."""
        changed = {(int(layer), int(head)) for layer, head in np.argwhere(keep != self._keep)}
        if not changed and step is None:
            return self
        left_behind = _OF_THE_CUT if changed else ()
        blocks = {key: value for key, value in self.provenance.items() if key not in left_behind}
        criterion = blocks.pop("criterion", {})
        before = set(places(criterion.pop("by_hand", ()), self._heads))
        by_hand = before ^ changed if step is None else before - changed
        if by_hand:
            criterion["by_hand"] = [head_name(*place) for place in sorted(by_hand)]
        if criterion:
            blocks["criterion"] = criterion
        if step is not None:
            blocks["steps"] = [*_steps_of(blocks), step]
        return self._make(keep, self._heads, blocks, self._warnings)

    # Codes and files

    @property
    def code(self) -> str:
        """The mask as at most 8 + ceil(heads / 6) URL-safe characters, for links."""
        return mask_code.encode(self._keep[head_present(self._heads)], self._heads)

    @classmethod
    def from_code(cls, code: str, subject: Any) -> Mask:
        """The mask of a code, for the model it was made for. Raises MaskError for every string that is no such code."""
        keep = head_present(subject.heads)
        keep[keep] = mask_code.decode(code, subject.heads)
        return cls(keep, subject=subject)

    def record(self) -> dict[str, Any]:
        """What the .json file holds; see `headviz.mask.file`."""
        blocks = self.provenance
        if not self._as_read:
            blocks = {**blocks, "created": blocks.get("created", now()), "headviz": blocks.get("headviz", __version__)}
        order = ("criterion", "steps", "data", "measured", "created", "headviz")
        return {
            "format": mask_file.FORMAT,
            "version": mask_file.VERSION,
            "model": {**blocks.pop("model", {}), "heads": list(self._heads)},
            "pruned_heads": mask_file.pruned_heads(self._keep, self._heads),
            **{key: blocks.pop(key) for key in order if key in blocks},
            **blocks,
        }

    def content(self, suffix: str = ".json") -> bytes:
        """The bytes of the file that `save` writes, ".json" or ".npz"."""
        fresh = not self._as_read or "digest" in self._provenance  # a file that had no digest is written as it was
        record = mask_file.with_digest(self.record()) if fresh else self.record()
        is_json = mask_file.suffix_of(f"mask{suffix}", ExportError) == ".json"
        return mask_file.json_bytes(record) if is_json else mask_file.npz_bytes(self._keep, self._heads, record)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the mask to a .json or .npz file, whole or not at all. Raises ExportError where that cannot be."""
        content = self.content(mask_file.suffix_of(path, ExportError))
        write_whole(path, lambda file: (file.write(content), None)[1])

    @classmethod
    def open(cls, path: str | os.PathLike[str], subject: Any | None = None) -> Mask:
        """The mask in a .json or .npz file, for ``subject`` where one is given.

        Raises MaskError for a file that is no mask, is of a later version, or is for other head counts. A mask made for
        other weights opens, with a warning that also stands in ``warnings``.
        """
        mask_file.suffix_of(path, MaskError)
        return cls._read(mask_file.content_of(path), Path(path).name, subject)

    @classmethod
    def read(cls, content: bytes, name: str, subject: Any | None = None) -> Mask:
        """`open` for the bytes of a file called ``name``, such as an upload."""
        return cls._read(content, name, subject)

    @classmethod
    def _read(cls, content: bytes, name: str, subject: Any | None) -> Mask:
        keep, heads, provenance = mask_file.read(content, name)
        if heads is None:
            heads = tuple(subject.heads) if subject is not None else (keep.shape[1],) * len(keep)
        said = mask_file.changed_since_saved(provenance, mask_file.pruned_heads(keep, heads), name)
        if subject is not None:
            if heads != tuple(subject.heads) or keep.shape != (len(heads), max(heads)):
                there = describe_heads(heads) if keep.shape == (len(heads), max(heads)) else f"the shape {keep.shape}"
                raise MaskError(
                    f"{name} is a mask for {there}, but {subject.name} has {describe_heads(subject.heads)}. "
                    "Open the model it was made for, or choose another mask."
                )
            provenance.setdefault("model", plain(model_block(subject)))
            said += _mismatch(provenance["model"], name, subject)
        try:
            mask = cls._make(keep, heads, provenance, said, as_read=True)
        except MaskError as error:
            raise MaskError(f"{name}: {error}") from error
        for sentence in said:
            python_warnings.warn(sentence, stacklevel=3)
        return mask

    def _names(self, chosen: np.ndarray) -> tuple[str, ...]:
        return tuple(head_name(layer, head) for layer, head in np.argwhere(chosen))

    def _require_same_heads(self, other: Mask) -> None:
        if self._heads != other._heads:
            raise MaskError(
                f"Masks for {describe_heads(self._heads)} and for {describe_heads(other._heads)} cannot be compared. "
                "Take both from one model."
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        return self._heads == other._heads and bool((self._keep == other._keep).all())

    def __hash__(self) -> int:
        return hash((self._heads, self._keep.tobytes()))

    def __repr__(self) -> str:
        return f"Mask({self.count} of {sum(self._heads)} heads kept, {describe_heads(self._heads)})"

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(
            "A Mask cannot be changed; with_toggled, with_, with_step and with_provenance give another one."
        )

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)

    def __copy__(self) -> Mask:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Mask:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Mask._make, (self._keep, self._heads, self._provenance, self._warnings, self._as_read)


def _as_keep(keep: Any) -> np.ndarray:
    try:
        array = np.asarray(keep)
    except ValueError as error:
        raise MaskError("A mask must be an array of shape (layers, heads), the same number for every layer.") from error
    if array.ndim != 2 or 0 in array.shape[:1]:
        raise MaskError(f"A mask must be an array of shape (layers, heads); this one has the shape {array.shape}.")
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise MaskError("A mask must hold True (kept) and False (cut) alone, or ones and zeros.")
    return array.astype(bool)


def _heads_of(blocks: dict[str, Any], keep: np.ndarray) -> Sequence[int]:
    model = blocks.get("model")
    heads = model.get("heads") if isinstance(model, dict) else None
    if heads is None:
        return (keep.shape[1],) * keep.shape[0]
    if not isinstance(heads, list) or not heads or not all(type(count) is int and count >= 0 for count in heads):
        raise MaskError('provenance["model"]["heads"] must be the list of how many heads each layer has.')
    return heads


def _checked_blocks(provenance: dict[str, Any], heads: Sequence[int]) -> dict[str, Any]:
    """The blocks that readers rely on, each of the kind that it must be; what a mask says of itself is left out."""
    blocks = {
        key: value
        for key, value in provenance.items()
        if key not in ("format", "version", "pruned_heads") and not (key in _BLOCKS and value is None)
    }
    for key in _BLOCKS:
        if not isinstance(blocks.get(key, {}), dict):
            raise MaskError(f'"{key}" must be an object of named values. Correct it or leave it out.')
    for block, key in (("model", "name"), ("model", "fingerprint"), ("model", "family"), ("criterion", "name")):
        if not isinstance(blocks.get(block, {}).get(key, ""), str | None):
            raise MaskError(f'"{key}" of "{block}" must be a text. Correct it or leave it out.')
    for block, key, kind in (("criterion", "options", dict), ("criterion", "by_hand", list)):
        if not isinstance(blocks.get(block, {}).get(key, kind()), kind):
            raise MaskError(f'"{key}" of "{block}" is not what it must be, {"names" if kind is list else "options"}.')
    places(blocks.get("criterion", {}).get("by_hand", ()), heads)  # says what is no head of these
    return blocks


def _steps_of(blocks: dict[str, Any]) -> list[Any]:
    """The steps of a record; none where another program keeps something else under that name."""
    steps = blocks.get("steps")
    return steps if isinstance(steps, list) else []


def _mismatch(model: Any, name: str, subject: Any) -> tuple[str, ...]:
    """The warning for a mask that was made for other weights than those of ``subject``."""
    made_for = model.get("fingerprint") if isinstance(model, dict) else None
    if made_for is None or made_for == subject.fingerprint:
        return ()
    return (
        f"{name} was made for other weights: {str(model.get('name'))[:100]!r} ({str(made_for)[:16]}), not "
        f"{subject.name} ({subject.fingerprint}). It opens, since the head counts agree, but what was "
        "measured then does not hold here.",
    )

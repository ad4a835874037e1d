"""Mask files: JSON for people and .npz for programs; reading trusts nothing, and neither runs nor unpickles anything.

The JSON is an object. It must have ``format`` ("headviz.mask"), ``version`` (1), ``model.heads`` (heads of each layer)
and ``pruned_heads`` (layer -> heads that are cut, as in transformers' configurations). It may have ``model``'s other
entries, ``criterion``, ``data``, ``measured``, ``created``, ``headviz``, and keys that this version does not know: they
are kept. The .npz has ``keep``, bool (L, H), and ``head_mask``, float32 (L, H), 1 keeps; False and 0 where a layer has
no such head; ``heads`` (L,) and the JSON as the text ``record``. To read, ``keep`` or ``head_mask`` is enough.
"""

from __future__ import annotations

import io
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from headviz.errors import MaskError
from headviz.mask.heads import head_present, require_head
from headviz.mask.plain import dump_json, parse_json, plain
from headviz.npz import Unreadable, read_npz
from headviz.provenance import hash_rows
from headviz.units import in_bytes

FORMAT, VERSION = "headviz.mask", 1
SUFFIXES = (".json", ".npz")
MAX_BYTES = 5_000_000
# What headviz says of a mask, and the digest covers; other keys are anybody's.
_TOLD = (
    *("model", "pruned_heads", "criterion", "steps", "data", "measured", "measured_on", "recovery", "rescued"),
    *("created", "headviz"),
)
_MAX_HEADS = 1_000_000  # of the array (L, H)


class MaskContent(NamedTuple):
    """What a file says: keep (L, H) bool, heads of each layer (None if it leaves them open), the other blocks."""

    keep: np.ndarray
    heads: tuple[int, ...] | None
    provenance: dict[str, Any]


def content_of(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a mask file. Raises MaskError where there is none, or one too large to be a mask."""
    name = os.fspath(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise MaskError(f"{name!r} is not a file. Choose a mask that headviz saved, {' or '.join(SUFFIXES)}.")
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)  # one more, so that `read` sees that it is too large
    except FileNotFoundError as error:
        raise MaskError(f"There is no file {name!r}. Check its name.") from error
    except (OSError, ValueError) as error:
        raise MaskError(f"{name!r} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def read(content: bytes, name: str) -> MaskContent:
    """What the file ``name`` with ``content`` says. Raises MaskError, naming the file, for whatever is not a mask."""
    if len(content) > MAX_BYTES:
        raise MaskError(f"{name} is larger than {in_bytes(MAX_BYTES)}, which no mask is. Choose another file.")
    suffix = suffix_of(name, MaskError)
    return _read_json(content, name) if suffix == ".json" else _read_npz(content, name)


def suffix_of(path: str | os.PathLike[str], error: type[Exception]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise error(f"{os.fspath(path)!r} does not end in {' or '.join(SUFFIXES)}, the two forms of a mask file.")
    return suffix


def with_digest(record: Mapping[str, Any]) -> dict[str, Any]:
    """``record`` with the digest of its heads and of what headviz says of them."""
    return {**record, "digest": _digest(record)}


def _digest(record: Mapping[str, Any]) -> str:
    told = [[key, record[key]] for key in _TOLD if key in record]
    return hash_rows([json.dumps(told, sort_keys=True).encode()])


def changed_since_saved(provenance: Mapping[str, Any], cut: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The sentence on a file whose heads or record are others than when it was saved. It opens all the same: people
    edit masks by hand."""
    found = provenance.get("digest")
    if not isinstance(found, str) or found == _digest({**provenance, "pruned_heads": cut}):
        return ()
    return (
        f"{name} is not as headviz saved it: it was edited or is damaged. Check its heads, and save it again once they "
        "are right.",
    )


def json_bytes(record: Mapping[str, Any]) -> bytes:
    return dump_json(record).encode("utf-8")


def npz_bytes(keep: np.ndarray, heads: Sequence[int], record: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        keep=keep,
        head_mask=keep.astype(np.float32),
        heads=np.array(heads, dtype=np.int64),
        record=np.array(dump_json(record)),
    )
    return buffer.getvalue()


def pruned_heads(keep: np.ndarray, heads: Sequence[int]) -> dict[str, list[int]]:
    """Layer -> heads that are cut, for the layers that lose any."""
    cut = {str(layer): np.flatnonzero(~keep[layer, :count]).tolist() for layer, count in enumerate(heads)}
    return {layer: indices for layer, indices in cut.items() if indices}


def _read_json(content: bytes, name: str) -> MaskContent:
    return _from_record(parse_json(content, name), name)


def _from_record(record: dict[str, Any], name: str) -> MaskContent:
    if record.get("format") != FORMAT:
        raise MaskError(
            f'{name} is not a headviz mask: its "format" is not "{FORMAT}". Choose a mask that headviz saved.'
        )
    version = record.get("version")
    if not _is_count(version) or version < 1:
        raise MaskError(f'{name}: "version" must be a whole number from 1. Choose a mask that headviz saved.')
    if version > VERSION:
        raise MaskError(
            f"{name} was saved by a later version of headviz (mask version {version}, this one reads {VERSION}). "
            "Update headviz to open it."
        )
    model = record.get("model")
    heads = _heads(model.get("heads") if isinstance(model, dict) else None, name)
    keep = _keep(record.get("pruned_heads"), heads, name)
    rest = {key: value for key, value in record.items() if key not in ("format", "version", "pruned_heads")}
    return MaskContent(keep, heads, plain(rest, name))


def _heads(counts: Any, name: str) -> tuple[int, ...]:
    if not isinstance(counts, list) or not counts or not all(_is_count(count) for count in counts):
        raise MaskError(f'{name}: "model" must have "heads", the list of how many heads each layer has.')
    if len(counts) * max(counts) > _MAX_HEADS:
        raise MaskError(f"{name}: {len(counts)} layers of up to {max(counts)} heads are more than any model has.")
    return tuple(counts)


def _keep(pruned: Any, heads: tuple[int, ...], name: str) -> np.ndarray:
    if not isinstance(pruned, dict):
        raise MaskError(
            f'{name}: "pruned_heads" must be an object of layers, each with the list of heads that are cut.'
        )
    keep = head_present(heads)
    for key, indices in pruned.items():
        # int() would also take "+1", " 1" and "01", and with them one layer twice.
        if not re.fullmatch(r"0|[1-9][0-9]{0,6}", key, re.ASCII):
            raise MaskError(f'{name}: "pruned_heads" has {key[:40]!r} where the number of a layer belongs.')
        if not isinstance(indices, list) or not all(_is_count(index) for index in indices):
            raise MaskError(f'{name}: "pruned_heads" of layer {key} must be a list of whole numbers from 0.')
        if len(set(indices)) < len(indices):
            raise MaskError(f'{name}: "pruned_heads" names a head of layer {key} twice. Remove one of the two.')
        for index in indices or [0]:
            try:
                # an empty list still names a layer; whether that layer has a head does not matter then
                require_head(int(key), index, heads if indices else [1] * len(heads))
            except MaskError as error:
                raise MaskError(f"{name}: {error}") from error
        keep[int(key), indices] = False
    return keep


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _read_npz(content: bytes, name: str) -> MaskContent:
    arrays = _arrays(content, name)
    masks = [_as_keep(arrays[key], key, name) for key in ("keep", "head_mask") if key in arrays]
    if not masks:
        raise MaskError(f'{name} has neither "keep" nor "head_mask". Choose a mask that headviz saved.')
    keep = masks[0]
    if any(mask.shape != keep.shape or (mask != keep).any() for mask in masks):
        raise MaskError(f'{name}: "keep" and "head_mask" do not say the same. Choose a mask that headviz saved.')
    if "record" not in arrays:
        return MaskContent(keep, None, {})
    try:
        if arrays["record"].dtype.kind != "U":
            raise TypeError("not a text")
        text = arrays["record"].item()  # refuses an array of several, and numbers that are no characters
    except (ValueError, TypeError, SystemError) as error:
        raise MaskError(f'{name}: "record" is not one text. Choose a mask that headviz saved.') from error
    # A text array can hold halves of pairs, which are no UTF-8; parse_json then says so.
    said = _read_json(text.encode("utf-8", "surrogatepass"), name)
    if said.keep.shape != keep.shape or (said.keep != keep).any():
        raise MaskError(f'{name}: "record" and "keep" do not say the same. Choose a mask that headviz saved.')
    return said


def _as_keep(array: np.ndarray, key: str, name: str) -> np.ndarray:
    if array.dtype == bool:
        array = array.view(np.uint8)  # the bytes of a file can hold "booleans" that are neither 0 nor 1
    if array.ndim != 2 or array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all() or not len(array):
        raise MaskError(f'{name}: "{key}" must be an array of shape (layers, heads) of ones and zeros.')
    return array.astype(bool)


def _arrays(content: bytes, name: str) -> dict[str, np.ndarray]:
    """The arrays of a mask in an .npz."""
    try:
        found = read_npz(io.BytesIO(content), only=("keep", "head_mask", "record"), most=MAX_BYTES)
    except Unreadable as error:
        raise MaskError(f"{name}{error} Choose a mask that headviz saved.") from error
    for key, array in found.items():
        if array.size > _MAX_HEADS:
            raise MaskError(f'{name}: "{key}" is larger than any model. Choose a mask that headviz saved.')
    return found

"""Files of headviz's own that hold arrays: how each kind is sealed, and read by someone who trusts nothing.

A file is a Parquet table or an .npz with a JSON object, its head, that says ``format`` and ``version``. Its seal is the
SHA-256 of the whole file, written into the file, with zeros where the digest stands: one bit that changes anywhere is
seen before anything is read. Files without a seal, of earlier versions, are read as before.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np

from headviz.errors import ScoreError
from headviz.files import write_whole
from headviz.mask.plain import plain
from headviz.npz import read_npz

if TYPE_CHECKING:
    import pyarrow as pa

# What a seal begins with; JSON writes the control character in another way, so no text of a head looks like it.
_MARK, _DIGITS = b"\x1eheadviz-sha256:", 64
_BLANK = _MARK + b"0" * _DIGITS
_PART = 2**20  # bytes read at a time
_HEAD = b"headviz"  # the key of the head in a table
_ABOUT = "about"  # the array of the head in an .npz
_RATIO, _ALWAYS = 50, 256 * 10**6  # what is unpacked: so many times the file's own bytes, and so many in any case

Content = TypeVar("Content")
Arrays = Mapping[str, np.ndarray]
Unpack = Callable[[dict[str, np.ndarray], dict[str, Any]], Content]
Load = Callable[[Path], tuple[dict[str, np.ndarray], str | None]]


@dataclass(frozen=True)
class Kind:
    """A kind of file: ``format`` and the latest ``version``, as they stand in it; ``name`` and what to ``make`` one
    with, for sentences."""

    format: str
    version: int
    name: str
    make: str

    def head(self, about: Mapping[str, Any]) -> str:
        return json.dumps({"format": self.format, "version": self.version, **about})


# -- writing -----------------------------------------------------------------------------------------------------------


def write_table(kind: Kind, path: Path, columns: Arrays, about: Mapping[str, Any]) -> None:
    """A Parquet file of ``columns``, (N,) or (N, M), whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def rows(values: np.ndarray) -> Any:
        flat = pa.array(np.ascontiguousarray(values).ravel())
        return flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])

    table = pa.table({name: rows(values) for name, values in columns.items()})
    table = table.replace_schema_metadata({_HEAD: kind.head(about).encode()})
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"seal": _BLANK.decode()})
    _write_sealed(path, buffer)


def write_arrays(kind: Kind, path: Path, arrays: Arrays, about: Mapping[str, Any]) -> None:
    """An .npz file of ``arrays``, whole or not at all."""
    buffer = io.BytesIO()
    every: dict[str, Any] = {_ABOUT: np.array(kind.head(about)), **arrays}
    np.savez_compressed(buffer, **every)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = _BLANK
    _write_sealed(path, buffer)


def _write_sealed(path: Path, buffer: io.BytesIO) -> None:
    at = buffer.getvalue().rindex(_BLANK) + len(_MARK)
    digest = _digest(buffer, at)
    buffer.seek(at)
    buffer.write(digest)
    write_whole(path, lambda file: (file.write(buffer.getbuffer()), None)[1])


def _digest(file: BinaryIO, at: int) -> bytes:
    """Of the whole file, with zeros for the digits that begin at ``at``."""
    digest, left = hashlib.sha256(), at
    file.seek(0)
    while left > 0:
        part = file.read(min(left, _PART))
        digest.update(part)
        left -= len(part)
    digest.update(b"0" * _DIGITS)
    file.seek(at + _DIGITS)
    while part := file.read(_PART):
        digest.update(part)
    return digest.hexdigest().encode()


# -- reading -----------------------------------------------------------------------------------------------------------


def read_table(kind: Kind, path: Path, unpack: Unpack[Content]) -> Content:
    """What ``unpack(columns, head)`` makes of what `write_table` wrote; whatever it raises, the file is damaged.

    Raises ScoreError, and nothing else, where the file is missing, not of this kind, damaged, or of a later version.
    """
    return _read(kind, path, "Parquet", _of_table, unpack)


def read_arrays(kind: Kind, path: Path, unpack: Unpack[Content]) -> Content:
    """`read_table` for what `write_arrays` wrote."""
    return _read(kind, path, ".npz", _of_npz, unpack)


def _read(kind: Kind, path: Path, form: str, load: Load, unpack: Unpack[Content]) -> Content:
    if not path.is_file():
        raise ScoreError(f"There is no {kind.name} {path.name!r}; make one with {kind.make}.")
    damaged = ScoreError(f"{path.name} is damaged; make it anew with {kind.make}.")
    try:
        whole = _is_whole(path)
    except OSError as cause:
        raise ScoreError(f"{path.name} cannot be read: {cause.strerror}. Check who may read it.") from cause
    if not whole:
        raise damaged
    # What a broken file makes of pyarrow, zipfile, json and numpy has no end of names.
    try:
        arrays, text = load(path)
    except Exception as cause:
        raise ScoreError(
            f"{path.name} is not a {kind.name} of headviz: it is not a readable {form} file. Make it with {kind.make}."
        ) from cause
    try:
        head = json.loads(text or "")
        version = head["version"]
        require(head["format"] == kind.format and type(version) is int and version > 0, "format")
    except Exception as cause:
        raise ScoreError(f"{path.name} is not a {kind.name} of headviz; make one with {kind.make}.") from cause
    if version > kind.version:
        raise ScoreError(f"{path.name} was written by a later version of headviz; update headviz to open it.")
    try:
        return unpack(arrays, head)
    except Exception as cause:
        raise damaged from cause


def _is_whole(path: Path) -> bool:
    """Whether the file is as it was sealed; one without a seal is taken to be."""
    with path.open("rb") as file:
        at = _place_of_digits(file)
        if at is None:
            return True
        file.seek(at)
        return file.read(_DIGITS) == _digest(file, at)


def _place_of_digits(file: BinaryIO) -> int | None:
    found, start, before = None, 0, b""
    while part := file.read(_PART):
        at = (before + part).rfind(_MARK)
        if at >= 0:
            found = start - len(before) + at + len(_MARK)
        before, start = part[-len(_MARK) :], start + len(part)
    return found


def _room(path: Path) -> int:
    """How many bytes may come out of the file."""
    return max(_ALWAYS, _RATIO * path.stat().st_size)


def _of_npz(path: Path) -> tuple[dict[str, np.ndarray], str | None]:
    arrays = read_npz(path, most=_room(path))
    return arrays, str(arrays.pop(_ABOUT)) if _ABOUT in arrays else None


def _of_table(path: Path) -> tuple[dict[str, np.ndarray], str | None]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        _require_small(file.metadata, _room(path))
        table = file.read()
    text = (table.schema.metadata or {}).get(_HEAD)
    if text is None:
        return {}, None
    return {name: _array(table[name]) for name in table.column_names}, text.decode()


def _require_small(metadata: Any, most: int) -> None:
    """By what the file says of itself, before any of it is made."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    values = sum(column.num_values for column in columns)
    if 8 * values + sum(column.total_uncompressed_size for column in columns) > most:
        raise ValueError("larger than it can be")


def _array(column: pa.ChunkedArray) -> np.ndarray:
    """(N,), or (N, M) of lists of one length."""
    import pyarrow as pa

    values = column.combine_chunks()
    if values.null_count:
        raise ValueError("nothing where a value should be")
    if not isinstance(values, pa.FixedSizeListArray | pa.ListArray | pa.LargeListArray):
        return values.to_numpy(zero_copy_only=False)
    flat, lengths = values.flatten(), values.value_lengths().unique()
    if flat.null_count or len(lengths) != 1:
        raise ValueError("lists of several lengths")
    return flat.to_numpy(zero_copy_only=False).reshape(len(values), lengths[0].as_py())


# -- what files have in common -----------------------------------------------------------------------------------------


def require(holds: bool, what: str) -> None:
    """Raises ValueError for ``what``, unless it ``holds``."""
    if not holds:
        raise ValueError(what)


def require_provenance(value: Any, *, heads: list[int]) -> None:
    """Raises ValueError unless ``value`` is a provenance, in the parts that are read again, of ``heads`` per layer."""
    require(isinstance(value, dict), "provenance")
    model, data, options = value.get("model", {}), value.get("data") or {}, value.get("options", {})
    require(all(isinstance(block, dict) for block in (model, data, options)), "blocks of the provenance")
    require(model.get("heads", heads) == heads, "heads of the model")
    texts = [model.get(key) for key in ("name", "fingerprint", "family")]
    texts += [data.get(key) for key in ("name", "split", "fingerprint")]
    require(all(isinstance(text, str | None) for text in texts), "texts of the provenance")
    plain(value)  # neither deeper nor odder than a mask could carry on

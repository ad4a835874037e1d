"""Arrays out of an .npz file that nobody vouches for: what it claims to be is checked before any of it is made."""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from headviz.units import in_bytes

# numpy reads an array's header with Python's own parser, which has many ways to say no.
_HEADER_ERRORS = (
    *(ValueError, KeyError, TypeError, SyntaxError, RecursionError, MemoryError, OverflowError),
    tokenize.TokenError,
)
_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RuntimeError, KeyError, IndexError),
)


class Unreadable(Exception):
    """An .npz file is damaged or none of numpy's; the message goes on where the file's name ends."""


def read_npz(file: Path | BinaryIO, *, most: int, only: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name, all of them or those of ``only`` that are there. What is unpacked has at most
    ``most`` bytes. Raises Unreadable; never unpickles."""
    found: dict[str, np.ndarray] = {}
    left = most
    try:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                key = info.filename.removesuffix(".npy")
                if (only is not None and key not in only) or key == info.filename:
                    continue
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise Unreadable(" is packed in a way that numpy does not use.")
                if info.file_size > left:
                    raise Unreadable(f': "{key}" unpacks to more than {in_bytes(most)}.')
                left -= info.file_size
                # Asked for a number of bytes, zipfile unpacks no more than that; asked for all, as much as there is.
                with archive.open(info) as member:
                    found[key] = _array(member.read(info.file_size + 1), key)
    except _ZIP_ERRORS as error:
        raise Unreadable(" is not an .npz file, or a damaged one.") from error
    return found


def _array(content: bytes, key: str) -> np.ndarray:
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = read_header[version](stream)
        # A header can claim any shape, and numpy would make room for it at once.
        honest = math.prod(shape) * dtype.itemsize == len(content) - stream.tell()
    except _HEADER_ERRORS as error:
        raise Unreadable(f': "{key}" is not an array.') from error
    if not honest or dtype.hasobject or dtype.itemsize == 0:
        raise Unreadable(f': "{key}" is not what it says it is.')
    stream.seek(0)
    try:
        return np.lib.format.read_array(stream, allow_pickle=False)
    except _HEADER_ERRORS as error:  # more dimensions than numpy has, a negative size
        raise Unreadable(f': "{key}" is not what it says it is.') from error

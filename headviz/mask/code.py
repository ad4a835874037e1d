"""The code of a mask: a few URL-safe characters that hold it exactly, for links.

One character for the version, seven for the checksum, then six heads a character, in reading order, 1 = kept. The
checksum covers the head counts, so that a code of another model's shape is refused, and the heads. A CRC-32 finds every
change within 32 neighbouring bits for certain, and so every change of one character or of two neighbours; ten bits of
SHA-256 beside it make chance hits (1 in 2**42) rarer still. Every mask has one code, and nothing else decodes.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Sequence

import numpy as np

from headviz.errors import MaskError

VERSION = "1"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
_CHECK = 7  # characters of the checksum: 42 bits
_CODE = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def encode(kept: np.ndarray, heads: Sequence[int]) -> str:
    """The code of ``kept``: bool (T,) over all heads in reading order, for layers of ``heads`` heads."""
    bits = np.concatenate([kept, np.zeros(-len(kept) % 6, dtype=bool)]).reshape(-1, 6)
    body = "".join(_ALPHABET[value] for value in bits @ (1 << np.arange(5, -1, -1)))
    return VERSION + _checksum(body, heads) + body


def decode(code: str, heads: Sequence[int]) -> np.ndarray:
    """The mask (T,) bool that `encode` turned into ``code``. Raises MaskError for every other string."""
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise MaskError("The mask code has characters that no code has. Copy the whole link again.")
    total = sum(heads)
    if code[:1] not in ("", VERSION):
        raise MaskError(
            "The mask code is damaged, or of a later version of headviz. Copy the whole link again, or update headviz."
        )
    body = code[1 + _CHECK :]
    if len(code) != 1 + _CHECK + -(-total // 6):
        raise MaskError(
            f"The mask code is not one for a model of {total} heads: it has {len(code)} characters and not "
            f"{1 + _CHECK + -(-total // 6)}. Copy the whole link again, or open the model it was made for."
        )
    values = np.array([_VALUE[character] for character in body], dtype=np.int64)
    bits = (values[:, None] >> np.arange(5, -1, -1) & 1).astype(bool).ravel()
    if code[1 : 1 + _CHECK] != _checksum(body, heads) or bits[total:].any():
        raise MaskError(
            "The mask code does not check: it was changed on the way, or made for a model of another shape. "
            "Copy the whole link again, or open the model it was made for."
        )
    return bits[:total]


def _checksum(body: str, heads: Sequence[int]) -> str:
    # The characters' six bits, packed: what the CRC promises, it promises of neighbouring bits.
    values = np.array([_VALUE[character] for character in body], dtype=np.uint8)
    packed = np.packbits((values[:, None] >> np.arange(5, -1, -1, dtype=np.uint8) & 1).ravel()).tobytes()
    content = ",".join(str(count) for count in heads).encode() + b";" + packed
    number = zlib.crc32(content) << 10 | int.from_bytes(hashlib.sha256(content).digest()[:2], "big") >> 6
    return "".join(_ALPHABET[number >> shift & 63] for shift in range(6 * (_CHECK - 1), -1, -6))

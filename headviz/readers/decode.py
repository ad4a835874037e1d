"""Bytes to UTF-8 bytes: unpacked within bounds, without a byte order mark, with newlines as line ends.

Readers cut rows and fields out of the bytes and decode those alone: a text held as one Python string takes up to four
times its size, as soon as one character of it needs four bytes.
"""

from __future__ import annotations

import codecs
import re
import zlib
from array import array
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from headviz.errors import DataError
from headviz.readers.bounds import FILE, Bounds

GZIP = b"\x1f\x8b"
_BINARY = {
    b"PK\x03\x04": "a zip file (or a document of an office program)",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls), or an Excel file with a password",
    b"PAR1": "a Parquet file (name it .parquet)",
    b"ARROW1": "an Arrow file",
    b"%PDF": "a PDF",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"SQLite format 3\0": "an SQLite database",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
_SAVE = "Save the data as .csv, .tsv, .jsonl, .xlsx or .parquet."
_PIECE = 2**20
_INK = re.compile(rb"\S").search
_WORD = re.compile(r"\w*[^\x00-\x7f]\w*")
_FOREIGN = 0.25  # of the bytes of lines with accents, at most, where the alphabet is Latin


class Text(NamedTuple):
    """``content``: UTF-8 with newlines as line ends; ``notes``: what was taken for granted on the way."""

    content: bytes
    notes: tuple[str, ...] = ()


def unpacked(content: bytes, source: str, bounds: Bounds = FILE) -> bytes:
    """``content`` of a gzip file, or ``content`` itself. Raises `DataError` beyond ``bounds``, before it is taken."""
    if not content.startswith(GZIP):
        bounds.require_size(len(content), source)
        return content
    pieces: list[bytes] = []
    size, rest = 0, content
    try:
        while rest.strip(b"\0"):  # several gzip files one after another are one, and tapes fill up with zeros
            packed = zlib.decompressobj(31)
            while not packed.eof:
                piece = packed.decompress(rest, _PIECE)
                rest = packed.unconsumed_tail
                if not piece and not rest and not packed.eof:
                    raise EOFError
                size += len(piece)
                bounds.require_size(size, source)
                pieces.append(piece)
            rest = packed.unused_data
    except (EOFError, zlib.error) as error:
        raise DataError(f"{source} is gzip data that cannot be unpacked; it may be cut short.") from error
    return b"".join(pieces)


def decode(content: bytes, source: str, bounds: Bounds = FILE) -> Text:
    """``content``, unpacked, as UTF-8. UTF-16 and UTF-32 are known by their byte order mark; Windows-1252 is read with
    a note where bytes are no UTF-8 and the text is in a Latin alphabet.

    Raises `DataError` for an empty file, a known binary format and an unknown encoding, naming the first bad line.
    """
    content = unpacked(content, source, bounds)
    for magic, what in _BINARY.items():
        if content.startswith(magic):
            raise DataError(f"{source} is {what}, not text. {_SAVE}")
    text = _utf8(content, source)
    if not _INK(text.content):
        raise DataError(f"{source} is empty; there is nothing to read.")
    if b"\n" not in text.content:  # lines as on old Macs
        text = text._replace(content=text.content.replace(b"\r", b"\n"))
    bounds.require_size(len(text.content), source)
    return text


def _utf8(content: bytes, source: str) -> Text:
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return _transcoded(content, "utf-32", source)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _transcoded(content, "utf-16", source)
    content = content.removeprefix(codecs.BOM_UTF8)
    sample = content[:4096]
    if sample.count(b"\0") * 4 > len(sample):
        raise DataError(
            f"{source} holds mostly zero bytes: it is a binary file, or UTF-16 without a byte order mark. "
            "Save it as UTF-8."
        )
    bad = None if content.isascii() else _first_bad(content)
    return Text(content) if bad is None else _windows(content, bad, source)


def _transcoded(content: bytes, encoding: str, source: str) -> Text:
    try:
        return Text(content.decode(encoding).encode())
    except UnicodeError as error:
        raise DataError(f"{source} is not the {encoding.upper()} that it starts as. Save it as UTF-8.") from error


def _pieces(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Where pieces of whole lines start, and the pieces."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + _PIECE) + 1 or len(content)
        yield start, content[start:end]
        start = end


def _first_bad(content: bytes) -> int | None:
    """The position of the first byte that is no UTF-8."""
    for start, piece in _pieces(content):
        try:
            piece.decode()
        except UnicodeDecodeError as error:
            return start + error.start
    return None


def _windows(content: bytes, bad: int, source: str) -> Text:
    """Text of Windows-1252, with a note that shows a word of it. A damaged UTF-8 file, or one in another alphabet, is
    none."""
    line = content.count(b"\n", 0, bad) + 1
    start, end = content.rfind(b"\n", 0, bad) + 1, content.find(b"\n", bad)
    first = content[start : len(content) if end < 0 else end]
    here = f"{source}, line {line}: byte 0x{content[bad]:02X} is not UTF-8"
    if _is_foreign(content):
        raise DataError(f"{here}, and the text is in no encoding that can be told. Save the file as UTF-8.")
    pieces = []
    for _, piece in _pieces(content):
        try:
            pieces.append(piece.decode("cp1252").encode())
        except UnicodeDecodeError as error:
            raise DataError(f"{here} (Windows or Latin-1 text?). Save the file as UTF-8.") from error
    word = next(iter(_WORD.findall(first.decode("cp1252"))), "")
    shown = f": line {line} has {word[:30]!r}" if word else ""
    return Text(b"".join(pieces), (f"{source} is not UTF-8, so it was read as Windows-1252 (Latin-1){shown}.",))


def _is_foreign(content: bytes) -> bool:
    """Whether the bytes beyond ASCII are mostly UTF-8 after all, or too many for accents on Latin letters."""
    sound = spoilt = 0
    among = beyond = 0
    for _, piece in _pieces(content):
        lines = [line for line in piece.split(b"\n") if not line.isascii()]
        among += sum(map(len, lines))
        for line in lines:
            beyond += int((np.frombuffer(line, np.uint8) > 127).sum())
            told = line.decode("utf-8", "surrogateescape")
            broken = sum("\udc80" <= character <= "\udcff" for character in told)
            spoilt += broken
            sound += sum(character > "\x7f" for character in told) - broken
    return sound > spoilt or beyond > _FOREIGN * among


def count_lines(content: bytes) -> int:
    """How many lines there are. A newline at the very end opens no further line."""
    return content.count(b"\n") + (not content.endswith(b"\n"))


def line_starts(content: bytes) -> np.ndarray:
    r"""(lines + 1,) int64: where each line starts, then one past the end of the last, as if it ended in \n."""
    breaks = np.flatnonzero(np.frombuffer(content, np.uint8) == 10) + 1
    ends = [] if content.endswith(b"\n") else [len(content) + 1]
    return np.concatenate([[0], breaks, ends]).astype(np.int64)


def first_line(content: bytes) -> bytes:
    """The first line with something in it, without its end."""
    found = _INK(content)
    start = 0 if found is None else content.rfind(b"\n", 0, found.start()) + 1
    end = content.find(b"\n", found.start() if found else 0)
    return content[start : len(content) if end < 0 else end].removesuffix(b"\r")


class Lines:
    r"""Lines that end in \n or \r\n, and in nothing else, cut out when asked for: texts may hold U+2028 and other
    characters that ``str.splitlines`` would break at."""

    def __init__(self, text: Text, source: str, bounds: Bounds = FILE) -> None:
        bounds.require_rows(count_lines(text.content), source, "lines")
        self.content, self.notes = text.content, text.notes
        self.starts = line_starts(text.content)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, number: int) -> str:
        return self.raw(number).decode()

    def raw(self, number: int) -> bytes:
        """The bytes of a line without its end."""
        line = self.content[self.starts[number] : self.starts[number + 1] - 1]
        return line[:-1] if line.endswith(b"\r") else line

    def parted(self) -> tuple[array[int], array[int]]:
        """The numbers of lines with something in them, and of blank ones."""
        full, blank = array("q"), array("q")
        for number in range(len(self)):
            (full if self.raw(number).strip() else blank).append(number)
        return full, blank

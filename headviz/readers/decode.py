"""Bytes to text: UTF-8 with or without a byte order mark, or UTF-16 with one; anything else is named by its line."""

from __future__ import annotations

import codecs
import gzip
import zlib

from headviz.errors import DataError

_BINARY = {
    b"PK\x03\x04": "an Excel or zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"PAR1": "a Parquet file (name it .parquet)",
    b"%PDF": "a PDF",
}


def decode(content: bytes, source: str) -> str:
    """``content`` as text without its byte order mark; gzip is unpacked.

    Raises `DataError` for an empty file, a known binary format and an unknown encoding, naming the first bad line.
    """
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{source} is gzip data that cannot be unpacked; it may be cut short.") from error
    for magic, what in _BINARY.items():
        if content.startswith(magic):
            raise DataError(f"{source} is {what}, not text. Save the data as .csv, .tsv, .jsonl or .parquet.")
    text = _text(content, source)
    if not text.strip():
        raise DataError(f"{source} is empty; there is nothing to read.")
    if "\n" not in text:  # lines as on old Macs
        text = text.replace("\r", "\n")
    return text


def _text(content: bytes, source: str) -> str:
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        encoding = "utf-32"
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        encoding = "utf-8-sig"
        sample = content[:4096]
        if sample.count(b"\0") * 4 > len(sample):
            raise DataError(
                f"{source} holds mostly zero bytes: it is a binary file, or UTF-16 without a byte order mark. "
                "Save it as UTF-8."
            )
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            raise DataError(f"{source} is not the {encoding.upper()} that it starts as. Save it as UTF-8.") from error
        body = error.object  # without the byte order mark
        line = body.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{source}, line {line}: byte 0x{body[error.start]:02X} is not UTF-8 (Windows or Latin-1 text?). "
            "Save the file as UTF-8."
        ) from error


def split_lines(text: str) -> list[str]:
    r"""Lines that end in \n or \r\n, and in nothing else: texts may hold U+2028 and other characters that
    ``str.splitlines`` would break at. A newline at the very end opens no further line."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if "\r" in text:
        lines = [line[:-1] if line.endswith("\r") else line for line in lines]
    return lines

"""Bytes to text."""

from __future__ import annotations

import codecs
import gzip

import pytest

from headviz.errors import DataError
from headviz.readers.decode import decode, split_lines


@pytest.mark.parametrize(
    "content",
    [
        "né\n".encode(),
        codecs.BOM_UTF8 + "né\n".encode(),
        codecs.BOM_UTF16_LE + "né\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "né\n".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "né\n".encode("utf-32-le"),
        gzip.compress("né\n".encode()),
    ],
)
def test_decode_of_known_encodings_gives_the_text_without_mark(content: bytes) -> None:
    assert decode(content, "a.txt") == "né\n"


def test_decode_of_latin_1_names_line_and_byte() -> None:
    with pytest.raises(DataError, match=r"a\.txt, line 3: byte 0xE9 is not UTF-8"):
        decode(codecs.BOM_UTF8 + b"one\ntwo\nn\xe9\n", "a.txt")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"\n \r\n", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        (b"PK\x03\x04rest", "an Excel or zip file"),
        (b"PAR1rest", "a Parquet file"),
        (gzip.compress(b"text\n" * 100)[:-12], "cut short"),
        ("text\n".encode("utf-16-le"), "mostly zero bytes"),
        (codecs.BOM_UTF16_LE + b"odd", "not the UTF-16"),
    ],
)
def test_decode_of_what_is_no_text_says_what_it_is(content: bytes, what: str) -> None:
    with pytest.raises(DataError, match=what):
        decode(content, "a.txt")


def test_split_lines_breaks_at_newlines_only() -> None:
    assert split_lines("a\r\nb\x85c\u2028d\n\ne") == ["a", "b\x85c\u2028d", "", "e"]

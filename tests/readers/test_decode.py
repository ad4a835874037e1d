"""Bytes to text."""

from __future__ import annotations

import codecs
import gzip

import pytest

from headviz.errors import DataError
from headviz.readers.decode import Lines, Text, decode


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
    assert decode(content, "a.txt") == ("né\n".encode(), ())


def test_decode_of_latin_1_is_noted_with_a_word_of_it() -> None:
    found = decode("one\ntwo\nla na\u00efve caf\u00e9 \u2013 \u20ac\n".encode("cp1252"), "a.txt")
    assert found.content.decode() == "one\ntwo\nla na\u00efve caf\u00e9 \u2013 \u20ac\n"
    assert found.notes == ("a.txt is not UTF-8, so it was read as Windows-1252 (Latin-1): line 3 has 'na\u00efve'.",)


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + "one\ntwo \u00e9t\u00e9\n".encode() + b"n\xe9\n",  # UTF-8 with one bad byte
        "\u0445\u043e\u0440\u043e\u0448\u0438\u0439 \u0444\u0438\u043b\u044c\u043c\n".encode("cp1251"),
        "\u826f\u3044\u6620\u753b\n".encode("shift-jis"),
        b"n\x81\x8d\x8f\n",
    ],
)
def test_decode_of_another_encoding_names_line_and_byte(content: bytes) -> None:
    with pytest.raises(DataError, match=r"a\.txt, line \d: byte 0x[0-9A-F]{2} is not UTF-8.* Save the file as UTF-8"):
        decode(content, "a.txt")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"\n \r\n", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        (b"PK\x03\x04rest", "a zip file"),
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
    lines = Lines(Text("a\r\nb\x85c\u2028d\n\ne".encode()), "a.txt")
    assert [lines[number] for number in range(len(lines))] == ["a", "b\x85c\u2028d", "", "e"]

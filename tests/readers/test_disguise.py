"""Files that hold another kind than their name says."""

from __future__ import annotations

import gzip
import io

import pandas as pd
import pytest

from headviz.data import read_upload
from headviz.errors import DataError
from tests.workbook import workbook

ROWS = [("good film", "pos"), ("bad film", "neg"), ("so so", "pos"), ("awful film", "neg"), ("fine film", "pos")]
FRAME = pd.DataFrame(ROWS, columns=["text", "label"])


def parquet() -> bytes:
    buffer = io.BytesIO()
    FRAME.to_parquet(buffer)
    return buffer.getvalue()


KINDS = {
    ".csv": FRAME.to_csv(index=False).encode(),
    ".tsv": FRAME.to_csv(index=False, sep="\t").encode(),
    ".jsonl": FRAME.to_json(orient="records", lines=True).encode(),
    ".json": FRAME.to_json(orient="records").encode(),
    ".parquet": parquet(),
    ".xlsx": workbook({"Sheet1": [["text", "label"], *map(list, ROWS)]}),
}


@pytest.mark.parametrize(
    ("held", "named"), [(held, named) for held in KINDS for named in (*KINDS, ".txt") if held != named]
)
def test_what_is_plain_to_see_is_read_with_a_note_whatever_its_name(held: str, named: str) -> None:
    if named == ".parquet" and held != ".xlsx":
        with pytest.raises(DataError, match="is not a readable Parquet file"):
            read_upload("a.parquet", KINDS[held])
        return
    if held in (".csv", ".tsv") and named in (".csv", ".tsv", ".json", ".jsonl"):
        if (held, named) == (".tsv", ".csv"):
            assert read_upload("a.csv", KINDS[held]).raw_labels == [label for _, label in ROWS]
            return
        with pytest.raises(DataError, match=r"name it \.csv|not valid JSON"):
            read_upload(f"a{named}", KINDS[held])
        return
    found = read_upload(f"a{named}", KINDS[held])
    assert [(example.inputs[0], example.label) for example in found] == ROWS
    if (held, named) not in ((".jsonl", ".json"), (".tsv", ".xlsx")):
        assert "under another name" in found.notes[0]


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".json", ".txt"])
def test_gzip_of_every_kind_of_text_is_read(kind: str) -> None:
    content = KINDS.get(kind, b"good film\nbad film\nso so\nawful film\nfine film\n")
    half = len(content) // 2
    packed = gzip.compress(content[:half]) + gzip.compress(content[half:])
    found = read_upload(f"a{kind}.gz", packed)
    assert [example.inputs[0] for example in found] == [text for text, _ in ROWS]


def test_gzip_without_a_kind_says_how_to_name_it() -> None:
    with pytest.raises(DataError, match=r"Name it after what is packed, such as \.csv\.gz"):
        read_upload("a.gz", gzip.compress(b"text\na\n"))


@pytest.mark.parametrize(
    "content",
    [
        b"one text\nanother text, with a comma\nand, so, on\n",
        b"yes, it was\nno, it was not\nwell, it was good\nit was, I think, bad\n",
        b"[sic] he said\n{curly} text\n",
        b"a\tb\nno tab here\n",
        b"id1\tgood film\nid2\tbad film\nid3\tso so\nid4\tfine film\n",
        b"hello, world\nwell, ok\nhello, world\nwell, ok\nfoo, world\n",
        b"Paris, France\nLyon, France\nBerlin, Germany\nBonn, Germany\nNice, France\n",
    ],
)
def test_lines_of_text_stay_texts(content: bytes) -> None:
    found = read_upload("a.txt", content)
    assert [example.inputs[0] for example in found] == content.decode().splitlines()
    assert found.notes == ()


def test_fasttext_labels_are_labels() -> None:
    found = read_upload("a.txt", b"__label__bad a poor film\n__label__good a fine film\n")
    assert [(example.inputs[0], example.label) for example in found] == [
        ("a poor film", "bad"),
        ("a fine film", "good"),
    ]
    assert "fastText" in found.notes[0]
    with pytest.raises(DataError, match="row 0 has several labels"):
        read_upload("a.txt", b"__label__a __label__b text\n")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n", "a Git LFS pointer"),
        (b"\n <!DOCTYPE html><html>...", "a web page"),
        (b"\x28\xb5\x2f\xfd....", "packed with zstd"),
        (b"PK\x03\x04....", "a zip file"),
    ],
)
def test_what_is_no_data_is_called_by_its_name(content: bytes, what: str) -> None:
    with pytest.raises(DataError, match=what):
        read_upload("a.csv", content)

"""Whatever bytes come in, readers give rows or one sentence: nothing else is ever raised."""

from __future__ import annotations

import contextlib
import gzip
import io
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headviz.data import read_upload
from headviz.errors import DataError
from headviz.outline import outline_upload
from headviz.readers.arrow import read_arrow
from tests.workbook import workbook

ROWS = [("good film", "pos"), ("bad, 'bad' film", "neg"), ('so "so"', "pos"), ("caf\xe9 \U0001f600", "neg")]
FRAME = pd.DataFrame(ROWS, columns=["text", "label"])
KINDS = ("csv", "tsv", "jsonl", "json", "parquet", "xlsx", "txt", "csv.gz")


def _contents() -> dict[str, bytes]:
    buffer = io.BytesIO()
    FRAME.to_parquet(buffer, row_group_size=2)
    csv = FRAME.to_csv(index=False).encode()
    return {
        "csv": csv,
        "tsv": FRAME.to_csv(index=False, sep="\t").encode(),
        "jsonl": FRAME.to_json(orient="records", lines=True).encode(),
        "json": FRAME.to_json(orient="records").encode(),
        "parquet": buffer.getvalue(),
        "xlsx": workbook({"Sheet1": [list(FRAME), *map(list, ROWS)]}),
        "txt": "\n".join(text for text, _ in ROWS).encode(),
        "csv.gz": gzip.compress(csv),
    }


CONTENTS = _contents()
FAST = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def reads_or_says(kind: str, content: bytes) -> None:
    for read in (read_upload, outline_upload):
        with contextlib.suppress(DataError):
            read(f"a.{kind}", content)


@pytest.mark.parametrize("kind", KINDS)
@FAST
@given(st.data())
def test_bytes_that_were_changed_are_read_or_refused(kind: str, data: st.DataObject) -> None:
    content = bytearray(CONTENTS[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["set", "cut", "insert", "double"]))
        if how == "set":
            content[at] = data.draw(st.integers(0, 255))
        elif how == "insert":
            content[at:at] = data.draw(st.binary(max_size=6))
        elif how == "double":
            content[at:at] = content[at : at + 40]
        elif len(content) > 2:
            del content[at : at + data.draw(st.integers(1, 30))]
        if not content:
            break
    reads_or_says(kind, bytes(content))


@pytest.mark.parametrize("kind", ["csv", "tsv", "txt", "jsonl", "json"])
@FAST
@given(st.text(st.sampled_from(",;\t\n\r\" '{}[]:0ab-\ufeff\u2028\xe9"), max_size=40))
def test_texts_of_little_but_punctuation_are_read_or_refused(kind: str, text: str) -> None:
    reads_or_says(kind, text.encode())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("a.csv", content) for content in (b",\n", b";\n", b'""\n', b"\t\t\n\n", b",,,\r\n,,\r\n", b" , \n")),
        ("a.tsv", b"\t\n"),
        ("a.tsv", b'""\n'),
        ("a.txt", b" \t\n"),
    ],
)
def test_file_of_nothing_but_delimiters_is_empty(name: str, content: bytes) -> None:
    with pytest.raises(DataError, match=f"{name} is empty; there is nothing to read"):
        read_upload(name, content)


KEYS = st.sampled_from(["text", "label", "train", "0", "data", "columns", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@FAST
@given(JSON, st.sampled_from(["json", "jsonl"]))
def test_json_of_any_shape_is_read_or_refused(value: object, kind: str) -> None:
    reads_or_says(kind, json.dumps(value).encode())


COLUMNS = st.sampled_from(
    [
        pa.array(["a b", None, "c"]),
        pa.array([b"a", b"\xff", None]),
        pa.array([[1], [], None]),
        pa.array([{"x": 1}, None, {"x": 2}]),
        pa.array([1.5, float("nan"), float("inf")]),
        pa.array([2**62, -1, None]),
        pa.array([None, None, None]),
        pa.array(["x", "y", "x"]).dictionary_encode(),
        pa.array([[["deep"]], None, []]),
        pa.array([1, 2, 3], pa.timestamp("ns")),
    ]
)


@FAST
@given(st.lists(st.tuples(st.sampled_from(["text", "label", "", "a.b"]), COLUMNS), max_size=4))
def test_parquet_and_arrow_of_any_types_are_read_or_refused(columns: list[tuple[str, pa.Array]]) -> None:
    table = pa.table([column for _, column in columns], names=[name for name, _ in columns])
    stream, file = io.BytesIO(), io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    try:
        found = read_arrow(stream.getvalue(), "a.arrow")
        for j in range(len(found.names)):
            found.values(j)
    except DataError:
        pass
    try:
        parquet.write_table(table, file)
    except (pa.ArrowException, ValueError):
        return
    reads_or_says("parquet", file.getvalue())

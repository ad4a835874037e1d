"""Parquet and Arrow files."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from headviz.errors import DataError
from headviz.readers.arrow import class_names, read_arrow, read_parquet

FEATURES = {
    "info": {"features": {"text": {"_type": "Value"}, "label": {"_type": "ClassLabel", "names": ["no", "yes"]}}}
}


def frame() -> pa.Table:
    table = pa.table({"text": ["a", None, "c"], "label": pa.array([0, 1, None], pa.int64())})
    return table.replace_schema_metadata({"huggingface": json.dumps(FEATURES)})


def test_parquet_values_and_class_names_come_in() -> None:
    buffer = io.BytesIO()
    parquet.write_table(frame(), buffer)
    table = read_parquet(buffer.getvalue(), "a.parquet")
    assert table.names == ("text", "label")
    assert [table.values(0), table.values(1)] == [["a", None, "c"], [0, 1, None]]
    assert table.class_names == {"label": ("no", "yes")}
    assert list(table.ids) == [0, 1, 2]


def test_parquet_dictionary_columns_give_their_strings() -> None:
    buffer = io.BytesIO()
    parquet.write_table(pa.table({"label": pa.array(["x", "y", "x"]).dictionary_encode()}), buffer)
    assert read_parquet(buffer.getvalue(), "a.parquet").values(0) == ["x", "y", "x"]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"text,label\n"])
def test_parquet_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"a\.parquet is not a readable Parquet file"):
        read_parquet(content, "a.parquet")


def test_parquet_cut_in_the_middle_is_refused_with_the_column() -> None:
    buffer = io.BytesIO()
    parquet.write_table(pa.table({"text": [str(number) * 50 for number in range(2000)]}), buffer, compression="snappy")
    content = bytearray(buffer.getvalue())
    content[100:4000] = b"\xff" * 3900
    with pytest.raises(DataError, match="column 'text' cannot be read"):
        read_parquet(bytes(content), "a.parquet").values(0)


@pytest.mark.parametrize("opener", [pa.ipc.new_stream, pa.ipc.new_file])
def test_arrow_streams_and_files_come_in(opener) -> None:
    buffer = io.BytesIO()
    with opener(buffer, frame().schema) as writer:
        writer.write_table(frame())
    table = read_arrow(buffer.getvalue(), "a.arrow")
    assert [table.values(0), table.values(1)] == [["a", None, "c"], [0, 1, None]]
    assert table.class_names == {"label": ("no", "yes")}


def test_arrow_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="is not a readable Arrow file"):
        read_arrow(b"nothing of the kind", "a.arrow")


@pytest.mark.parametrize("metadata", [None, {}, {b"huggingface": b"{"}, {b"huggingface": b'{"info": null}'}])
def test_class_names_without_usable_metadata_are_none(metadata) -> None:
    assert class_names(metadata) == {}

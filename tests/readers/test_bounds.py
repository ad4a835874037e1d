"""Sizes are bounded before they are believed, and files cost little more than themselves."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from headviz.data import load_data, read_upload
from headviz.errors import DataError
from headviz.readers.arrow import read_arrow, read_parquet
from headviz.readers.bounds import FILE, UPLOAD, Bounds
from headviz.readers.decode import unpacked
from headviz.readers.delimited import read_csv
from headviz.readers.json_rows import read_json, read_jsonl, read_txt

SMALL = Bounds(1_000_000, 2_000, 50, "an upload")


def dictionary(rows: int, size: int, **options: object) -> bytes:
    """A Parquet file with the same text in every row, once in its dictionary."""
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array(["x" * size]))
    buffer = io.BytesIO()
    parquet.write_table(pa.table({"text": text}), buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (unpacked, gzip.compress(b"a" * 1_000_001)),
        (unpacked, gzip.compress(b"a" * 600_000) * 2),
        (read_txt, b"a\n" * 2_002),
        (read_csv, b'text,label\n' + b'"a\n' * 2_002),
        (read_csv, b",".join([b"a"] * 60) + b"\n"),
        (read_jsonl, b'{"text": "a"}\n' * 2_002),
        (read_jsonl, b"{" + b",".join(b'"%d": 1' % number for number in range(60)) + b"}\n"),
        (read_json, b"[" + b",".join([b'{"text": "a"}'] * 2_002) + b"]"),
        (read_json, b'{"text": [' + b",".join([b'"a"'] * 2_002) + b"]}"),
        (read_json, b'[{"text": [' + b"[]," * 20_000 + b"[]]}]"),
        (read_parquet, dictionary(2_001, 1)),
        (read_parquet, dictionary(1_000, 1_001)),
        (read_parquet, dictionary(3, 400_000, compression="zstd", use_dictionary=False)),
    ],
)  # fmt: skip
def test_more_than_the_bounds_is_refused(read, content: bytes) -> None:
    with pytest.raises(DataError, match=r"the most that is read of an upload\. (Give a part|Keep those)"):
        read(content, "a", SMALL).values(0)
    assert found_within_file_bounds(read, content)


def found_within_file_bounds(read, content: bytes) -> bool:
    """Whether the same bytes are no harm to a local file, whose bounds are wider."""
    try:
        read(content, "a", FILE)
    except DataError as error:
        return "the most that is read" not in str(error)
    return True


def test_arrow_beyond_the_bounds_is_refused() -> None:
    buffer = io.BytesIO()
    table = pa.table({"text": ["x" * 1000] * 1500})
    with pa.ipc.new_stream(buffer, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    with pytest.raises(DataError, match="holds more than 1 MB"):
        read_arrow(buffer.getvalue(), "a", SMALL)


def test_uploads_are_bound_more_narrowly_than_files(tmp_path) -> None:
    content = b"a\n" * (UPLOAD.rows + 1)
    with pytest.raises(DataError, match="has more than 500,000 lines, the most that is read of an upload"):
        read_upload("a.txt", content)
    assert FILE.rows > UPLOAD.rows and FILE.size > UPLOAD.size
    (tmp_path / "a.csv").symlink_to("/dev/zero")
    with pytest.raises(DataError, match="no ordinary file"):
        load_data(tmp_path / "a.csv")


def test_equal_texts_of_a_dictionary_are_held_once() -> None:
    values = read_parquet(dictionary(1_500, 600), "a", SMALL).values(0)
    assert len(values) == 1_500 and len(set(map(id, values))) <= 2


_MEASURE = """
import gc, sys
from headviz.data import read_upload
from headviz.errors import HeadvizError
import numpy, pyarrow.parquet

def status(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) * 1024

lines = [b"a film that was %d times as good as the one before it and a little longer" % number for number in range(9)]
text = b"\\n".join(lines[number % 9] for number in range(110_000))
made = {
    "lines": ("a.txt", text),
    "plain": ("a.csv", b"text,label\\n" + text.replace(b"\\n", b",pos\\n") + b",neg"),
    "quoted": ("a.csv", b'text,label\\n"' + text.replace(b"\\n", b'",pos\\n"') + b'",neg'),
    "jsonl": ("a.jsonl", b'{"text": "' + text.replace(b"\\n", b'", "label": 1}\\n{"text": "') + b'", "label": 1}'),
    "json": ("a.json", b'[{"text": "' + text.replace(b"\\n", b'", "label": 1},{"text": "') + b'", "label": 1}]'),
    "refused": ("a.txt", b"a\\n" * 4_000_000),
    "emoji": ("a.txt", text[:-80] + "\\n\\U0001f600".encode()),
}
for name, (file, content) in made.items():
    try:
        read_upload(file, content[: len(content) // 10] if name != "json" else b"[]")  # imports and pools are no cost
    except HeadvizError:
        pass
    gc.collect()
    open("/proc/self/clear_refs", "w").write("5")
    before = status("VmRSS")
    try:
        rows = len(read_upload(file, content))
    except HeadvizError:
        rows = 0
    print(name, rows, 1 + (status("VmHWM") - before) / len(content))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is measured by /proc")
def test_plain_file_costs_at_most_five_times_its_size() -> None:
    run = subprocess.run([sys.executable, "-c", _MEASURE], capture_output=True, text=True, check=True)
    found = {name: (int(rows), float(times)) for name, rows, times in map(str.split, run.stdout.splitlines())}
    assert found.keys() == {"lines", "plain", "quoted", "jsonl", "json", "refused", "emoji"}
    assert found.pop("refused")[0] == 0
    assert all(rows >= 109_000 for rows, _ in found.values())
    assert {name: times for name, (_, times) in found.items() if times > 5} == {}

"""load_data and Data."""

from __future__ import annotations

import csv
import io
import json
import pickle
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headviz as hv
from headviz import hub
from headviz.data import Data, Example, load_data, read_upload, splits_of
from headviz.demo import reviews
from headviz.errors import DataError
from headviz.labels import match_labels
from tests.workbook import workbook

ROWS = [("good", "pos"), ("bad", "neg"), ('"odd" one', "pos")]
FRAME = pd.DataFrame(ROWS, columns=["text", "label"])


def numbered(count: int, labels: str = "ab") -> Data:
    frame = pd.DataFrame(
        {"text": [f"t{i}" for i in range(count)], "label": [labels[i % len(labels)] for i in range(count)]}
    )
    return load_data(frame)


# Sources


def write(folder: Path, kind: str) -> Path:
    path = folder / f"reviews.{kind}"
    if kind == "csv":
        FRAME.to_csv(path, index=False)
    elif kind == "tsv":
        path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in ROWS))
    elif kind == "jsonl":
        FRAME.to_json(path, orient="records", lines=True)
    elif kind == "json":
        FRAME.to_json(path)
    else:
        FRAME.to_parquet(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "parquet"])
def test_the_same_rows_come_from_every_kind_of_file(tmp_path: Path, kind: str) -> None:
    data = hv.load_data(write(tmp_path, kind))
    assert list(data) == [Example(i, (text,), label) for i, (text, label) in enumerate(ROWS)]
    assert (data.name, data.split, data.splits) == (f"reviews.{kind}", None, ())
    assert data.columns == {"inputs": ("text",), "label": "label"}
    assert data.skipped == ()
    assert data.fingerprint == load_data(FRAME).fingerprint


def test_txt_has_texts_and_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\n\ntwo\n")
    data = load_data(str(path))
    assert list(data) == [Example(0, ("one",), None), Example(2, ("two",), None)]
    assert data.columns == {"inputs": ("text",), "label": None}
    assert data.skipped == ((1, "blank line"),)


def test_upload_is_read_as_the_file_is_and_never_by_its_path(tmp_path: Path) -> None:
    path = write(tmp_path, "csv")
    data = read_upload("..\\x/../../Reviews.CSV", path.read_bytes(), limit=2)
    assert data.name == "Reviews.CSV"
    assert len(data) == 2


def test_folder_of_files_gives_its_splits(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        write(tmp_path, "tsv").rename(tmp_path / f"{split}.tsv")
    data = load_data(tmp_path, split="validation")
    assert (data.name, data.split, data.splits, len(data)) == (tmp_path.name, "dev", ("train", "dev"), 3)
    assert splits_of(tmp_path) == ("train", "dev")
    assert splits_of(tmp_path / "dev.tsv") == ()
    with pytest.raises(DataError, match=r"has several splits: train, dev\. Choose one with split="):
        load_data(tmp_path)


def test_folder_with_parts_numbers_rows_through(tmp_path: Path) -> None:
    for part in (0, 1):
        FRAME.to_csv(tmp_path / f"train-0000{part}-of-00002.csv", index=False)
    data = load_data(tmp_path)
    assert data.split == "train"
    assert data.ids.tolist() == [0, 1, 2, 3, 4, 5]


def test_folder_with_a_card_names_the_integers_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(
        "---\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n"
        "        names:\n          '0': neg\n          '1': pos\n---\n"
    )
    (tmp_path / "test.csv").write_text("text,label\na,1\nb,0\nc,-1\n")
    data = load_data(tmp_path)
    assert (data.raw_labels, data.label_names) == ([1, 0, None], ("neg", "pos"))
    assert match_labels(data.take([0, 1]), ("POS", "NEG")).tolist() == [0, 1]


def test_saved_data_set_comes_in_without_the_library(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the datasets library is not installed")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    one = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, -1]}, features=features)
    one.save_to_disk(tmp_path / "one")
    both = datasets.DatasetDict(train=one, test=one.select([2, 0]))
    both.save_to_disk(tmp_path / "both")
    for data in (load_data(tmp_path / "one"), load_data(one), load_data(both, split="train")):
        assert list(data) == [Example(0, ("a",), 0), Example(1, ("b",), 1), Example(2, ("c",), None)]
        assert data.label_names == ("neg", "pos")
    data = load_data(tmp_path / "both", split="test")
    assert (data.splits, [example.inputs for example in data]) == (("train", "test"), [("c",), ("a",)])


def test_hub_id_is_resolved_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "parquet").rename(tmp_path / "test-00000-of-00001.parquet")
    asked = []

    def resolve(source: str, **options: object) -> object:
        asked.append((source, options))
        return type("Resolved", (), {"folder": tmp_path, "name": source, "revision": None})()

    monkeypatch.setattr(hub, "resolve", resolve)
    data = load_data("someone/reviews", offline=True)
    assert (data.name, data.split, len(data)) == ("someone/reviews", "test", 3)
    assert asked == [("someone/reviews", {"offline": True, "kind": "dataset"})]


def test_hub_id_without_network_is_a_sentence() -> None:
    with pytest.raises(DataError, match=r"someone/reviews.*\."):
        load_data("someone/reviews", offline=True)


def test_demo_gives_texts_with_label_names() -> None:
    data = load_data("demo/reviews", split="test")
    assert (data.name, data.split, data.splits) == ("demo/reviews", "test", ("train", "validation", "test"))
    assert [(*example.inputs, example.label) for example in data] == [tuple(row) for row in reviews.rows("test")]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no/such/file.csv", "There is no file or folder 'no/such/file.csv'"),
        ("missing.parquet", "There is no file or folder"),
        (Path("nowhere"), "There is no file or folder 'nowhere'"),
        ("/nowhere/at/all", "There is no file or folder"),
        ("", "There is no file or folder ''"),
        ("a\0b", "There is no file or folder"),
        ("x" * 5000 + ".csv", "There is no file or folder"),
        ("demo/films", "There is no demo 'demo/films'. Known are demo/reviews"),
        (3, "load_data cannot read a int"),
        ({"text": ["a"]}, "load_data cannot read a dict"),
    ],
)
def test_source_that_is_none_is_an_error(source: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_data(source)


def test_file_of_an_unknown_kind_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.ods").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"a\.ods is of no known kind\. Known are \.csv, \.tsv"):
        load_data(tmp_path / "a.ods")
    with pytest.raises(DataError, match="is of no known kind"):
        read_upload("", b"text")


def test_split_of_a_single_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no splits, so there is no 'train'"):
        load_data(write(tmp_path, "csv"), split="train")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "limit must be a whole number of rows, at least 1. Got 0"),
        ({"limit": 1.5}, "limit must be"),
        ({"seed": -1}, "seed must be a whole number, at least 0. Got -1"),
        ({"labels": "id"}, 'labels must be None, "ids" or a mapping'),
        ({"labels": {}}, "labels must be"),
        ({"inputs": ("a", "b", "c")}, "inputs must be one column name, or two .* Got 3"),
        ({"inputs": ()}, "inputs must be .* Got 0"),
    ],
)
def test_option_out_of_range_is_an_error(options: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_data(FRAME, **options)


# Round trips


def _is_blank(text: str) -> bool:
    """Whether there is nothing to see in it: such rows are left out."""
    return all(one.isspace() or one in "\u200b\u200c\u200d\u2060\ufeff" for one in text)


BLANKS = ["good film", "", "   ", "bad film"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "parquet", "xlsx", "frame"])
def test_blank_texts_are_left_out_alike_in_every_format(kind: str) -> None:
    frame = pd.DataFrame({"text": BLANKS, "label": ["a", "b", "b", "a"]})
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    contents = {
        "csv": frame.to_csv(index=False).encode(),
        "tsv": frame.to_csv(index=False, sep="\t").encode(),
        "jsonl": frame.to_json(orient="records", lines=True).encode(),
        "json": frame.to_json(orient="records").encode(),
        "parquet": buffer.getvalue(),
        "xlsx": workbook({"Sheet1": [list(frame), *frame.to_numpy().tolist()]}),
    }
    found = load_data(frame) if kind == "frame" else read_upload(f"a.{kind}", contents[kind])
    assert [(row.id, row.inputs[0], row.label) for row in found] == [(0, "good film", "a"), (3, "bad film", "a")]
    assert found.skipped == ((1, "no text in column 'text'"), (2, "no text in column 'text'"))


TEXT = st.text(st.characters(codec="utf-8"), max_size=30).map(lambda text: f"{text}." if _is_blank(text) else text)
TABLES = st.lists(st.tuples(TEXT, st.sampled_from(["pos", "neg"])), min_size=1, max_size=20)


@given(TABLES)
def test_jsonl_parquet_and_frame_round_trip_exactly(rows: list[tuple[str, str]]) -> None:
    frame = pd.DataFrame(rows, columns=["text", "label"])
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    lines = "\n".join(json.dumps({"text": text, "label": label}) for text, label in rows)
    expected = [Example(i, (text,), label) for i, (text, label) in enumerate(rows)]
    assert list(load_data(frame)) == expected
    assert list(read_upload("a.parquet", buffer.getvalue())) == expected
    assert list(read_upload("a.jsonl", lines.encode())) == expected


@given(TABLES, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.booleans())
def test_csv_round_trips_exactly(rows: list[tuple[str, str]], quoting: int, mark: bool) -> None:
    # A reader cannot tell a file with carriage returns as its only line breaks from one with such texts.
    rows = [(text.replace("\r", ""), label) for text, label in rows]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n", quoting=quoting).writerows([("text", "label"), *rows])
    content = buffer.getvalue().encode("utf-8-sig" if mark else "utf-8")
    assert list(read_upload("a.csv", content)) == [Example(i, (text,), label) for i, (text, label) in enumerate(rows)]


# Data


def test_limit_keeps_ids_and_order_and_nests() -> None:
    frame = pd.DataFrame({"text": [f"t{i}" for i in range(100)], "label": ["x"] * 100})
    small, large = load_data(frame, limit=10, seed=1), load_data(frame, limit=30, seed=1)
    assert len(small) == 10 and len(large) == 30
    assert small.ids.tolist() == sorted(set(small.ids.tolist()))
    assert set(small.ids.tolist()) <= set(large.ids.tolist())
    assert all(example.inputs == (f"t{example.id}",) for example in small)
    assert load_data(frame, limit=10, seed=2).ids.tolist() != small.ids.tolist()
    assert load_data(frame, limit=10, seed=1).fingerprint == small.fingerprint
    assert len(load_data(frame, limit=1000)) == 100


def test_limit_draws_every_row_equally_often() -> None:
    counts = [0] * 10
    for seed in range(1000):
        for row in load_data(FRAME.sample(10, replace=True, random_state=0), limit=3, seed=seed).ids.tolist():
            counts[row] += 1
    # 300 expected each, standard deviation 14.5: five of them either way.
    assert min(counts) > 227 and max(counts) < 373


def test_data_behaves_like_a_sequence() -> None:
    data = numbered(5)
    assert data[0] == Example(0, ("t0",), "a")
    assert data[-1] == Example(4, ("t4",), "a")
    assert [example.id for example in data[1:4]] == [1, 2, 3]
    with pytest.raises(IndexError):
        data[5]


def test_data_cannot_be_changed() -> None:
    data = numbered(3)
    before = data.fingerprint
    with pytest.raises(AttributeError):
        data.name = "other"  # type: ignore[misc]
    data.columns["label"] = "x"
    data.raw_labels[0] = "x"
    data.inputs.clear()
    data.ids[0] = 9
    assert list(data) == list(numbered(3)) and data.fingerprint == before == data.take(range(3)).fingerprint


def test_data_survives_pickling_for_caches() -> None:
    data = load_data(FRAME, labels={"pos": "positive"})
    again = pickle.loads(pickle.dumps(data))
    assert list(again) == list(data)
    assert again.fingerprint == data.fingerprint


def test_take_keeps_ids_labels_and_columns_in_the_order_asked() -> None:
    taken = numbered(5).take([3, 1, 1])
    assert [(example.id, example.label) for example in taken] == [(3, "b"), (1, "b"), (1, "b")]
    assert taken.columns == {"inputs": ("text",), "label": "label"}


@pytest.mark.parametrize(("count", "labels"), [(10, "ab"), (11, "aab"), (1, "a"), (50, "abcdefg")])
def test_halves_are_disjoint_stratified_and_repeatable(count: int, labels: str) -> None:
    data = numbered(count, labels)
    first, second = data.halves(seed=3)
    assert sorted(first.ids.tolist() + second.ids.tolist()) == list(range(count))
    assert first.ids.tolist() == sorted(first.ids.tolist())
    assert abs(len(first) - len(second)) <= 1
    for label in labels:
        assert abs(first.raw_labels.count(label) - second.raw_labels.count(label)) <= 1
    assert data.halves(seed=3)[0].ids.tolist() == first.ids.tolist()
    if count > 10:
        assert data.halves(seed=4)[0].ids.tolist() != first.ids.tolist()


def test_rows_of_one_text_are_in_one_half_whatever_their_labels() -> None:
    texts = [*("a good film", "a bad film") * 6, *(f"text {number}" for number in range(8))]
    data = load_data(pd.DataFrame({"text": texts, "label": list("aabb") * 5}))
    for seed in range(4):
        first, second = data.halves(seed=seed)
        assert not set(first.inputs) & set(second.inputs)
        assert sorted([*first.ids.tolist(), *second.ids.tolist()]) == list(range(20))
        assert abs(len(set(first.inputs)) - len(set(second.inputs))) <= 1


def test_without_leaves_out_the_texts_of_another() -> None:
    one, other = (load_data(pd.DataFrame({"text": list(texts), "label": 0})) for texts in ("abcb", "bxy"))
    assert one.without(other).inputs == [("a",), ("c",)] and one.without(other).ids.tolist() == [0, 2]
    assert one.without(other[1:]) is one


def test_fingerprint_changes_with_texts_labels_ids_and_the_labels_option() -> None:
    data = numbered(4)
    frames = [
        pd.DataFrame({"text": ["t0", "t1", "t2", "x"], "label": list("abab")}),
        pd.DataFrame({"text": ["t0", "t1", "t2", "t3"], "label": list("abaa")}),
    ]
    others = [load_data(frame) for frame in frames]
    others += [data.take([0, 1, 2]), data.take([1, 0, 2, 3]), data.with_labels("ids"), data.with_labels({"a": "x"})]
    prints = [data.fingerprint, *(other.fingerprint for other in others)]
    assert len(set(prints)) == len(prints)
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in prints)


def test_frame_has_ids_as_index_and_the_columns_taken() -> None:
    frame = load_data(pd.DataFrame({"premise": ["a", None], "hypothesis": ["b", "c"], "gold_label": [1, 0]})).frame()
    assert frame.index.name == "id"
    assert frame.to_dict("list") == {"premise": ["a"], "hypothesis": ["b"], "gold_label": [1]}
    assert load_data(pd.DataFrame({"text": ["a"]})).frame().to_dict("list") == {"text": ["a"], "label": [None]}


def test_column_named_id_is_a_column_like_others() -> None:
    frame = load_data(pd.DataFrame({"id": ["a"], "label": [1]}), inputs="id").frame()
    assert frame.to_dict("list") == {"id": ["a"], "label": [1]}


# Real files


@pytest.mark.parametrize(("split", "count"), [("train", 8544), ("validation", 1101), ("test", 2210)])
def test_sst5_comes_in_with_every_row_and_character(shared: Path, split: str, count: int) -> None:
    path = shared / "data" / "sst5" / f"{split}.tsv"
    data = load_data(path)
    assert (len(data), data.skipped) == (count, ())
    lines = path.read_bytes().decode().removesuffix("\n").split("\n")[1:]
    assert [f"{example.inputs[0]}\t{example.label}" for example in data] == lines
    classes = ("very negative", "negative", "neutral", "positive", "very positive")
    assert sorted(set(match_labels(data, classes).tolist())) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("split", "count"), [("train", 3668), ("validation", 408), ("test", 1725)])
def test_mrpc_comes_in_with_every_row_and_character(shared: Path, split: str, count: int) -> None:
    data = load_data(shared / "data" / "mrpc", split=split, labels="ids")
    assert (len(data), data.skipped) == (count, ())
    lines = (shared / "data" / "mrpc" / f"{split}.jsonl").read_text().splitlines()
    assert [(*one.inputs, one.label) for one in data] == [tuple(json.loads(line).values()) for line in lines]
    assert sorted(set(match_labels(data, ("not_equivalent", "equivalent")).tolist())) == [0, 1]


def test_loading_a_file_imports_neither_torch_nor_pandas_nor_datasets(tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys, headviz as hv; hv.load_data(sys.argv[1]).fingerprint; "
        "print([name for name in ('torch', 'pandas', 'pyarrow', 'datasets', 'transformers') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(write(tmp_path, "tsv"))],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    assert run.stdout.strip() == "[]"

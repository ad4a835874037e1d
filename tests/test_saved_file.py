"""Files of headviz's own: a bit that flips is seen, and what someone made with intent raises our errors alone."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headviz as hv
from headviz import saved_file, scores_file
from headviz.complementarity import plan_file, signature_file
from headviz.errors import HeadvizError, ScoreError
from headviz.saved_file import Kind, write_arrays, write_table
from tests.complementarity.made import made

SIGNATURES = made((3, 2), classes=2, grid=2, nulls=1, examples=6, outputs=True)
PLAN = hv.cahp(made((3, 2), examples=6), space="features")


def use_scores(scores: hv.Scores) -> None:
    """All that needs no model."""
    scores.first(2).interval("ae", draws=4)
    hv.select(scores.hies(0.5), 1).content(".json")
    scores.alpha_breaks(2)
    for name in ("his", "fisher", "random"):
        hv.select(hv.criteria[name](None, None, scores=scores), 0.5, least_per_layer=1).content(".npz")
    assert isinstance(scores.notes, tuple) and len(scores.sample(1)) == 1


def use_signatures(signatures: hv.Signatures) -> None:
    hv.cahp(signatures, space="features")
    hv.cahp(signatures, space="features", distance="cka") if signatures.outputs is not None else None
    signatures.length_correlation()
    if signatures.scores is not None:
        use_scores(signatures.scores)


def use_plan(plan: hv.Plan) -> None:
    for number in range(1, len(plan) + 1):
        one = plan.with_count(number)
        one.mask.content(".json")
        assert len(one.points) == len(plan) and set(one.controls()) and len(one.edges)
    assert plan.with_degree(3).k is None or plan.curve is not None


@dataclass(frozen=True)
class Own:
    """A kind of file: one of them in memory, how it is opened and used, and what stands in it."""

    kind: Kind
    name: str
    thing: Any
    open: Callable[[Path], Any]
    use: Callable[[Any], None]
    write: Callable[..., None]

    def parts(self, folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The arrays and the head of the file that is saved."""
        self.thing.save(folder / self.name)
        return self.parts_of(folder / self.name)

    def parts_of(self, path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        reader = saved_file.read_table if self.write is write_table else saved_file.read_arrays
        return reader(self.kind, path, lambda arrays, head: (arrays, head))


OWN = {
    "scores": Own(scores_file.SCORES, "s.parquet", SIGNATURES.scores, hv.open_scores, use_scores, write_table),
    "plan": Own(plan_file.PLANS, "p.parquet", PLAN, hv.open_plan, use_plan, write_table),
    "signatures": Own(signature_file.SIGNATURES, "s.npz", SIGNATURES, hv.open_signatures, use_signatures, write_arrays),
}
EVERY = pytest.mark.parametrize("own", OWN.values(), ids=OWN)


def numbers_of(value: Any) -> Iterator[Any]:
    """All that stands in a result, down to the bytes of its arrays."""
    if isinstance(value, np.ndarray):
        yield value.dtype.str, value.shape, value.tobytes()
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from numbers_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from numbers_of(inner)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from numbers_of(getattr(value, name))
    else:
        yield value


@EVERY
def test_file_with_one_flipped_bit_never_gives_other_numbers(own: Own, tmp_path: Path) -> None:
    path = tmp_path / own.name
    own.thing.save(path)
    content, saved = path.read_bytes(), list(numbers_of(own.open(path)))
    said = []
    for bit in range(0, 8 * len(content), 37):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            assert list(numbers_of(own.open(path))) == saved, bit
        except ScoreError as error:
            said.append("damaged" in str(error))
    # all but the few bits of the name under which the seal stands
    assert all(said) and len(said) > 0.97 * (8 * len(content) / 37)


@EVERY
def test_file_saved_again_is_the_same_to_the_byte(own: Own, tmp_path: Path) -> None:
    own.thing.save(tmp_path / own.name)
    own.open(tmp_path / own.name).save(tmp_path / f"again-{own.name}")
    assert (tmp_path / f"again-{own.name}").read_bytes() == (tmp_path / own.name).read_bytes()


@EVERY
def test_file_of_an_earlier_version_without_a_seal_opens(
    own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_file, "_BLANK", b"nothing" + b"0" * 64)
    monkeypatch.setattr(saved_file, "_MARK", b"nothing")
    own.thing.save(tmp_path / own.name)
    monkeypatch.undo()
    assert b"headviz-sha256" not in (tmp_path / own.name).read_bytes()
    own.use(own.open(tmp_path / own.name))


@EVERY
def test_seal_holds_whatever_the_texts_of_the_file_are(own: Own, tmp_path: Path) -> None:
    arrays, head = own.parts(tmp_path)
    about = {**head, "more": f"\x1eheadviz-sha256:{'0' * 64}" + "long " * 300_000}
    own.write(own.kind, tmp_path / own.name, arrays, about)
    assert own.parts_of(tmp_path / own.name)[1] == about
    own.use(own.open(tmp_path / own.name))
    content = (tmp_path / own.name).read_bytes()
    (tmp_path / own.name).write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    with pytest.raises(ScoreError, match="damaged"):
        own.open(tmp_path / own.name)


@EVERY
@pytest.mark.parametrize(
    ("version", "says"), [("Infinity", "is not a"), ("1e999", "is not a"), ("2", "later version"), ('"1"', "is not a")]
)
def test_version_that_is_none_or_a_later_one_is_a_sentence(own: Own, version: str, says: str, tmp_path: Path) -> None:
    arrays, head = own.parts(tmp_path)
    kind = Kind(own.kind.format, 77_777, "", "")
    text = kind.head({key: value for key, value in head.items() if key != "version"}).replace("77777", version)
    written = type("Made", (), {"head": lambda self, about: text})()
    own.write(written, tmp_path / own.name, arrays, head)
    with pytest.raises(ScoreError, match=says):
        own.open(tmp_path / own.name)


@EVERY
def test_metadata_nested_deeply_is_a_sentence(own: Own, tmp_path: Path) -> None:
    arrays, head = own.parts(tmp_path)
    for text in ('{"a":' * 100_000 + "1" + "}" * 100_000, "[" * 30 + "]" * 30, "9" * 5000):
        broken = own.kind.head(head).replace('"created"', f'"deep": {text}, "created"')
        broken = broken if text in broken else broken.replace('"provenance": {', f'"provenance": {{"deep": {text}, ')
        assert text in broken
        written = type("Made", (), {"head": lambda self, about, broken=broken: broken})()
        own.write(written, tmp_path / own.name, arrays, head)
        with pytest.raises(ScoreError):
            own.open(tmp_path / own.name)


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 2, 3, 10**6, 10**30, 0.5, -0.0, float("nan"), float("inf"), "", "his", "headviz"]),
    st.sampled_from([[], {}, [1], [[]], {"a": {"b": []}}, ["L0H0"], [None], [-1, 2], [2, 3], {"heads": [1, 1]}]),
)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places_in(one, (*path, key))


def changed_head(data: st.DataObject, head: dict[str, Any]) -> dict[str, Any]:
    head = copy.deepcopy(head)
    *way, last = data.draw(st.sampled_from(list(places_in(head))))
    inner = head
    for key in way:
        inner = inner[key]
    if data.draw(st.booleans()):
        inner[last] = data.draw(JUNK)
    else:
        del inner[last]
    return head


CHANGES: list[Callable[[np.ndarray], np.ndarray]] = [
    lambda one: one[:-1],
    lambda one: one[..., :-1],
    lambda one: one[:0],
    lambda one: np.concatenate([one, one]),
    lambda one: one.reshape(len(one), -1) if one.ndim != 2 else one[:, 0],
    lambda one: np.zeros(one.shape),
    lambda one: np.full(one.shape, np.nan),
    lambda one: np.full(one.shape, np.inf),
    lambda one: np.full(one.shape, -1.0),
    lambda one: np.full(one.shape, 10**18),
    lambda one: np.full(one.shape, "text"),
    lambda one: np.full(one.shape, True),
    lambda one: one.astype(str),
    lambda one: one.astype(np.float16) if one.dtype.kind == "f" else one.astype(np.int8, casting="unsafe"),
]


@EVERY
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_file_of_another_structure_raises_our_errors_alone(
    own: Own, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    arrays, head = own.parts(folder)
    if data.draw(st.booleans()):
        head = changed_head(data, head)
    else:
        name = data.draw(st.sampled_from(sorted(arrays)))
        change = data.draw(st.sampled_from([None, *CHANGES]))
        with contextlib.suppress(ValueError):  # no number is a head's name
            arrays = {key: (change(one) if change else None) if key == name else one for key, one in arrays.items()}
        arrays = {key: one for key, one in arrays.items() if one is not None}
    kind = type("Made", (), {"head": lambda self, about: json.dumps(about)})()
    try:
        own.write(kind, folder / own.name, arrays, head)
    except (ValueError, IndexError, pa.ArrowException):  # columns of several lengths are no table
        return
    try:
        opened = own.open(folder / own.name)
    except ScoreError:
        return
    with contextlib.suppress(HeadvizError):
        own.use(opened)


def test_archive_that_unpacks_to_far_more_than_it_is_is_refused(tmp_path: Path) -> None:
    own = OWN["signatures"]
    arrays, head = own.parts(tmp_path)
    own.write(own.kind, tmp_path / own.name, {**arrays, "outputs": np.zeros((300_000_000,), np.uint8)}, head)
    assert (tmp_path / own.name).stat().st_size < 10**6
    with pytest.raises(ScoreError, match=r"not a readable \.npz file"):
        own.open(tmp_path / own.name)


def test_table_that_unpacks_to_far_more_than_it_is_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 10_000_000
    table = pa.table({"id": pa.array(np.zeros(rows, np.int64)), "loss": pa.array(np.zeros(rows)).dictionary_encode()})
    for name in ("gate_gradient", "entropy"):
        table = table.append_column(name, pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(rows, np.float32)), 1))
    pq.write_table(table, tmp_path / "s.parquet", compression="zstd")
    assert (tmp_path / "s.parquet").stat().st_size < 10**6
    monkeypatch.setattr(pq.ParquetFile, "read", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(ScoreError, match="not a readable Parquet file"):
        hv.open_scores(tmp_path / "s.parquet")

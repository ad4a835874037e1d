"""Values fit for JSON, out and in."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.errors import MaskError
from headviz.mask.plain import dump_json, parse_json, plain
from headviz.stats import Estimate

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_json_of_any_plain_object_reads_back_as_it_was(record: dict[str, object]) -> None:
    text = dump_json(record)
    assert parse_json(text.encode(), "mask.json") == record == json.loads(text)
    assert plain(record) == record


def test_plain_turns_numpy_paths_and_estimates_into_json() -> None:
    given_ = {
        "share": np.float32(0.5),
        "heads": np.array([3, 4]),
        "kept": np.bool_(True),
        "zero": np.array(7),
        "nan": math.nan,
        "inf": -math.inf,
        "path": Path("a") / "b",
        "pair": (1, {"b", "a"}),
        3: Estimate(0.5, 0.25, 0.75, 8),
    }
    assert plain(given_) == {
        "share": 0.5,
        "heads": [3, 4],
        "kept": True,
        "zero": [7],
        "nan": None,
        "inf": None,
        "path": "a/b",
        "pair": [1, ["a", "b"]],
        "3": {"value": 0.5, "low": 0.25, "high": 0.75, "examples": 8},
    }


def test_plain_is_a_copy() -> None:
    inner = {"a": [1]}
    copy = plain({"x": inner})
    inner["a"].append(2)
    assert copy == {"x": {"a": [1]}}


def test_plain_of_something_else_names_its_type() -> None:
    with pytest.raises(MaskError, match="type object"):
        plain({"x": object()})


def test_plain_of_values_that_hold_themselves_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(MaskError, match="20 levels deep"):
        plain(loop)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"not JSON \(line 1, column 1\)"),
        (b'{"a": 1,\n "b" 2}', r"not JSON \(line 2, column 6\)"),
        (b"[1]", "no JSON object"),
        (b"null", "no JSON object"),
        (b'{"a": NaN}', "NaN is not a finite number"),
        (b'{"a": -Infinity}', "-Infinity is not a finite number"),
        (b'{"a": 1e999}', "1e999 is not a finite number"),
        (b'{"a": 1, "a": 1}', "'a' stands there twice"),
        (b'{"x": {"b": 1, "c": 2, "b": 3}}', "'b' stands there twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"a": ' + b"[" * 100_000, "too deep"),
        (b"\xff\xfe{\x00}\x00", "not text in UTF-8"),
        (b"\x80", "not text in UTF-8"),
        (b"PK\x03\x04", "not JSON"),
    ],
)
def test_parse_json_of_odd_files_says_what_is_wrong(content: bytes, says: str) -> None:
    with pytest.raises(MaskError, match=f"mask.json.*{says}"):
        parse_json(content, "mask.json")


def test_parse_json_takes_a_byte_order_mark() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}', "mask.json") == {"a": 1}


def test_halves_of_pairs_are_refused() -> None:
    with pytest.raises(MaskError, match="half of a pair"):
        plain(parse_json(b'{"a": "\\ud800"}', "mask.json"), "mask.json")


def test_dump_json_gives_long_blocks_a_line_per_entry() -> None:
    lines = dump_json({"short": {"a": [1, 2]}, "long": {str(i): [1, 2, 3] for i in range(20)}}).splitlines()
    assert lines[1] == ' "short": {"a": [1, 2]},'
    assert lines[3] == '  "0": [1, 2, 3],' and len(lines) == 1 + 1 + 1 + 20 + 1

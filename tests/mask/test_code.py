"""Mask codes: exact, short, and nothing but a code decodes."""

from __future__ import annotations

import hashlib
import math
import re
import zlib

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headviz.errors import MaskError
from headviz.mask import code as mask_code
from headviz.mask.code import decode, encode

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

HEADS = st.lists(st.integers(0, 9), min_size=1, max_size=8)


@st.composite
def masks(draw: st.DrawFn) -> tuple[np.ndarray, list[int]]:
    heads = draw(HEADS)
    bits = draw(st.lists(st.booleans(), min_size=sum(heads), max_size=sum(heads)))
    return np.array(bits, dtype=bool), heads


def refused(code: str, heads: list[int]) -> bool:
    try:
        decode(code, heads)
    except MaskError:
        return True
    return False


@given(masks())
def test_code_of_any_mask_decodes_to_it_and_is_short(case: tuple[np.ndarray, list[int]]) -> None:
    kept, heads = case
    code = encode(kept, heads)
    np.testing.assert_array_equal(decode(code, heads), kept)
    assert len(code) <= 8 + math.ceil(len(heads) * max(heads) / 6)
    assert re.fullmatch("[A-Za-z0-9_-]+", code)


@settings(max_examples=15)
@given(masks())
def test_code_with_any_one_character_changed_is_refused(case: tuple[np.ndarray, list[int]]) -> None:
    kept, heads = case
    code = encode(kept, heads)
    for place, old in enumerate(code):
        for new in ALPHABET:
            if new != old:
                assert refused(code[:place] + new + code[place + 1 :], heads)


@given(masks(), st.data())
def test_code_with_two_neighbours_changed_or_swapped_is_refused(
    case: tuple[np.ndarray, list[int]], data: st.DataObject
) -> None:
    kept, heads = case
    code = encode(kept, heads)
    place = data.draw(st.integers(0, len(code) - 2))
    pair = data.draw(st.one_of(st.just(code[place + 1] + code[place]), st.text(ALPHABET, min_size=2, max_size=2)))
    changed = code[:place] + pair + code[place + 2 :]
    assume(changed != code)
    assert refused(changed, heads)


@given(masks(), st.data())
def test_code_with_a_character_lost_or_added_is_refused(
    case: tuple[np.ndarray, list[int]], data: st.DataObject
) -> None:
    kept, heads = case
    code = encode(kept, heads)
    place = data.draw(st.integers(0, len(code) - 1))
    assert refused(code[:place] + code[place + 1 :], heads)
    assert refused(code[:place] + data.draw(st.sampled_from(ALPHABET)) + code[place:], heads)


@settings(max_examples=300)
@given(HEADS, st.data())
def test_random_string_decodes_only_if_it_is_exactly_a_code(heads: list[int], data: st.DataObject) -> None:
    length = 8 + math.ceil(sum(heads) / 6)
    looks_right = st.text(ALPHABET, min_size=length, max_size=length)
    text = data.draw(st.one_of(st.text(max_size=40), looks_right, looks_right.map(lambda text: "1" + text[1:])))
    if not refused(text, heads):
        assert encode(decode(text, heads), heads) == text


@given(masks(), HEADS)
def test_code_of_other_head_counts_is_refused(case: tuple[np.ndarray, list[int]], others: list[int]) -> None:
    kept, heads = case
    assume(others != heads)
    assert refused(encode(kept, heads), others)


@pytest.mark.parametrize("others", [[8], [2, 2, 4], [4, 4, 0], [3, 5], [1] * 8])
def test_code_of_as_many_heads_in_other_layers_is_refused(others: list[int]) -> None:
    code = encode(np.array([1, 0, 1, 1, 0, 0, 1, 1], dtype=bool), [4, 4])
    assert refused(code, others)


def test_code_with_bits_beyond_the_last_head_is_refused_even_if_its_checksum_is_right() -> None:
    body = "_"  # six ones, for a model of four heads
    assert refused("1" + mask_code._checksum(body, [4]) + body, [4])


def test_code_of_another_version_says_so() -> None:
    code = encode(np.ones(4, dtype=bool), [4])
    with pytest.raises(MaskError, match="later version"):
        decode("2" + code[1:], [4])


@pytest.mark.parametrize("odd", [None, 3, b"1AAAAAAAA", "", "1", "é" * 9, "1AAAAAAA\n", "1AAAAAA+/", "x" * 100_000])
def test_code_that_is_no_text_of_the_alphabet_is_refused(odd: object) -> None:
    with pytest.raises(MaskError, match="mask code"):
        decode(odd, [4])  # type: ignore[arg-type]


def test_code_of_a_mask_is_the_same_for_ever() -> None:
    """Links made by version 1 must open for ever; worked out here bit by bit, from the description alone."""
    content = b"4;" + bytes([0b10110000])
    bits = f"{zlib.crc32(content):032b}" + f"{int(hashlib.sha256(content).hexdigest()[:4], 16):016b}"[:10]
    check = "".join(ALPHABET[int(bits[i : i + 6], 2)] for i in range(0, 42, 6))
    expected = "1" + check + ALPHABET[0b101100]
    assert encode(np.array([1, 0, 1, 1], dtype=bool), [4]) == expected == "1K_DI6uFs"

"""Text from visitors, shown letter by letter."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.ui.errors import plain


@pytest.mark.parametrize(
    "text", ["Row 17: label 'meh' is not one of negative, neutral.", "96.0 %", "L3H7", "a, b (c) d; e"]
)
def test_ordinary_sentences_stay_as_they_are(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "*bold*", "__x__", "`code`", "[link](http://x.org)", "<b>", "$x^2$", ":red[x]", ":material/home:", "# title",
        "- item", "1. item", "> quote", "a | b", "~~x~~", "http://x.org", "www.x.org", "me@x.org", "&amp;", "\\*",
    ],
)  # fmt: skip
def test_every_mark_is_taken_as_a_letter(text: str) -> None:
    escaped = plain(text)
    assert "\\" in escaped
    assert re.sub(r"\\(.)", r"\1", escaped) == text


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=80))
def test_nothing_is_lost(text: str) -> None:
    assert re.sub(r"\\([^\n])", r"\1", plain(text)) == text

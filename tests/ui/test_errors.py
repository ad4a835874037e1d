"""Text from visitors, shown letter by letter."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.ui.errors import JOINER, plain


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
    assert "\\" in escaped or JOINER in escaped
    assert re.sub(r"\\(.)", r"\1", escaped).replace(JOINER, "") == text


# What the page's Markdown makes links of in a text without marks: addresses and mail, by GitHub's rules.
_BARE = re.compile(
    r"(?i)(https?://|www(?=\.))([-.\w]+)([^ \t\r\n]*)|(?<![^\s\W])([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)", re.ASCII
)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:1/beacon.png", "![a](http://x.org/a.png)", "HTTPS://X.ORG", "see www.x.org.", "me@x.org",
        "http://http://x.org", "a.b+c@d-e.f.org", "WWW.x.org", "https://me@x.org/www.y.org",
    ],
)  # fmt: skip
def test_bare_address_is_no_link(text: str) -> None:
    assert _BARE.search(text)
    assert not _BARE.search(re.sub(r"\\(.)", r"\1", plain(text)))


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=80))
def test_nothing_is_lost(text: str) -> None:
    assert re.sub(r"\\([^\n])", r"\1", plain(text)).replace(JOINER, "") == text

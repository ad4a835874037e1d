"""Text from visitors, shown letter by letter."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.ui.errors import JOINER, in_page_words, plain


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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Nothing is left. Recover with method='full'.", "Nothing is left. Choose the method Full fine-tune."),
        (
            "6 of 12 heads are to be cut, but least_per_layer=2 leaves only 4 that may go. Prune fewer or lower "
            "least_per_layer.",
            "6 of 12 heads are to be cut, but with 2 heads that each layer keeps at least there are only 4 that may "
            "go. Cut fewer heads, or let each layer keep fewer.",
        ),
        ("tiny is whole. Cut its heads out first: hv.save_pruned(hv.prune(s, m), folder).", "tiny is whole."),
        ("Row 3: label 'label=x' is not one. Mend it.", "Row 3: label 'label=x' is not one. Mend it."),
    ],
)  # fmt: skip
def test_advice_of_the_library_is_given_in_the_words_of_pages(text: str, told: str) -> None:
    assert in_page_words(text) == told


def test_no_advice_in_python_is_left_of_any_sentence_of_the_library() -> None:
    sentences = [text for path in sorted(LIBRARY.rglob("*.py")) if "cli" not in path.parts for text in raised(path)]
    advised = [text for text in sentences if re.search(r"hv\.\w+|\b(label|labels|method|classes|split|probe)=", text)]
    assert len(advised) > 20, "there is advice to put in other words"
    for text in advised:
        advice = in_page_words(text).partition(". ")[2]
        assert not re.search(r"\bhv\.\w+|\b(label|labels|method|classes|split|probe)=", advice), text


LIBRARY = Path(__file__).parents[2] / "headviz"


def raised(path: Path) -> list[str]:
    """What a module raises, with an X in each place that is filled in."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            told = node.exc.args[0]
            parts = told.values if isinstance(told, ast.JoinedStr) else [told]
            if all(isinstance(part, ast.Constant | ast.FormattedValue) for part in parts):
                found.append("".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in parts))
    return found

"""The glossary: every term is written alike, leads somewhere, and covers what pages and the command line name."""

from __future__ import annotations

import re

import pytest

import headviz as hv
from headviz.glossary import Term, glossary


@pytest.mark.parametrize("key", list(glossary))
def test_term_is_one_clean_sentence_under_a_lower_snake_key(key: str) -> None:
    term = glossary[key]
    assert isinstance(term, Term)
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", key)
    assert term.title == term.title.strip() and term.title
    assert term.sentence[0].isupper() or term.sentence[0].isdigit()
    assert term.sentence.endswith(".") and "  " not in term.sentence and "\n" not in term.sentence
    assert len(term.sentence) < 300


@pytest.mark.parametrize("key", list(glossary))
def test_see_also_names_other_terms(key: str) -> None:
    related = glossary[key].see_also
    assert key not in related
    assert len(set(related)) == len(related)
    assert [name for name in related if name not in list(glossary)] == []


def test_keys_are_in_alphabetical_order() -> None:
    assert list(glossary) == sorted(glossary)


def test_titles_differ() -> None:
    titles = [term.title for term in glossary.values()]
    assert len(set(titles)) == len(titles) == len(glossary)


def test_another_name_finds_the_same_term_without_being_listed() -> None:
    assert glossary["ae"] is glossary["attention_entropy"]
    assert "mcc" in glossary and "mcc" not in list(glossary)
    with pytest.raises(KeyError):
        glossary["no_such_term"]


def test_every_criterion_has_a_term() -> None:
    assert [name for name in hv.criteria if name not in glossary] == []


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "matthews", "agreement", "loss"])
def test_every_reported_number_has_a_term(name: str) -> None:
    assert name in glossary

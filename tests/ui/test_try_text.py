"""The panel on typed texts: both predictions in words, pairs, bad input; without a browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import headviz as hv
from headviz.ui import sources
from headviz.ui.jobs import Jobs
from headviz.ui.shelf import Shelf
from headviz.ui.state import OpenedModel, Session
from tests.tiny import LABELS, tiny_pairs, tiny_texts
from tests.ui.conftest import AtOnce, said
from tests.ui.test_flips import charts_of, shown_text


def panel(session, mask):  # type: ignore[no-untyped-def]  # runs as a script of its own
    import streamlit as st

    from headviz.ui import page
    from headviz.ui.errors import shown
    from headviz.ui.panels.try_text import try_text

    st.session_state["headviz"] = session
    with shown():
        try_text(page.current(), mask)


@pytest.fixture
def show(tiny_subject: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the panel over single texts, or pairs of them."""
    from streamlit.testing.v1 import AppTest

    shelf, jobs = Shelf(), Jobs(AtOnce())
    monkeypatch.setattr("headviz.ui.page._jobs", lambda: jobs)
    monkeypatch.setattr("headviz.ui.page._shelf", lambda: shelf)

    def run(*cut: str, pair: bool = False) -> Any:
        texts = ["\t".join(one) for one in tiny_pairs(12)] if pair else tiny_texts(12)
        names = "sentence1\tsentence2" if pair else "text"
        rows = [f"{text}\t{LABELS[row % 3]}" for row, text in enumerate(texts)]
        path = tmp_path / "reviews.tsv"
        path.write_text("\n".join([f"{names}\tlabel", *rows]) + "\n", encoding="utf-8")
        session = Session()
        session.open_model(OpenedModel(tiny_subject, "tiny", tiny_subject.fingerprint))
        session.data = sources.open_data(str(path), local=True)
        mask = hv.Mask.full(tiny_subject).with_toggled(*cut)
        return AppTest.from_function(panel, default_timeout=60, kwargs={"session": session, "mask": mask}).run()

    return run


def type_in(at: Any, *parts: str) -> Any:
    for key, part in zip(("typed", "typed_2"), parts, strict=False):
        at.text_area(key=key).input(part)
    at.run()
    assert not at.exception
    return at


def in_words(subject: Any, parts: tuple[str, ...], closed: tuple[int, ...] = ()) -> str:
    """What the model predicts for a text with the given heads, counted in reading order, closed."""
    gates = torch.ones(12)
    gates[list(closed)] = 0
    inputs = subject.processor(*parts, return_tensors="pt", truncation=True, max_length=subject.max_length)
    with torch.no_grad():
        shares = subject.forward(dict(inputs), gates=gates)[0].double().softmax(-1)
    return f"predicted **{subject.labels[int(shares.argmax())]}** ({100 * float(shares.max()):.1f} %)"


def test_nothing_typed_shows_nothing(show: Callable[..., Any]) -> None:
    at = show("L0H0")
    assert not at.exception and not at.error and charts_of(at) == 0
    assert not said(at)
    assert charts_of(type_in(at, "   ")) == 0
    assert "Your text is blank; type something into it." in said(at)


def test_a_text_beyond_the_field_is_read_as_far_as_the_field_goes_and_says_so(
    show: Callable[..., Any], tiny_subject: Any
) -> None:
    text = "good film " * 600
    at = show("L0H0")
    assert not at.text_area(key="typed").proto.max_chars  # else the browser drops a long paste without a word
    at = type_in(at, text)
    assert "Your text has 6,000 characters; the first 5,000 are read." in said(at)
    assert f"All heads: {in_words(tiny_subject, (text[:5000],))}." in shown_text(at)


def test_pair_whose_first_text_is_blank_says_so(show: Callable[..., Any]) -> None:
    at = type_in(show("L0H0", pair=True), " ", "a very dull plot")
    assert "Your text is blank; type something into it." in said(at) and charts_of(at) == 0


def test_blank_examples_are_passed_over_when_one_is_taken(show: Callable[..., Any]) -> None:
    at = show("L0H0")
    data = at.session_state["headviz"].data.selection
    inputs = tuple(("",) if place != 2 else texts for place, texts in enumerate(data.inputs))
    blank = replace(data, _rows=replace(data._rows, inputs=inputs))
    at.session_state["headviz"].data = replace(at.session_state["headviz"].data, selection=blank)
    at.button(key="take_example").click().run()
    assert not at.exception and at.text_area(key="typed").value == data.inputs[2][0]


def test_typed_text_has_both_predictions_in_words_and_a_chart(show: Callable[..., Any], tiny_subject: Any) -> None:
    text = "the film was not very good"
    at = type_in(show("L0H0", "L1H1", "L2H3"), text)
    whole, cut = in_words(tiny_subject, (text,)), in_words(tiny_subject, (text,), (0, 5, 11))
    assert whole != cut
    assert f"All heads: {whole}. With this mask: {cut}." in shown_text(at)
    assert charts_of(at) == 1


def test_mask_that_cuts_nothing_gives_the_same_twice(show: Callable[..., Any], tiny_subject: Any) -> None:
    at = type_in(show(), "a dull plot")
    told = in_words(tiny_subject, ("a dull plot",))
    assert f"All heads: {told}. With this mask: {told}." in shown_text(at)


def test_pair_has_two_fields_and_both_count(show: Callable[..., Any], tiny_subject: Any) -> None:
    at = type_in(show("L0H0", pair=True), "good film", "a very dull plot")
    assert len(at.text_area) == 2
    assert f"All heads: {in_words(tiny_subject, ('good film', 'a very dull plot'))}." in shown_text(at)


def test_text_beyond_the_models_limit_says_how_much_was_cut(show: Callable[..., Any]) -> None:
    at = type_in(show("L0H0"), "good " * 50)
    assert "The text is longer than the model takes; its last 12 tokens were cut." in shown_text(at)


def test_marks_in_a_typed_text_change_nothing(show: Callable[..., Any]) -> None:
    at = type_in(show("L0H0"), ":red[x] $y$ <b>z</b> [a](http://b)")
    assert not at.error and charts_of(at) == 1 and "$y" not in shown_text(at)


@pytest.mark.parametrize("pair", [False, True])
def test_examples_of_the_data_come_one_after_the_other(show: Callable[..., Any], pair: bool) -> None:
    at = show("L0H0", pair=pair)
    seen = []
    for _ in range(2):
        at.button(key="take_example").click().run()
        assert not at.exception and not at.error, said(at)
        seen.append(tuple(field.value for field in at.text_area))
        assert charts_of(at) == 1
    known = tiny_pairs(12) if pair else [(text,) for text in tiny_texts(12)]
    assert set(seen) <= set(known) and seen[0] != seen[1]


def test_text_typed_beside_a_head_goes_along_to_the_mask(opened: Any) -> None:
    at = opened.switch_page("pages/scores.py").run()
    at.selectbox(key="_w_head").set_value("L0H0").run()
    at.segmented_control(key="text_source").set_value("typed").run()
    type_in(at, "a slow but warm film")
    at.switch_page("pages/mask.py").run()
    at.segmented_control(key="view").set_value("Try a text").run()
    assert not at.exception and not at.error
    assert at.text_area(key="typed").value == "a slow but warm film"
    assert "All heads: predicted" in shown_text(at)

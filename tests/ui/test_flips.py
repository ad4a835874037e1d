"""The panel on what flipped: list, one example closely, matrices; without a browser."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from headviz.ui import sources
from headviz.ui.jobs import Jobs
from headviz.ui.shelf import Shelf
from headviz.ui.state import OpenedModel, Session
from tests.ui.conftest import AtOnce, said

TEXTS = ["the film was good", "$x$ :red[y] <b>z</b>", "a very dull plot"] + ["so and so"] * 17
MATRICES_AND_RECALL = 3


def panel(session, mask, before, now, data):  # type: ignore[no-untyped-def]  # runs as a script of its own
    import streamlit as st

    from headviz.ui import page
    from headviz.ui.errors import shown
    from headviz.ui.panels.flips import flips

    st.session_state["headviz"] = session
    with shown():
        flips(page.current(), mask, before, now, data)


@pytest.fixture
def session(tiny_subject: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A visitor with the tiny model and forty labelled texts."""
    shelf, jobs = Shelf(), Jobs(AtOnce())
    monkeypatch.setattr("headviz.ui.page._jobs", lambda: jobs)
    monkeypatch.setattr("headviz.ui.page._shelf", lambda: shelf)
    rows = [f"{text}\t{label}" for text in TEXTS for label in ("bad", "good")]
    (tmp_path / "reviews.tsv").write_text("\n".join(["text\tlabel", *rows]) + "\n", encoding="utf-8")
    made = Session()
    made.open_model(OpenedModel(tiny_subject, "tiny", tiny_subject.fingerprint))
    made.data = sources.open_data(str(tmp_path / "reviews.tsv"), local=True)
    return made


def predicting(evaluation: hv.Evaluation, predictions: list[int]) -> hv.Evaluation:
    """The same examples with other predictions, whose logit is 2."""
    logits = 2 * np.eye(3, dtype=np.float32)[predictions]
    return replace(evaluation, logits=logits, loss=-np.log(np.take_along_axis(
        np.exp(logits) / np.exp(logits).sum(1, keepdims=True), evaluation.labels[:, None], 1)[:, 0]
    ))  # fmt: skip


@pytest.fixture
def show(session: Session) -> Callable[..., Any]:
    """Run the panel; ``changed``: row -> what it is predicted as now, of examples that are all right before."""
    from streamlit.testing.v1 import AppTest

    data = hv.load_data(_frame())
    measured = hv.evaluate(session.subject, data)
    before = predicting(measured, measured.labels.tolist())
    mask = hv.Mask.full(session.subject).with_toggled("L1H2", "L2H0")

    def run(changed: dict[int, int], picked: tuple[str, int] | None = None, **more: Any) -> Any:
        now = predicting(measured, [changed.get(row, label) for row, label in enumerate(measured.labels.tolist())])
        given = {"mask": mask, "before": more.get("before", before), "now": now, "data": more.get("data", data)}
        at = AppTest.from_function(panel, default_timeout=60, kwargs={"session": session, **given})
        if picked is not None:
            kind, row = picked
            at.session_state["flips_kind"] = kind
            at.session_state[f"flips_table {kind} {mask.code} {data.fingerprint}"] = {"selection": {"rows": [row]}}
        return at.run()

    return run


def _frame() -> pd.DataFrame:
    return pd.DataFrame({"text": TEXTS, "label": ["bad", "good"] * 10})


def shown_text(at: Any) -> str:
    return "\n".join(block.value for block in at.markdown)


def charts_of(at: Any) -> int:
    return len(at.get("vega_lite_chart"))


def test_no_change_says_so_and_the_matrices_still_stand(show: Callable[..., Any]) -> None:
    at = show({})
    assert not at.exception and not at.error
    assert "Of 20 examples none has another prediction with this mask." in shown_text(at)
    assert not at.dataframe and charts_of(at) == MATRICES_AND_RECALL
    assert "1 of these classes has no example here." in shown_text(at)  # "fine"


def test_changes_are_counted_and_listed_with_their_texts(show: Callable[..., Any]) -> None:
    at = show({0: 1, 1: 0, 2: 2})
    assert not at.exception and not at.error
    assert "Of 20 examples 3 predictions changed: 3 broken." in shown_text(at)
    listed = at.dataframe[0].value
    assert listed["text"].tolist() == TEXTS[:3]
    assert listed["label"].tolist() == ["bad", "good", "bad"]
    assert listed["after"].tolist() == ["fine", "bad", "good"]
    # from the softmax of (2, 0, 0) at its largest to another place: 2 nats more
    np.testing.assert_allclose(listed["loss_change"], 2.0, rtol=1e-6)


def test_filter_lists_one_kind_alone_and_says_when_there_is_none(show: Callable[..., Any]) -> None:
    at = show({0: 1})
    at.segmented_control(key="flips_kind").set_value("mended").run()
    assert "No prediction changed in this way." in shown_text(at) and not at.dataframe
    at.segmented_control(key="flips_kind").set_value("broken").run()
    assert at.dataframe[0].value["text"].tolist() == TEXTS[:1]
    assert not at.exception and not at.error


def test_picked_row_shows_text_probabilities_and_the_map_of_a_cut_head(show: Callable[..., Any]) -> None:
    at = show({1: 0, 2: 1}, picked=("all", 0))
    assert not at.exception and not at.error, said(at)
    assert at.text[0].value == TEXTS[1]
    probability = np.exp(2) / (np.exp(2) + 2)
    told = f"All heads: predicted **good** ({100 * probability:.1f} %). With this mask: predicted **bad** "
    assert told in shown_text(at) and "True label: **good**." in shown_text(at)
    assert charts_of(at) == MATRICES_AND_RECALL + 2
    assert at.selectbox[0].options == ["L1H2", "L2H0"]
    at.selectbox[0].set_value("L2H0").run()
    assert not at.exception and not at.error and charts_of(at) == MATRICES_AND_RECALL + 2


def test_text_of_a_picked_row_is_never_markdown(show: Callable[..., Any]) -> None:
    at = show({1: 0}, picked=("broken", 0))
    assert TEXTS[1] in [text.value for text in at.text]
    assert "red[" not in shown_text(at) and "<b>" not in shown_text(at)


def test_head_picked_on_the_page_is_the_one_looked_at_where_it_is_cut(
    show: Callable[..., Any], session: Session
) -> None:
    for picked, shown in (("L2H0", "L2H0"), ("L0H0", "L1H2")):
        session.pick(picked)
        assert show({1: 0}, picked=("all", 0)).selectbox[0].value == shown


def test_cut_head_with_the_largest_his_is_the_first_choice_once_scores_are_there(
    show: Callable[..., Any], session: Session
) -> None:
    from headviz.ui import page
    from headviz.ui.results import Results

    results = Results(session, page._shelf(), page._jobs())
    results.ask_scores()
    his = results.base().his  # type: ignore[union-attr]
    largest = max(("L1H2", 1, 2), ("L2H0", 2, 0), key=lambda head: his[head[1:]])[0]
    assert show({1: 0}, picked=("all", 0)).selectbox[0].value == largest


def test_examples_that_were_not_measured_are_refused_with_a_sentence(show: Callable[..., Any]) -> None:
    at = show({0: 1}, data=hv.load_data(_frame())[:5])
    assert "not the ones that were measured" in said(at) and not at.exception


def test_download_holds_whole_texts_of_the_listed_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    from headviz.ui.panels import flips

    given: list[Any] = []
    monkeypatch.setattr("streamlit.download_button", lambda label, data, *more, **options: given.append(data))
    listed = pd.DataFrame({"id": [3], "position": [1], "text": ['a "long" one, ' * 50], "kind": ["broken"]})
    flips._download(listed)
    read = pd.read_csv(io.BytesIO(given[0]()))
    assert list(read) == ["id", "text", "kind"] and read["text"].tolist() == listed["text"].tolist()

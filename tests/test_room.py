"""Room for a pass: long texts are refused by their length before they are run, and batches shrink to what fits."""

from __future__ import annotations

import numpy as np
import pytest

import headviz as hv
from headviz import inspection, memory, room
from tests.tiny import LABELS, tiny_labels, tiny_model, tiny_texts


@pytest.fixture(scope="module")
def subject() -> hv.Subject:
    return hv.Subject.wrap(*tiny_model("bert"), name="tiny")


@pytest.fixture(scope="module")
def data(subject: hv.Subject) -> hv.Data:
    import pandas as pd

    return hv.load_data(pd.DataFrame({"text": tiny_texts(24), "label": tiny_labels(24, labels=LABELS)}))


def test_sizes_are_those_of_the_arithmetic(subject: hv.Subject) -> None:
    assert room.of_gradients(subject, 10) == 4 * 24 * 32 * 3 * 10
    assert room.of_maps(subject, 10, texts=2, kept=1) == 4 * 4 * 4 * 2 * 100


def test_batches_shrink_to_what_fits_and_scores_stay_the_same(
    subject: hv.Subject, data: hv.Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = hv.score(subject, data)
    batches = []
    forward = hv.Subject.forward

    def counted(self: hv.Subject, inputs: dict, **more: object) -> object:  # type: ignore[type-arg]
        batches.append(inputs["input_ids"].numel())
        return forward(self, inputs, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(hv.Subject, "forward", counted)
    monkeypatch.setenv(memory.VARIABLE, f"{room.of_gradients(subject, 64)}b")
    found = hv.score(subject, data)
    assert max(batches) <= 64
    np.testing.assert_allclose(found.gate_gradient, expected.gate_gradient, rtol=1e-3, atol=1e-6)


def test_text_that_does_not_fit_is_refused_by_its_length(
    subject: hv.Subject, data: hv.Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(memory.VARIABLE, "1kb")
    with pytest.raises(hv.ScoreError, match=r"gradients of one text .*\(\d+ tokens, 3 layers.*Take shorter texts"):
        hv.score(subject, data)
    with pytest.raises(hv.ScoreError, match=r"attention maps of one text .*\(9 tokens"):
        inspection.attention_of(subject, "good film good film good film good", ["L0H0"])
    with pytest.raises(hv.ScoreError, match="gradients of one text"):
        inspection.token_attribution(subject, "good film")
    monkeypatch.setattr("headviz.complementarity.signature._require", lambda *sizes: None)  # of the classes: passed
    with pytest.raises(hv.ScoreError, match=r"attention maps of \d+ texts at once"):
        hv.signatures(subject, data)


def test_attribution_takes_fewer_steps_at_once_where_memory_is_short(
    subject: hv.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "good film"
    expected = inspection.token_attribution(subject, text, steps=8)
    monkeypatch.setenv(memory.VARIABLE, f"{room.of_gradients(subject, 4 * 2)}b")
    found = inspection.token_attribution(subject, text, steps=8)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-3, atol=1e-6)

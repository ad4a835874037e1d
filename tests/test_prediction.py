"""Predictions of the loss change: hand-worked values, the limit of small steps, and the cheapest next head."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from headviz.prediction import cheapest_cut, predicted_change
from headviz.scores import Scores
from tests.tiny import tiny_labels, tiny_model, tiny_texts


def scores_of(gradient: np.ndarray) -> Scores:
    n = len(gradient)
    return Scores(gradient.astype(np.float32), np.abs(gradient), np.ones(n), np.arange(n), {})


GRADIENT = np.array([[[1.0, -2], [0.5, 0]], [[3, 0], [0.5, -1]]])


def test_prediction_is_minus_the_gradients_of_the_cut_heads_summed_per_example() -> None:
    mask = hv.Mask([[False, True], [False, True]])
    first = predicted_change(scores_of(GRADIENT), mask)
    assert first.value == pytest.approx(-(1.5 + 3.5) / 2) and first.low <= first.value <= first.high and first.n == 2
    second = predicted_change(scores_of(GRADIENT), mask, order=2)
    assert second.value == pytest.approx((-1.5 + 1.5**2 / 2 - 3.5 + 3.5**2 / 2) / 2)
    assert predicted_change(scores_of(GRADIENT), hv.Mask(np.ones((2, 2)))).value == 0


def test_prediction_is_the_slope_of_the_loss_along_the_way_to_the_mask() -> None:
    model, tokenizer = tiny_model("bert")
    subject = hv.Subject.wrap(model.double(), tokenizer, name="tiny")
    data = hv.load_data(pd.DataFrame({"text": tiny_texts(10, seed=1), "label": tiny_labels(10, seed=1)}))
    mask = hv.Mask.full(subject).with_toggled("L0H1", "L2H3")
    predicted = predicted_change(hv.score(subject, data), mask).value
    step, losses = 1e-4, []
    batch = next(subject.encode(data.inputs).batches(batch_size=10))
    targets = torch.tensor([["bad", "fine", "good"].index(str(label)) for label in data.raw_labels])[batch.indices]
    for way in (step, -step):
        gates = 1 - way * torch.as_tensor(~mask.keep.ravel(), dtype=torch.float64)
        with torch.no_grad():
            logits = subject.forward(batch.inputs, gates=gates)
        losses.append(float(torch.nn.functional.cross_entropy(logits, targets)))
    assert predicted == pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-4)


def test_cheapest_cut_is_the_kept_head_with_the_lowest_prediction_that_is_not_locked() -> None:
    scores = scores_of(GRADIENT)  # mean gradients: 2, -1, 0.5, -0.5; cutting lowers the loss by them
    full = hv.Mask(np.ones((2, 2)))
    assert cheapest_cut(scores, full) == "L0H0"
    assert cheapest_cut(scores, full, locked=("L0H0",)) == "L1H0"
    assert cheapest_cut(scores, full.with_toggled("L0H0")) == "L1H0"
    assert cheapest_cut(scores, hv.Mask(np.zeros((2, 2)))) is None


def test_scores_and_mask_of_different_models_and_odd_orders_are_refused() -> None:
    with pytest.raises(hv.MaskError, match="one model"):
        predicted_change(scores_of(GRADIENT), hv.Mask(np.ones((2, 3))))
    with pytest.raises(hv.ScoreError, match="order must be 1 or 2"):
        predicted_change(scores_of(GRADIENT), hv.Mask(np.ones((2, 2))), order=3)

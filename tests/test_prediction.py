"""Predictions of the loss change: hand-worked values, the limit of small steps, single edits and swaps."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from headviz.prediction import best_restore, cheapest_cut, predicted_change, swap_changes, toggle_changes
from headviz.scores import Scores
from tests.tiny import tiny_labels, tiny_model, tiny_texts


def scores_of(gradient: np.ndarray) -> Scores:
    n = len(gradient)
    return Scores(gradient.astype(np.float32), np.abs(gradient), np.ones(n), np.arange(n), {})


GRADIENT = np.array([[[1.0, -2], [0.5, 0]], [[3, 0], [0.5, -1]]])


def test_prediction_is_minus_the_gradients_of_the_cut_heads_summed_per_example() -> None:
    mask = hv.Mask([[False, True], [False, True]])
    first = predicted_change(scores_of(GRADIENT), mask, order=1)
    assert first.value == pytest.approx(-(1.5 + 3.5) / 2) and first.low <= first.value <= first.high and first.n == 2
    second = predicted_change(scores_of(GRADIENT), mask)
    assert second.value == pytest.approx((-1.5 + 1.5**2 / 2 - 3.5 + 3.5**2 / 2) / 2)
    assert second == predicted_change(scores_of(GRADIENT), mask, order=2)
    assert predicted_change(scores_of(GRADIENT), hv.Mask(np.ones((2, 2)))).value == 0


def test_prediction_is_the_slope_of_the_loss_along_the_way_to_the_mask() -> None:
    model, tokenizer = tiny_model("bert")
    subject = hv.Subject.wrap(model.double(), tokenizer, name="tiny")
    data = hv.load_data(pd.DataFrame({"text": tiny_texts(10, seed=1), "label": tiny_labels(10, seed=1)}))
    mask = hv.Mask.full(subject).with_toggled("L0H1", "L2H3")
    predicted = predicted_change(hv.score(subject, data), mask, order=1).value
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
    assert cheapest_cut(scores, full, order=1) == "L0H0"
    assert cheapest_cut(scores, full, locked=("L0H0",), order=1) == "L1H0"
    assert cheapest_cut(scores, full.with_toggled("L0H0"), order=1) == "L1H0"
    assert cheapest_cut(scores, hv.Mask(np.zeros((2, 2)))) is None


def test_best_restore_is_the_cut_head_with_the_lowest_prediction_that_is_not_locked() -> None:
    scores = scores_of(GRADIENT)  # restoring a head lowers the loss by minus its mean gradient
    none = hv.Mask(np.zeros((2, 2)))
    assert best_restore(scores, none, order=1) == "L0H1"
    assert best_restore(scores, none, locked=["L0H1"], order=1) == "L1H1"
    assert best_restore(scores, none.with_toggled("L0H1"), order=1) == "L1H1"
    assert best_restore(scores, hv.Mask(np.ones((2, 2)))) is None
    assert best_restore(scores, none, locked=none.pruned) is None


def test_equal_predictions_go_by_reading_order() -> None:
    scores = scores_of(np.ones((3, 2, 2)))
    assert cheapest_cut(scores, hv.Mask([[False, True], [True, True]])) == "L0H1"
    assert best_restore(scores, hv.Mask([[True, True], [False, False]]), order=2) == "L1H0"


def loss_of(gradient: np.ndarray, mask: hv.Mask, order: int) -> float:
    """The predicted loss change of a mask, example by example and head by head."""
    total = 0.0
    for example in gradient:
        moved = sum(example[layer, head] for layer, head in np.argwhere(~mask.keep & ~np.isnan(example)))
        total += -moved + (moved**2 / 2 if order == 2 else 0)
    return total / len(gradient)


@pytest.mark.parametrize("order", [1, 2])
def test_toggles_and_swaps_change_the_prediction_by_what_masks_one_by_one_say(order: int) -> None:
    rng = np.random.default_rng(3)
    gradient = rng.normal(size=(7, 3, 4)).astype(np.float32).astype(np.float64)
    gradient[:, 1, 3] = np.nan
    scores = scores_of(gradient)
    keep = rng.random((3, 4)) < 0.6
    keep[1, 3] = False
    mask = hv.Mask(keep, provenance={"model": {"heads": [4, 3, 4]}})
    here = loss_of(gradient, mask, order)
    toggled = toggle_changes(scores, mask, order=order)
    assert np.isnan(toggled[1, 3])
    for head in (*mask.kept, *mask.pruned):
        expected = loss_of(gradient, mask.with_toggled(head), order) - here
        assert toggled[int(head[1]), int(head[3])] == pytest.approx(expected, abs=1e-9)
    swaps = swap_changes(scores, mask, order=order)
    assert swaps.shape == (len(mask.kept), len(mask.pruned))
    for row, cut in enumerate(mask.kept):
        for column, restored in enumerate(mask.pruned):
            expected = loss_of(gradient, mask.with_toggled(cut, restored), order) - here
            assert swaps[row, column] == pytest.approx(expected, abs=1e-9)
    by_name = {head: toggled[int(head[1]), int(head[3])] for head in (*mask.kept, *mask.pruned)}
    assert cheapest_cut(scores, mask, order=order) == min(mask.kept, key=by_name.__getitem__)
    assert best_restore(scores, mask, order=order) == min(mask.pruned, key=by_name.__getitem__)


def test_two_thousand_heads_are_answered_at_once() -> None:
    rng = np.random.default_rng(0)
    scores = scores_of(rng.normal(size=(512, 32, 64)))
    mask = hv.Mask(rng.random((32, 64)) < 0.5)
    took = []
    for _ in range(5):
        start = time.perf_counter()
        cheapest_cut(scores, mask, order=2)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.2  # a bound for busy machines: a loop over heads takes some ten times as long


def test_scores_and_mask_of_different_models_and_odd_orders_are_refused() -> None:
    with pytest.raises(hv.MaskError, match="one model"):
        predicted_change(scores_of(GRADIENT), hv.Mask(np.ones((2, 3))))
    with pytest.raises(hv.ScoreError, match="order must be 1 or 2"):
        predicted_change(scores_of(GRADIENT), hv.Mask(np.ones((2, 2))), order=3)

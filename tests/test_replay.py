"""Replay against whole evaluations: the same numbers, less work, nothing left behind."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from headviz import replay
from headviz.replay import Replay
from tests.test_no_trace import StopAfter, state
from tests.tiny import FAMILIES, tiny_labels, tiny_model, tiny_texts

DATA = hv.load_data(pd.DataFrame({"text": tiny_texts(20, seed=2), "label": tiny_labels(20, seed=2)}))


def subject_of(family: str = "bert", **config: int) -> hv.Subject:
    return hv.Subject.wrap(*tiny_model(family, **config), name="tiny")


def masks(subject: hv.Subject, count: int) -> list[hv.Mask]:
    rng = np.random.default_rng(0)
    mask, found = hv.Mask.full(subject), []
    for _ in range(count):
        mask = mask.with_toggled(f"L{rng.integers(3)}H{rng.integers(4)}")
        found.append(mask)
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_masks_in_any_order_give_what_whole_evaluations_give_bit_for_bit(family: str) -> None:
    subject = subject_of(family)
    kept = Replay(subject, DATA, batch_tokens=120)
    for mask in [None, *masks(subject, 12), None]:
        expected = hv.evaluate(subject, DATA, mask, batch_tokens=120)
        found = kept.evaluate(mask)
        np.testing.assert_array_equal(found.logits, expected.logits)
        np.testing.assert_array_equal(found.loss, expected.loss)
        assert found.metrics == expected.metrics and found.provenance["options"] == expected.provenance["options"]


@pytest.mark.parametrize("family", FAMILIES)
def test_edit_in_layer_l_runs_the_layers_from_l_on(family: str) -> None:
    subject = subject_of(family)
    full = hv.Mask.full(subject)
    kept = Replay(subject, DATA)
    kept.evaluate(full)
    assert kept.share == 1
    shares = []
    for head in ("L2H0", "L1H1", "L0H2"):
        kept.evaluate(full.with_toggled(head))
        kept.evaluate(full)  # the same layers again
        shares.append(kept.share)
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])


def test_same_mask_again_costs_one_layer() -> None:
    subject = subject_of()
    kept = Replay(subject, DATA)
    first = kept.evaluate()
    assert np.array_equal(kept.evaluate().logits, first.logits) and kept.share == pytest.approx(1 / 3)


def test_memory_is_bounded_and_what_does_not_fit_runs_whole() -> None:
    subject = subject_of()
    full = hv.Mask.full(subject)
    none, some = Replay(subject, DATA, memory=0), Replay(subject, DATA, memory=60_000, batch_tokens=60)
    for kept in (none, some):
        kept.evaluate(full)
        found = kept.evaluate(full.with_toggled("L2H1"))
        np.testing.assert_allclose(found.loss, hv.evaluate(subject, DATA, full.with_toggled("L2H1")).loss, rtol=1e-5)
    assert none.share == 1 and 1 / 3 < some.share < 1
    held = sum(one.nbytes for batch in some._kept for one in batch.states)
    assert 0 < held <= 60_000


def test_model_whose_layers_share_more_than_hidden_states_runs_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_of()
    monkeypatch.setattr(replay.torch, "equal", lambda *_: False)
    kept = Replay(subject, DATA)
    kept.evaluate()
    kept.evaluate(hv.Mask.full(subject).with_toggled("L2H0"))
    assert kept.share == 1


def test_cancelled_half_way_later_masks_are_still_right() -> None:
    subject = subject_of()
    full, other = hv.Mask.full(subject), hv.Mask.full(subject).with_toggled("L0H0", "L1H3")
    kept = Replay(subject, DATA, batch_tokens=60)
    kept.evaluate(full)
    with pytest.raises(hv.Cancelled):
        kept.evaluate(other, cancel=StopAfter(3))
    for mask in (full, other):
        np.testing.assert_array_equal(
            kept.evaluate(mask).logits, hv.evaluate(subject, DATA, mask, batch_tokens=60).logits
        )


def test_replay_leaves_no_trace_and_threads_do_not_mix() -> None:
    subject = subject_of()
    before = state(subject.model)
    wanted = masks(subject, 6)
    kept = Replay(subject, DATA)
    found: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: kept.evaluate(wanted[i]).logits})) for i in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, mask in enumerate(wanted):
        np.testing.assert_array_equal(found[i], hv.evaluate(subject, DATA, mask).logits)
    assert state(subject.model) == before


def test_mask_of_another_model_is_refused() -> None:
    with pytest.raises(hv.MaskError, match="per layer"):
        Replay(subject_of(), DATA).evaluate(hv.Mask(np.ones((2, 2), dtype=bool)))


def test_first_examples_are_a_seeded_draw_told_before_the_rest_is_measured() -> None:
    subject, told = subject_of(), []
    kept = Replay(subject, DATA, first=6, batch_tokens=120)
    mask = hv.Mask.full(subject).with_toggled("L1H2")
    whole = kept.evaluate(mask, on_first=told.append)
    expected = hv.evaluate(subject, DATA.take(kept.draw), mask)
    assert len(told) == 1 and len(kept.draw) == 6
    assert np.array_equal(told[0].ids, expected.ids) and np.array_equal(told[0].predictions, expected.predictions)
    np.testing.assert_allclose(told[0].loss, expected.loss, atol=1e-6)
    assert np.array_equal(told[0].logits, replay.taken(whole, kept.draw).logits)


def test_first_examples_are_told_although_the_rest_is_cancelled() -> None:
    subject, told, cancel = subject_of(), [], threading.Event()

    def first(evaluation: hv.Evaluation) -> None:
        told.append(evaluation)
        cancel.set()

    with pytest.raises(hv.Cancelled):
        Replay(subject, DATA, first=6, batch_tokens=120).evaluate(on_first=first, cancel=cancel)
    assert len(told) == 1


@pytest.mark.parametrize("first", [0, 20, 64])
def test_no_or_all_examples_first_give_the_same_whole(first: int) -> None:
    subject = subject_of()
    found, expected = Replay(subject, DATA, first=first).evaluate(), hv.evaluate(subject, DATA)
    assert np.array_equal(found.predictions, expected.predictions)
    np.testing.assert_allclose(found.loss, expected.loss, atol=1e-6)

"""Improving by swaps: against a slow search by hand, never worse, the number of heads and all locks kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headviz as hv
from headviz.improve import Improvement, improve
from headviz.prediction import predicted_change
from headviz.replay import Replay
from tests.test_no_trace import StopAfter
from tests.tiny import tiny_labels, tiny_model, tiny_texts

DATA = hv.load_data(pd.DataFrame({"text": tiny_texts(12, seed=4), "label": tiny_labels(12, seed=4)}))
SUBJECT = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
SCORES = hv.score(SUBJECT, DATA)
HEADS = hv.Mask.full(SUBJECT).kept
REPLAY = Replay(SUBJECT, DATA)


def masked(*cut: str) -> hv.Mask:
    return hv.Mask.full(SUBJECT).with_(always=cut)


def run(mask: hv.Mask, **options: Any) -> Improvement:
    return improve(SUBJECT, DATA, mask, SCORES, replay=REPLAY, **options)


def value_of(mask: hv.Mask, measure: str = "loss") -> float:
    found = hv.evaluate(SUBJECT, DATA, mask)
    return float(found.loss.mean()) if measure == "loss" else found.metrics["accuracy"].value


def search_by_hand(mask: hv.Mask) -> list[tuple[str, str]]:
    """Greedy swaps by mean loss, each mask measured and predicted on its own."""
    best, swaps, going = value_of(mask), [], True
    while going:
        pairs = [(cut, restored) for cut in mask.kept for restored in mask.pruned]
        pairs.sort(key=lambda pair, mask=mask: predicted_change(SCORES, mask.with_toggled(*pair), order=2).value)
        going = False
        for pair in pairs:
            if (found := value_of(mask.with_toggled(*pair))) < best:
                mask, best, going = mask.with_toggled(*pair), found, True
                swaps.append(pair)
                break
    return swaps


def test_swaps_are_those_of_a_search_by_hand() -> None:
    mask = masked("L0H0", "L1H2", "L2H3")
    found = run(mask, budget=10_000)
    assert [(swap.cut, swap.restored) for swap in found.swaps] == search_by_hand(mask) != []
    assert found.ended == "No untested swap is left."
    assert found.before == pytest.approx(value_of(mask)) and found.after == pytest.approx(value_of(found.mask))
    for swap in found.swaps:
        mask = mask.with_toggled(swap.cut, swap.restored)
        assert swap.value == pytest.approx(value_of(mask))
    assert mask == found.mask


def test_swapped_heads_are_the_searchs_and_not_by_hand() -> None:
    mask = masked("L0H0", "L1H2", "L2H3").with_provenance(
        criterion={"name": "his", "options": {}, "by_hand": ["L1H2", "L2H3"]}
    )
    better: list[hv.Mask] = []
    found = run(mask, budget=40, locked=["L1H2"], on_better=lambda mask, _: better.append(mask))
    swapped = mask.differing(found.mask)
    assert swapped and "L1H2" not in swapped
    assert found.mask.provenance["criterion"]["name"] == "his"
    assert found.mask.by_hand == tuple(head for head in ("L1H2", "L2H3") if head not in swapped)
    (step,) = found.mask.steps
    assert (step["by"], step["measure"], step["budget"], step["locked"]) == ("search", "loss", 40, ["L1H2"])
    assert step["evaluations"] == found.evaluations and (step["before"], step["after"]) == (found.before, found.after)
    assert step["data"] == {
        "name": DATA.name, "split": DATA.split, "fingerprint": DATA.fingerprint, "examples": len(DATA),
    }  # fmt: skip
    assert [(one["cut"], one["restored"], one["loss"]) for one in step["swaps"]] == list(found.swaps)
    assert better[-1] == found.mask and better[-1].steps[0]["swaps"] == step["swaps"]


def test_a_search_that_finds_nothing_leaves_the_mask_as_it_was() -> None:
    mask = masked("L0H0")
    assert run(mask, budget=1).mask is mask


def test_predicted_order_tries_the_lowest_prediction_first() -> None:
    mask, tried = masked("L0H0", "L1H2"), []

    class Watched(Replay):
        def evaluate(self, mask: hv.Mask | None = None, **options: Any) -> Any:
            tried.append(mask)
            return super().evaluate(mask, **options)

    improve(SUBJECT, DATA, mask, SCORES, budget=2, replay=Watched(SUBJECT, DATA))
    pairs = [(cut, restored) for cut in mask.kept for restored in mask.pruned]
    predicted = {pair: predicted_change(SCORES, mask.with_toggled(*pair), order=2).value for pair in pairs}
    assert tried == [mask, mask.with_toggled(*min(pairs, key=predicted.__getitem__))]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_result_is_never_worse_and_keeps_the_number_of_heads_and_the_locks(draw: st.DataObject) -> None:
    mask = masked(*draw.draw(st.sets(st.sampled_from(HEADS), max_size=11)))
    locked = draw.draw(st.sets(st.sampled_from(HEADS), max_size=6))
    least = draw.draw(st.integers(0, 3))
    measure = draw.draw(st.sampled_from(["loss", "accuracy"]))
    by = draw.draw(st.sampled_from(["predicted", "random"]))
    budget = draw.draw(st.integers(1, 15))
    heard: list[tuple[hv.Mask, float]] = []
    found = run(
        mask, measure=measure, budget=budget, locked=locked, least_per_layer=least, by=by,
        on_better=lambda mask, value: heard.append((mask, value)),
    )  # fmt: skip
    before, after = value_of(mask, measure), value_of(found.mask, measure)
    assert (found.before, found.after) == (pytest.approx(before), pytest.approx(after))
    gain = before - after if measure == "loss" else after - before
    assert gain > 0 if found.swaps else found.mask == mask
    assert found.mask.count == mask.count and not set(mask.differing(found.mask)) & locked
    kept_before, kept_after = mask.keep.sum(axis=1), found.mask.keep.sum(axis=1)
    assert (np.minimum(kept_after, least) >= np.minimum(kept_before, least)).all()
    assert found.evaluations <= budget
    assert [value for _, value in heard] == [swap.value for swap in found.swaps]
    assert not heard or heard[-1] == (found.mask, found.after)


def test_no_mask_is_measured_twice_and_the_budget_holds() -> None:
    tried: list[hv.Mask] = []

    class Watched(Replay):
        def evaluate(self, mask: hv.Mask | None = None, **options: Any) -> Any:
            assert mask is not None
            tried.append(mask)
            return super().evaluate(mask, **options)

    mask = masked("L0H0", "L1H2", "L2H3", "L2H0")
    watched = Watched(SUBJECT, DATA)
    for budget, ended in ((20, "The budget of 20 evaluations is spent."), (1000, "No untested swap is left.")):
        tried.clear()
        found = improve(SUBJECT, DATA, mask, SCORES, budget=budget, replay=watched)
        assert len(tried) == len(set(tried)) == found.evaluations <= budget
        assert found.ended == ended
    assert improve(SUBJECT, DATA, mask, SCORES, budget=1000).swaps == found.swaps  # with a replay of its own


def test_random_order_is_that_of_its_seed() -> None:
    mask = masked("L0H0", "L1H2", "L2H3", "L2H0")
    first, again, other = (run(mask, budget=12, by="random", seed=seed).swaps for seed in (1, 1, 2))
    assert first == again != other


def test_cancelled_search_has_told_of_the_best_mask_so_far() -> None:
    mask, heard = masked("L0H0", "L1H2", "L2H3"), []
    whole = run(mask, budget=30)
    assert len(whole.swaps) > 1
    for checks in range(0, 60, 7):
        heard.clear()
        with pytest.raises(hv.Cancelled):
            run(mask, budget=30, cancel=StopAfter(checks), on_better=lambda *told: heard.append(told))
        assert [value for _, value in heard] == [swap.value for swap in whole.swaps[: len(heard)]]
    assert heard and value_of(heard[-1][0]) < value_of(mask)


@pytest.mark.parametrize(
    ("mask", "options"),
    [
        (masked(), {}),
        (masked(*HEADS), {}),
        (masked("L0H0", "L1H2"), {"locked": ("L0H0", "L1H2")}),
        (masked("L0H0", "L0H1", "L0H2", "L0H3"), {"least_per_layer": 4}),
    ],
)
def test_mask_without_a_swap_comes_back_as_it_is(mask: hv.Mask, options: dict[str, Any]) -> None:
    found = run(mask, **options)
    assert (found.mask, found.swaps, found.evaluations) == (mask, (), 1)
    assert found.before == found.after and found.ended == "No two heads may be swapped."


def test_progress_counts_evaluations_and_ends_at_the_whole() -> None:
    said: list[tuple[int, int, str]] = []
    run(masked("L0H0"), budget=500, on_progress=lambda *told: said.append(told))
    counts = [done for done, _, _ in said]
    assert counts == sorted(counts) and (counts[0], counts[-1]) == (0, 500)
    assert {told[1:] for told in said} == {(500, "improving the mask")}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"measure": "f1"}, hv.ScoreError, "measure='f1' is not one of loss, accuracy"),
        ({"by": "luck"}, hv.ScoreError, "by='luck' is not one of predicted, random"),
        ({"budget": 0}, hv.ScoreError, "budget must be a whole number, at least 1"),
        ({"budget": 2.5}, hv.ScoreError, "budget must be a whole number"),
        ({"least_per_layer": -1}, hv.ScoreError, "least_per_layer must be a whole number, at least 0"),
        ({"locked": ["L9H0"]}, hv.MaskError, "no head L9H0"),
        ({"by": "random", "seed": -1}, hv.ScoreError, "seed must be a whole number"),
    ],
)
def test_argument_out_of_range_is_refused_with_a_sentence(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(masked("L0H0"), **options)


def test_mask_or_scores_of_another_model_are_refused() -> None:
    with pytest.raises(hv.MaskError, match="per layer"):
        run(hv.Mask(np.ones((2, 2), dtype=bool)))
    gradient = np.ones((5, 2, 4), dtype=np.float32)
    other = hv.Scores(gradient, gradient, np.ones(5), np.arange(5), {})
    with pytest.raises(hv.MaskError, match="one model"):
        improve(SUBJECT, DATA, masked("L0H0"), other)

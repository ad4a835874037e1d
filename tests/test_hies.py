"""HIES against the worked example that the formula gives on paper, and its breaks against brute force."""

from __future__ import annotations

import time
import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz import hies
from headviz.errors import ScoreError

# One layer of six heads; hHIS = (1, .008, ...), 1 - hAE = (4, 0, 7, 3, 6, 1) / 7, both exact by hand.
HIS = np.array([[100, 1, 0.8, 0.6, 0.4, 0.2]])
AE = np.array([[0.5, 0.9, 0.2, 0.6, 0.3, 0.8]])


def cut_order(alpha: float) -> list[int]:
    return np.argsort(hies.blend(HIS, AE, alpha)[0], kind="stable").tolist()


@pytest.mark.parametrize(
    ("alpha", "order"),
    [
        (0, [1, 5, 3, 0, 4, 2]),
        (0.5, [1, 5, 3, 4, 2, 0]),
        (0.9, [1, 5, 3, 4, 2, 0]),
        (0.99, [5, 1, 3, 4, 2, 0]),
        (0.995, [5, 3, 4, 1, 2, 0]),
        (0.999, [5, 4, 3, 2, 1, 0]),
        (1, [5, 4, 3, 2, 1, 0]),
    ],
)
def test_blend_worked_example_gives_the_order_of_cutting(alpha: float, order: list[int]) -> None:
    assert cut_order(alpha) == order


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (1, [({1}, 0.0, 0.94687), ({5}, 0.94687, 1.0)]),
        (2, [({1, 5}, 0.0, 0.99073), ({3, 5}, 0.99073, 0.99535), ({4, 5}, 0.99535, 1.0)]),
        (3, [({1, 3, 5}, 0.0, 0.99303), ({3, 4, 5}, 0.99303, 1.0)]),
        (4, [({0, 1, 3, 5}, 0.0, 0.22257), ({1, 3, 4, 5}, 0.22257, 0.998), ({2, 3, 4, 5}, 0.998, 1.0)]),
    ],
)
def test_breaks_worked_example_gives_every_mask(cut: int, expected: list[tuple[set[int], float, float]]) -> None:
    important, focused = hies.terms(HIS, AE)
    found = hies.breaks(important[0], focused[0], cut)
    assert [set(np.flatnonzero(pruned)) for _, _, pruned in found] == [heads for heads, _, _ in expected]
    # the example's breaks are printed to five digits
    for (low, high, _), (_, low_known, high_known) in zip(found, expected, strict=True):
        assert low == pytest.approx(low_known, abs=6e-6)
        assert high == pytest.approx(high_known, abs=6e-6)


# thousandths: far enough apart that 1 - x keeps their order
values = st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=2, max_size=14)


@given(st.data())
def test_breaks_between_neighbours_the_mask_is_the_one_that_sorting_gives(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 14))
    his = np.array(data.draw(st.lists(st.integers(0, 50), min_size=count, max_size=count)), dtype=float)[None]
    ae = np.array(data.draw(st.lists(st.integers(0, 50), min_size=count, max_size=count)), dtype=float)[None]
    cut = data.draw(st.integers(0, count))
    important, focused = (term[0] for term in hies.terms(his, ae))
    found = hies.breaks(important, focused, cut)
    assert found[0][0] == 0.0
    assert found[-1][1] == 1.0
    assert all(left[1] == right[0] for left, right in pairwise(found))
    assert all(not np.array_equal(left[2], right[2]) for left, right in pairwise(found))
    for low, high, pruned in found:
        assert pruned.sum() == cut
        if high - low > 1e-9:
            for alpha in (low + (high - low) * share for share in (0.01, 0.37, 0.5, 0.99)):
                score = hies.mix(important, focused, alpha)
                # no cut head may stand above a kept one by more than rounding
                if 0 < cut < count:
                    assert score[pruned].max() <= score[~pruned].min() + 1e-12


@given(st.data())
def test_breaks_at_the_ends_the_mask_is_the_one_of_one_term_alone(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 10))
    draw = st.lists(st.integers(0, 4), min_size=count, max_size=count)
    important, focused = (np.array(data.draw(draw), dtype=float) / 4 for _ in range(2))
    cut = data.draw(st.integers(1, count - 1))
    found = hies.breaks(important, focused, cut)
    assert set(np.flatnonzero(found[0][2])) == set(np.argsort(focused, kind="stable")[:cut])
    assert set(np.flatnonzero(found[-1][2])) == set(np.argsort(important, kind="stable")[:cut])


def test_breaks_random_heads_no_mask_on_a_fine_grid_is_missed() -> None:
    rng = np.random.default_rng(0)
    important, focused = (term[0] for term in hies.terms(rng.lognormal(0, 1.5, (1, 144)), rng.beta(4, 3, (1, 144))))
    found = hies.breaks(important, focused, 72)
    known = {tuple(np.flatnonzero(pruned)) for _, _, pruned in found}
    for alpha in np.linspace(0, 1, 5001):
        lowest = np.sort(np.argsort(hies.mix(important, focused, alpha), kind="stable")[:72])
        assert tuple(lowest) in known
    assert 30 < len(known) < 90  # about 50 for such heads


def test_breaks_a_thousand_heads_are_quick_enough_to_show() -> None:
    rng = np.random.default_rng(1)
    important, focused = (term[0] for term in hies.terms(rng.lognormal(0, 1, (1, 1024)), rng.beta(4, 3, (1, 1024))))
    found = hies.breaks(important, focused, 512)
    assert len(found) > 100
    assert len({tuple(np.flatnonzero(pruned)) for _, _, pruned in found}) == len(found)


@pytest.mark.parametrize("heads", [1024, 2048])
def test_breaks_many_heads_are_quick_with_room_in_layers_too(heads: int) -> None:
    rng = np.random.default_rng(1)
    drawn = hies.terms(rng.lognormal(0, 1, (1, heads)), rng.beta(4, 3, (1, heads)))
    layer, room = np.repeat(np.arange(32), heads // 32), np.full(32, heads // 48)
    start = time.process_time()
    found = hies.breaks(drawn[0][0], drawn[1][0], heads // 2, layer=layer, room=room)
    assert time.process_time() - start < 4  # some 0.3 s alone on a machine
    assert len(found) > 100


@given(st.data())
def test_lowest_with_room_takes_what_a_walk_from_the_bottom_takes(data: st.DataObject) -> None:
    layer = np.array(sorted(data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=12))))
    values = np.array(data.draw(st.lists(st.integers(0, 5), min_size=len(layer), max_size=len(layer))), dtype=float)
    room = np.array(data.draw(st.lists(st.integers(0, 4), min_size=4, max_size=4)))
    cut = data.draw(st.integers(0, len(layer)))
    left, expected = room.tolist(), []
    for head in sorted(range(len(layer)), key=lambda head: (values[head], head)):
        if left[layer[head]] > 0 and len(expected) < cut:
            left[layer[head]] -= 1
            expected.append(head)
    assert np.flatnonzero(hies.lowest(values, cut, layer=layer, room=room)).tolist() == sorted(expected)


def test_breaks_equal_heads_stay_in_reading_order_on_both_sides_of_a_join() -> None:
    """Heads 0 and 1 are one line that falls, head 2 rises past it: of the equal ones the first stays cut."""
    focused, important = np.array([0.25, 0.25, 0.5, 1]), np.array([0.75, 0.75, 0.5, 1])
    found = hies.breaks(important, focused, 2)
    assert [(low, high, np.flatnonzero(pruned).tolist()) for low, high, pruned in found] == [
        (0.0, 0.5, [0, 1]), (0.5, 1.0, [0, 2]),
    ]  # fmt: skip


def test_breaks_full_layer_exchanges_within_itself_and_an_open_one_with_all() -> None:
    """Layer 0 (heads 0, 1) may lose one head, layer 1 (2, 3) two; two go. The order of 0 and 1 turns at 1/2; head 2
    stays cut, since head 1 cannot go beside head 0 however low it is."""
    focused, important = np.array([0, 0.2, 0.4, 1]), np.array([0.2, 0, 0.4, 1])
    layer, room = np.array([0, 0, 1, 1]), np.array([1, 2])
    found = hies.breaks(important, focused, 2, layer=layer, room=room)
    assert [(low, high, np.flatnonzero(pruned).tolist()) for low, high, pruned in found] == [
        (0.0, 0.5, [0, 2]), (0.5, 1.0, [1, 2]),
    ]  # fmt: skip


@given(values)
def test_blend_alpha_one_orders_as_his_and_zero_as_focus(drawn: list[float]) -> None:
    his = np.array(drawn)[None]
    ae = his[:, ::-1]
    by_his = np.argsort(hies.blend(his, ae, 1.0)[0], kind="stable")
    by_ae = np.argsort(hies.blend(his, ae, 0.0)[0], kind="stable")
    assert (np.diff(his[0][by_his]) >= 0).all()
    assert (np.diff(ae[0][by_ae]) <= 0).all()


def test_blend_affine_maps_of_either_score_change_nothing() -> None:
    rng = np.random.default_rng(2)
    his, ae = rng.lognormal(size=(3, 4)), rng.random((3, 4))
    assert hies.blend(7 * his, 3 * ae + 5, 0.7) == pytest.approx(hies.blend(his, ae, 0.7), abs=1e-12)


def test_blend_equal_scores_give_zero_without_nan() -> None:
    flat = np.full((2, 3), 0.4)
    rising = np.arange(6.0).reshape(2, 3)
    assert (hies.blend(flat, flat, 0.3) == 0).all()
    assert hies.blend(rising, flat, 0.5) == pytest.approx(0.5 * rising / 5)
    assert hies.blend(flat, rising, 0.5) == pytest.approx(0.5 * (1 - rising / 5))


def test_normalise_layer_scales_each_layer_and_leaves_a_single_head_at_zero() -> None:
    values = np.array([[1.0, 3.0], [10.0, np.nan]])
    assert hies.normalise(values, "layer")[0].tolist() == [0.0, 1.0]
    assert hies.normalise(values, "layer")[1, 0] == 0.0
    assert np.isnan(hies.normalise(values, "layer")[1, 1])


def test_normalise_rank_spreads_evenly_and_equal_values_share() -> None:
    assert hies.normalise(np.array([[5.0, 1.0, 900.0]]), "rank").tolist() == [[0.5, 0.0, 1.0]]
    assert (
        hies.normalise(np.array([[1.0, 1.0, 2.0, 3.0]]), "rank")[0, 0]
        == hies.normalise(np.array([[1.0, 1.0, 2.0, 3.0]]), "rank")[0, 1]
    )


@pytest.mark.parametrize("alpha", [-0.1, 1.5, float("nan")])
def test_blend_alpha_outside_its_range_is_refused(alpha: float) -> None:
    with pytest.raises(ScoreError, match="alpha must be a number from 0 to 1"):
        hies.blend(HIS, AE, alpha)


def test_normalise_unknown_way_is_refused_by_name() -> None:
    with pytest.raises(ScoreError, match="global, layer, rank"):
        hies.normalise(HIS, "l2")


@pytest.mark.parametrize("alpha", ["half", None, "nan", [0.5]])
def test_weight_that_is_no_number_is_refused(alpha: object) -> None:
    with pytest.raises(ScoreError, match="alpha must be a number from 0 to 1"):
        hies.weight(alpha)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", hies.NORMALISATIONS)
def test_blend_layer_without_any_head_stays_absent_and_warns_of_nothing(how: str) -> None:
    his, ae = np.full((3, 2), np.nan), np.full((3, 2), np.nan)
    his[0], his[2], ae[0], ae[2] = [1, 2], [3, 4], [0.1, 0.2], [0.3, 0.4]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        blended = hies.blend(his, ae, 0.5, how)
    assert np.isnan(blended[1]).all()
    assert np.isfinite(blended[[0, 2]]).all()


@pytest.mark.parametrize(
    ("his", "ae", "what"),
    [
        ([[1.0, np.inf]], [[0.1, 0.2]], "HIS of L0H1 is inf"),
        ([[1.0, 2.0]], [[np.nan, 0.2]], "attention entropy of L0H0 is nan"),
    ],
)
def test_blend_score_that_is_not_finite_names_the_head(his: list, ae: list, what: str) -> None:
    with pytest.raises(ScoreError, match=what):
        hies.blend(np.array(his), np.array(ae), 0.5)


def test_blend_entropy_of_a_head_that_is_not_there_plays_no_part() -> None:
    his, ae = np.array([[1.0, 2.0, np.nan]]), np.array([[0.2, 0.4, 0.9]])
    np.testing.assert_array_equal(hies.blend(his, ae, 0.25), [[0.75, 0.25, np.nan]])

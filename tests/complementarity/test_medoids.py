"""k-medoids: known clusterings, brute force, and the kmedoids package as a second opinion."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headviz as hv
from headviz.complementarity import medoids as module
from headviz.complementarity.medoids import all_medoids, build, deviation, k_medoids, starts

SIX = np.array([0, 1, 2, 10, 11, 12])
NINE = np.array([0, 1, 2, 10, 11, 12, 30, 31, 32])


def on_line(places: np.ndarray) -> np.ndarray:
    return abs(places[:, None] - places).astype(float)


def on_plane(n: int, seed: int) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(n, 2))
    return np.sqrt(((points[:, None] - points) ** 2).sum(axis=-1))


def slow_build(distances: np.ndarray) -> list[int]:
    order: list[int] = []
    for _ in range(len(distances)):
        left = [head for head in range(len(distances)) if head not in order]
        order.append(min(left, key=lambda head: (round(deviation(distances, np.array([*order, head])), 9), head)))
    return order


def test_k_medoids_of_two_groups_on_a_line_finds_their_centres() -> None:
    labels, medoids = hv.k_medoids(on_line(SIX), 2)
    assert SIX[medoids].tolist() == [1, 11] and labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert deviation(on_line(SIX), medoids) == 4


def test_k_medoids_of_three_groups_on_a_line_finds_their_centres() -> None:
    labels, medoids = k_medoids(on_line(NINE), 3)
    assert NINE[medoids].tolist() == [1, 11, 31] and labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert deviation(on_line(NINE), medoids) == 6


@pytest.mark.parametrize("start", ["build", "random"])
def test_k_medoids_of_one_cluster_is_the_head_nearest_to_all(start: str) -> None:
    distances = on_plane(25, 3)
    labels, medoids = k_medoids(distances, 1, start)
    assert medoids.tolist() == [distances.sum(axis=0).argmin()] and not labels.any()


def test_k_medoids_of_as_many_clusters_as_heads_keeps_all() -> None:
    labels, medoids = k_medoids(on_plane(9, 0), 9)
    assert labels.tolist() == medoids.tolist() == list(range(9))


def test_k_medoids_of_identical_heads_lets_each_medoid_belong_to_itself() -> None:
    labels, medoids = k_medoids(np.zeros((5, 5)), 3)
    assert medoids.tolist() == [0, 1, 2] and labels.tolist() == [0, 1, 2, 0, 0]


def test_build_equals_choosing_the_best_head_again_and_again() -> None:
    for seed in range(10):
        distances = on_plane(20, seed)
        assert build(distances).tolist() == slow_build(distances)


def test_build_among_equal_heads_takes_the_lower_index() -> None:
    assert build(np.ones((4, 4)) - np.eye(4)).tolist() == [0, 1, 2, 3]
    assert build(on_line(np.array([5, 5, 0, 0, 5]))).tolist() == [0, 2, 1, 3, 4]


def test_random_starts_are_the_nested_choices_of_the_legacy_generator() -> None:
    order = starts(on_plane(72, 0), "random", 42)
    for k in (2, 14, 71, 72):
        assert order[:k].tolist() == np.random.RandomState(42).choice(72, k, replace=False).tolist()


@given(st.integers(2, 25), st.integers(0, 10**6), st.sampled_from(["build", "random"]), st.data())
def test_k_medoids_leaves_no_single_swap_that_pays(n: int, seed: int, start: str, data: Any) -> None:
    distances, k = on_plane(n, seed), data.draw(st.integers(1, n))
    labels, medoids = k_medoids(distances, k, start, seed)
    assert (np.diff(medoids) > 0).all() and len(medoids) == k
    assert np.array_equal(labels[medoids], np.arange(k))
    assert np.array_equal(distances[medoids[labels], np.arange(n)], distances[medoids].min(axis=0))
    found = deviation(distances, medoids)
    for slot, head in itertools.product(range(k), set(range(n)) - set(medoids.tolist())):
        other = medoids.copy()
        other[slot] = head
        assert deviation(distances, other) >= found * (1 - 1e-9)


def test_k_medoids_is_never_better_than_exhaustive_search_and_mostly_equal() -> None:
    equal = 0
    for seed, k in itertools.product(range(10), range(2, 6)):
        distances = on_plane(12, seed)
        best = min(deviation(distances, np.array(chosen)) for chosen in itertools.combinations(range(12), k))
        found = deviation(distances, k_medoids(distances, k)[1])
        assert found >= best * (1 - 1e-12)
        equal += found <= best * (1 + 1e-9)
    assert equal > 20


def test_k_medoids_agrees_with_the_kmedoids_package_from_the_same_starts() -> None:
    import kmedoids

    ratios = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(30, 120))
        distances, k = on_plane(n, seed), int(rng.integers(2, n // 2))
        ours = deviation(distances, k_medoids(distances, k, "random", seed)[1])
        # Without a random_state and with one thread it scans in plain order, as we do.
        start = starts(distances, "random", seed)[:k]
        theirs = kmedoids.fasterpam(distances, start.copy(), random_state=None, n_cpu=1).loss
        ratios.append(ours / theirs)
    ratios = np.array(ratios)
    assert np.count_nonzero(abs(ratios - 1) < 1e-6) >= 40
    assert abs(ratios.mean() - 1) < 1e-3 and ratios.max() < 1.02


@pytest.mark.parametrize("start", ["build", "random"])
def test_compiled_and_numpy_passes_give_identical_medoids(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module._fastest_pass() is not module._pass_in_numpy
    grid = np.array(list(itertools.product(range(6), range(6))), dtype=float)  # full of ties
    for distances in (on_plane(40, 1), np.sqrt(((grid[:, None] - grid) ** 2).sum(axis=-1)), on_line(NINE)):
        compiled = all_medoids(distances, len(distances), start, 5)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_fastest_pass", lambda: module._pass_in_numpy)
            plain = all_medoids(distances, len(distances), start, 5)
        assert [x.tolist() for x in compiled] == [x.tolist() for x in plain]


def test_k_medoids_without_numba_works_in_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    assert module._fastest_pass.__wrapped__() is module._pass_in_numpy


def test_k_medoids_without_a_folder_for_compiled_code_works(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    def njit(*args: Any, cache: bool = False) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(numba, "njit", lambda *args, **options: args[0] if args else njit(**options))
    assert module._fastest_pass.__wrapped__() is module._pass_in_loops


def test_importing_medoids_loads_no_numba() -> None:
    code = "import sys, headviz.complementarity.medoids; print('numba' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "False"


def test_all_medoids_are_those_of_each_k_and_every_step_is_told() -> None:
    distances, steps = on_plane(15, 4), []
    found = all_medoids(distances, 15, on_step=lambda: steps.append(1))
    assert len(found) == len(steps) == 15
    for k, medoids in enumerate(found, start=1):
        assert medoids.tolist() == k_medoids(distances, k)[1].tolist()


def test_all_medoids_end_with_what_a_step_raises() -> None:
    steps = []

    def stop() -> None:
        steps.append(1)
        if len(steps) == 3:
            raise hv.Cancelled

    with pytest.raises(hv.Cancelled):
        all_medoids(on_plane(15, 4), 15, on_step=stop)
    assert len(steps) == 3


@pytest.mark.parametrize(
    ("distances", "words"),
    [
        (np.zeros((2, 3)), "square"),
        (np.zeros(4), "square"),
        (np.zeros((0, 0)), "square"),
        (np.array([[0, np.nan], [np.nan, 0]]), "finite"),
        (np.array([[0, -1], [-1, 0]]), "negative"),
        (np.array([[0, 1], [2, 0]]), "symmetric"),
        ([["a", "b"], ["c", "d"]], "numbers"),
    ],
)
def test_distances_that_are_none_are_refused(distances: Any, words: str) -> None:
    with pytest.raises(hv.ScoreError, match=words):
        k_medoids(distances, 1)


@pytest.mark.parametrize("k", [0, 7, 2.0, True, "2"])
def test_k_outside_the_heads_is_refused(k: Any) -> None:
    with pytest.raises(hv.ScoreError, match="from 1 to 6"):
        k_medoids(on_line(SIX), k)


@pytest.mark.parametrize(
    ("start", "seed", "words"), [("first", 0, "build, random"), ("random", -1, "seed"), ("random", 0.5, "seed")]
)
def test_unknown_start_and_seed_are_refused(start: str, seed: Any, words: str) -> None:
    with pytest.raises(hv.ScoreError, match=words):
        k_medoids(on_line(SIX), 2, start, seed)


def test_medoids_on_the_measured_plane_reach_the_known_deviation(shared: Path) -> None:
    known = np.load(shared / "data" / "cahp" / "reference.npz")
    plane = known["plane_reference"].astype(np.float64)
    distances = np.sqrt(((plane[:, None] - plane) ** 2).sum(axis=-1))
    found = [deviation(distances, medoids) for medoids in all_medoids(distances, 71)[1:]]
    assert (np.array(found) <= 1.01 * known["deviation_build"]).all()
